// Elements of HTML and SVG. Whatever the data hold becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

// A text that can be broken after each _ and =, as long names of symbols must be on a phone.
function breakable(text) {
  return text.split(/(?<=[_=])/).flatMap((part, n) => (n ? [make("wbr"), part] : [part]));
}

function host(name) {
  return document.getElementById(`${name}-view`);
}

// A list to choose from, whose choice is kept under `name`; `options` are pairs of value and text.
function chooser(name, label, options, usual, changed) {
  const values = options.map(([value]) => value);
  const kept = choice(name, usual, values);
  const list = make("select", { id: `choose-${name}` });
  for (const [value, text] of options)
    list.append(make("option", { value, selected: value === kept }, text));
  list.addEventListener("change", () => {
    choose(name, list.value, usual);
    changed();
  });
  return make("label", {}, label, list);
}

// A command as a shell reads it, whatever the names in it are.
function quoted(text) {
  const plain = [...text].filter((letter) => letter >= " " && letter !== "\x7f").join("");
  return /^[\w.,/=:@%+-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`;
}

function againCommand(place) {
  return `${view.data.again} ${quoted(`TRIALS=${trialNames(place).join(",")}`)}`;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyByHand(text);
  }
  say(`Copied: ${text}`);
}

function copyByHand(text) {
  const area = make("textarea", { "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function say(text) {
  const place = document.getElementById("copied");
  place.replaceChildren(make("span", {}, text.length > 160 ? `${text.slice(0, 160)}…` : text));
  clearTimeout(say.timer);
  say.timer = setTimeout(() => place.replaceChildren(), 3000);
}
