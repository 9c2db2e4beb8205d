// Mask events: how much of a mask each event changed, and what masks were like after it.

const MOST_LOGGED = 8;
const MASK_MEASURES = [
  ["churn", "share of weights that changed"],
  ["before", "Jaccard index with the mask before"],
  ["largest", "Jaccard index with as many largest magnitudes"],
  ["density", "density"],
  ["explored", "share of weights ever live"],
];

function buildMasks() {
  const logged = view.data.masks;
  document.getElementById("masks").hidden = !logged.length;
  if (!logged.length) return;
  host("masks").append(
    make("div", { class: "bar" }, chooser("mask-measure", "Show", MASK_MEASURES, "churn", showMasks)),
    make("div", { id: "masks-chart" }),
    make("p", { class: "caption", id: "masks-caption" }),
  );
  onPause(showMasks);
}

function showMasks() {
  const measure = chosen("mask-measure");
  const shown = view.data.masks.filter(({ place }) => view.shown[place]);
  const drawn = shown.slice(0, MOST_LOGGED);
  const chart = document.getElementById("masks-chart");
  document.getElementById("masks-caption").textContent = drawn.length ? masksCaption(measure, shown.length - drawn.length) : "";
  if (!drawn.length) {
    chart.replaceChildren("Nothing that is shown logged its masks.");
    return;
  }
  const values = drawn.flatMap((each) => (measure === "density" ? [...each.sparsest, ...each.densest] : laterOf(each, measure).map(([, value]) => value)));
  const [low, high] = roomy(minimum(values), maximum(values));
  const y = { label: Object.fromEntries(MASK_MEASURES)[measure], low, high, levels: null, log: false };
  const x = { label: "step (updates)", low: 0, high: maximum(drawn.flatMap(({ step, end }) => [...step, end[0]])) || 1, levels: null, log: false };
  const parts = frame(chart.clientWidth, 320, x, y, `${y.label} by step`);
  drawn.forEach((each, tone) => paintMasks(parts, each, measure, tone));
  chart.replaceChildren(parts.picture, legend(drawn.map(({ name, place }, tone) => [`${name} ${valuesText(place)}`, tone])));
}

// The points of a measure; without the first step, at which a network becomes sparse at once. The
// share ever live is that since the event before, and goes on to the end of the run.
function laterOf({ step, end, ...columns }, measure) {
  const points = step.map((at, n) => [at, columns[measure][n]]);
  if (measure === "explored") return [...points, end].flatMap(([at, value], n) => (n ? [[points[n - 1][0], value], [at, value]] : [[at, value]]));
  const later = points.filter(([at]) => at > 0);
  return later.length && ["churn", "before", "largest"].includes(measure) ? later : points;
}

function paintMasks({ picture, across, up }, each, measure, tone) {
  const kind = seriesClass(tone);
  const points = laterOf(each, measure).map(([at, value]) => [across(at), up(value)]);
  if (measure === "density") {
    const at = (side) => each.step.map((step, n) => [across(step), up(each[side][n])]);
    picture.append(draw("path", { class: `band ${kind}`, d: area(at("sparsest"), at("densest")) }));
  }
  picture.append(draw("path", { class: `curve ${kind}`, d: line(points) }));
  if (points.length === 1) picture.append(draw("circle", { class: `dot ${kind}`, cx: points[0][0], cy: points[0][1], r: 3 }));
}

function masksCaption(measure, left) {
  const more = left ? ` ${left} more are not drawn.` : "";
  const band = measure === "density" ? " Bands: from the sparsest layer to the densest." : "";
  const first = ["churn", "before", "largest"].includes(measure) ? " Without the events before the first update, where there are later ones." : "";
  return `Lines: one run of each configuration that is shown, the best first, a point an event.${band}${first}${more}`;
}
