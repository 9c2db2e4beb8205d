// What each swept symbol does: means of its values where they can be compared, and importance.

function buildEffects() {
  const { axes, without, importance } = view.data.effects;
  const hidden = !axes.length && !without.length;
  document.getElementById("effects").hidden = hidden;
  if (hidden) return;
  const panels = make("div", { class: "panels", id: "effects-panels" });
  host("effects").append(make("p", { class: "caption" }, effectsCaption()), panels);
  if (importance) host("effects").append(...importanceView(importance));
  onPause(() => showEffects(panels));
}

function effectsCaption() {
  const { axes, caption, without } = view.data.effects;
  const left = `Without means, since they have many values or these share no setting of the others: ${without.join(", ")}.`;
  return [axes.length ? caption : "", without.length ? left : ""].filter(Boolean).join(" ");
}

function showEffects(panels) {
  const { axes } = view.data.effects;
  panels.replaceChildren(...axes.map((axis) => make("div", {}, make("h3", {}, axis.symbol), make("p", { class: "note" }, axis.note))));
  [...panels.children].forEach((panel, n) => panel.append(effectPicture(axes[n], panel.clientWidth)));
}

function effectPicture(axis, width) {
  const { measure } = rankAxis();
  const ends = axis.levels.flatMap(({ mean, half }) => intervalEnds(mean, half));
  const [low, high] = roomy(minimum(ends), maximum(ends));
  const x = effectAxis(axis);
  const y = { label: measure.short, low, high, levels: null, log: false };
  const { picture, across, up } = frame(width, 220, x, y, `${measure.label} by ${axis.symbol}`);
  if (!x.levels) picture.append(draw("path", { class: "curve s0", d: line(x.order.map((n) => [across(x.places[n]), up(axis.levels[n].mean)])) }));
  axis.levels.forEach(({ mean, half }, n) => {
    const [at, reach] = [across(x.places[n]), half ?? 0];
    picture.append(
      draw("line", { class: "whisker s0", x1: at, x2: at, y1: up(mean - reach), y2: up(mean + reach) }),
      draw("circle", { class: "dot s0", cx: at, cy: up(mean), r: 4 }),
    );
  });
  return picture;
}

// The axis of a symbol: of numbers, to scale, with a tick at each; else of names, side by side.
function effectAxis({ symbol, levels }) {
  const texts = levels.map(({ value }) => value);
  const numbers = texts.map(Number);
  if (numbers.some(Number.isNaN)) return { label: symbol, levels: texts, places: texts.map((_, n) => n), low: -0.4, high: texts.length - 0.6 };
  const [least, most] = [minimum(numbers), maximum(numbers)];
  const log = least > 0 && most / least >= GROUPED;
  const [low, high] = log ? [least, most] : roomy(least, most);
  const order = numbers.map((_, n) => n).sort((a, b) => numbers[a] - numbers[b]);
  return { label: symbol, levels: null, places: numbers, order, low, high, log, symbol: { numeric: true, texts } };
}

function importanceView({ shares, caveat }) {
  const most = maximum(shares.map(({ share }) => share)) || 1;
  const rows = shares.map(({ symbol, share, spread }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, symbol),
      make("td", { class: "number" }, `${(100 * share).toFixed(1)} % ± ${(100 * spread).toFixed(1)}`),
      make("td", {}, shareBar(share / most)),
    ),
  );
  const head = make("thead", {}, make("tr", {}, ...["symbol", "share of the variance, by itself", ""].map((text) => make("th", { scope: "col" }, text))));
  return [
    make("h3", {}, "Importance"),
    make("p", { class: "caption" }, caveat),
    make("div", { class: "wide" }, make("table", {}, head, make("tbody", {}, ...rows))),
  ];
}

function shareBar(part) {
  const picture = draw("svg", { width: 150, height: 14, viewBox: "0 0 150 14", class: "s0", "aria-hidden": "true" });
  picture.append(draw("rect", { class: "dot", x: 0, y: 2, width: Math.max(1, 150 * part), height: 10 }));
  return picture;
}
