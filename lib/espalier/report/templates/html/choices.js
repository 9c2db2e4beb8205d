// What the reader chose: kept behind the # of the address, so that a page that is loaded again, or
// sent to somebody, shows the same.

const choices = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

function choice(name, usual, allowed) {
  const value = choices.get(name);
  if (value === null || (allowed && !allowed.includes(value))) return usual;
  return value;
}

// The words of a search, which all must be in what it shows.
function searchWords(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function choose(name, value, usual = "") {
  if (value === usual) choices.delete(name);
  else choices.set(name, value);
  const text = choices.toString();
  try {
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  } catch {
    location.hash = text;
  }
}
