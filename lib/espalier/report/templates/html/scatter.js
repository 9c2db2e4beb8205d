// An axis against a measure by the values of a symbol: accuracy against sparsity first.

const MOST_DOTS = 1200;
const METHODS = ["PRUNING_METHOD", "OPTIMIZER", "MODEL"];
const SPARSITIES = ["TARGET_SPARSITY", "final_sparsity", "live_parameters"];
const REACHED = "final_sparsity";

function buildScatter() {
  const across = view.axes.filter((axis) => axis.varies);
  const up = view.axes.filter((axis) => !axis.swept && axis.varies);
  const hidden = !up.length || across.length < 2;
  document.getElementById("scatter").hidden = hidden;
  if (hidden) return;
  const usualUp = up.some((axis) => axis.key === rankAxis().key) ? rankAxis().key : up[0].key;
  const usualAcross = firstOf(SPARSITIES.slice(untargeted() ? 1 : 0), across) ?? across.find((axis) => axis.swept && !axis.levels)?.key ?? across.find((axis) => axis.key !== usualUp).key;
  host("scatter").append(
    make(
      "div",
      { class: "bar" },
      chooser("x", "Across", named(across), usualAcross, showScatter),
      chooser("y", "Up", named(up), usualUp, showScatter),
      chooser("by", "Lines by", bySymbols(), firstOf(METHODS, categories()) ?? "", showScatter),
    ),
    make("div", { id: "scatter-chart" }),
    make("p", { class: "caption", id: "scatter-caption" }),
  );
  onPause(showScatter);
}

// Whether some method prunes without a target, so that only what was reached is common to all.
function untargeted() {
  const [target, reached] = [axisOf("TARGET_SPARSITY"), axisOf(REACHED)];
  return Boolean(target && reached) && view.order.some((n) => Number.isNaN(target.value[n]) && reached.value[n] > 0);
}

// An axis whose values can be joined by lines. Sparsities that were reached are taken with two
// digits of what is left, so that those of one target are one; a dense network has none.
function joinable(axis) {
  if (axis.key !== REACHED) return { ...axis, joined: axis.swept && !axis.levels };
  const value = axis.value.map((share) => 1 - Number((1 - share).toPrecision(2)) || NaN).map((share) => Number(share.toFixed(9)));
  const texts = [...new Set(value.filter((share) => !Number.isNaN(share)))].map(String);
  return { ...axis, value, joined: true, symbol: { numeric: true, texts } };
}

function named(axes) {
  return axes.map((axis) => [axis.key, axis.label]);
}

function firstOf(keys, axes) {
  return keys.find((key) => axes.some((axis) => axis.key === key));
}

function categories() {
  return view.axes.filter((axis) => axis.swept && axis.varies && axis.symbol.texts.length <= 24);
}

function bySymbols() {
  return [["", "nothing"], ...named(categories())];
}

function chosen(name) {
  return document.getElementById(`choose-${name}`).value;
}

function showScatter() {
  const [across, y, by] = ["x", "y", "by"].map((name) => axisOf(chosen(name)));
  const x = joinable(across);
  const places = shownRanked().filter((n) => !Number.isNaN(x.value[n]) && !Number.isNaN(y.value[n]));
  const flat = flatLevels(x, y, by);
  const chart = document.getElementById("scatter-chart");
  if (!places.length) {
    chart.replaceChildren("Nothing that is shown has both.");
    return;
  }
  const series = grouped(places, by);
  const parts = frame(chart.clientWidth, 380, rangedAxis(x, places), rangedMeasure(y, [...places, ...flat]), `${y.label} against ${x.label}`);
  const dots = places.length > MOST_DOTS ? places.filter((_, n) => n % Math.ceil(places.length / MOST_DOTS) === 0) : places;
  for (const n of dots) paintGhost(parts, x, y, n, by ? toneOf(by, n) : 0);
  for (const n of flat) paintFlat(parts, y, n, toneOf(by, n));
  for (const [tone, group] of series) paintSeries(parts, x, y, group, tone);
  const entries = [...series].map(([tone, [first]]) => [by ? by.text(first) || "none" : "all", tone]);
  chart.replaceChildren(parts.picture, legend([...entries, ...flat.map((n) => [flatName(n), toneOf(by, n)])]));
  document.getElementById("scatter-caption").textContent = scatterCaption(x, y, flat);
}

// The best of each value that has no place across, such as no method at all beside sparsities.
function flatLevels(x, y, by) {
  if (!by || !(x.swept || x.joined)) return [];
  const without = shownRanked().filter((n) => Number.isNaN(x.value[n]) && !Number.isNaN(y.value[n]));
  const seen = new Map();
  for (const n of without) if (!seen.has(by.text(n))) seen.set(by.text(n), n);
  return [...seen.values()].slice(0, 3);
}

function flatName(place) {
  const by = axisOf(chosen("by"));
  return `${by.text(place) || "none"} (${chosen("x") === REACHED ? "dense" : `has no ${chosen("x")}`})`;
}

function paintFlat({ picture, up, left, right }, y, place, tone) {
  const height = up(y.value[place]);
  const kind = `curve ${seriesClass(tone)}`;
  picture.append(draw("path", { class: kind, d: line([[left, height], [right, height]]), "stroke-dasharray": "2 4" }));
}

// Places by the colour of their value, in the order of the colours.
function grouped(places, by) {
  const groups = new Map();
  for (const n of places) {
    const tone = by ? toneOf(by, n) : 0;
    if (!groups.has(tone)) groups.set(tone, []);
    groups.get(tone).push(n);
  }
  return new Map([...groups].sort(([a], [b]) => a - b));
}

function rangedAxis(axis, places) {
  if (axis.levels) return { ...axis, low: -0.3, high: axis.levels.length - 0.7 };
  const values = places.map((n) => axis.value[n]);
  const ends = [minimum(values), maximum(values)];
  const [low, high] = axis.log && ends[0] > 0 ? ends : roomy(...ends);
  return { ...axis, low, high, log: axis.log && ends[0] > 0 && ends[1] > ends[0] };
}

function rangedMeasure(axis, places) {
  const half = (n) => axis.measure.half[n] ?? 0;
  const low = minimum(places.map((n) => axis.value[n] - half(n)));
  const high = maximum(places.map((n) => axis.value[n] + half(n)));
  if (axis.log && low > 0) return { ...axis, low, high };
  const [from, to] = roomy(low, high);
  return { ...axis, low: from, high: to, log: false };
}

function paintGhost({ picture, across, up }, x, y, place, tone) {
  const mark = { class: `ghost ${seriesClass(tone)}`, cx: across(x.value[place]), cy: up(y.value[place]), r: 3 };
  picture.append(draw("circle", mark, dotTitle(y, place)));
}

// The best configuration at each value across, with the interval over its seeds as a band.
function paintSeries({ picture, across, up }, x, y, group, tone) {
  const best = new Map();
  for (const n of group) if (!best.has(x.value[n])) best.set(x.value[n], n);
  const places = [...best.values()].sort((a, b) => x.value[a] - x.value[b]);
  const kind = seriesClass(tone);
  const at = (n, side) => [across(x.value[n]), up(y.value[n] + side * (y.measure.half[n] ?? 0))];
  const joined = x.joined && places.length > 1;
  if (joined) {
    picture.append(draw("path", { class: `band ${kind}`, d: area(places.map((n) => at(n, -1)), places.map((n) => at(n, 1))) }));
    picture.append(draw("path", { class: `curve ${kind}`, d: line(places.map((n) => at(n, 0))) }));
  }
  for (const n of joined || x.swept ? places : places.slice(0, 400)) paintBest(picture, x, y, n, at, kind);
}

function paintBest(picture, x, y, place, at, kind) {
  const [[left, low], [, high], [, middle]] = [at(place, -1), at(place, 1), at(place, 0)];
  picture.append(draw("line", { class: `whisker ${kind}`, x1: left, x2: left, y1: low, y2: high }));
  picture.append(draw("circle", { class: `dot ${kind}`, cx: left, cy: middle, r: 4 }, dotTitle(y, place)));
}

function dotTitle(y, place) {
  return draw("title", {}, `${view.names[place]} ${valuesText(place)}: ${y.text(place)}`);
}

function scatterCaption(x, y, flat) {
  const best = rankAxis().label;
  const interval = `95 % t-interval over ${seedsText(y.measure)}`;
  const dots = x.swept || x.joined
    ? `Strong dots, joined: at each ${x.label} the configuration that is best by ${best} among those shown, with its ${interval}; faint dots: all others, whose other settings may differ.`
    : `Dots: configurations, with the ${interval}.`;
  const lacking = x.key === REACHED ? "dense network" : `one without a ${x.label}`;
  return flat.length ? `${dots} Dotted lines: the best ${lacking}.` : dots;
}

function seedsText(measure) {
  const counts = [...new Set(measure.n.filter((n) => n > 0))].sort((a, b) => a - b);
  if (!counts.length) return "no seed";
  const [low, high] = [counts[0], counts[counts.length - 1]];
  if (high === 1) return "one seed: none";
  return low === high ? `${low} seeds` : `${low} to ${high} seeds`;
}
