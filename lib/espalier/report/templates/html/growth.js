// What grew and which neurons were exchanged: weights over time, lives and ages of neurons.

const MOST_GROWN = 8;
const GENERATIONS = 7; // colours of generations; what is later has the last one

function buildGrowth() {
  const { grown, lineages } = view.data.growth;
  document.getElementById("growth").hidden = !grown.length && !lineages.length;
  if (grown.length) buildGrown();
  if (lineages.length) buildLineages(lineages);
}

function buildGrown() {
  host("growth").append(
    make("h3", {}, "Live weights"),
    make("div", { id: "grown-chart" }),
    make("p", { class: "caption", id: "grown-caption" }),
  );
  onPause(showGrown);
}

function showGrown() {
  const { grown } = view.data.growth;
  const shown = grown.filter(({ place, step }) => view.shown[place] && step.length);
  const drawn = shown.slice(0, MOST_GROWN);
  const chart = document.getElementById("grown-chart");
  document.getElementById("grown-caption").textContent = drawn.length ? grownCaption(shown.length - drawn.length) : "";
  if (!drawn.length) {
    chart.replaceChildren("Nothing that is shown grew.");
    return;
  }
  const lives = drawn.flatMap(({ live, added, dropped }) => [live[0] - added[0] + dropped[0], ...live]);
  const [low, high] = roomy(minimum(lives), maximum(lives));
  const y = { label: "live weights", low, high, levels: null, log: false };
  const x = { label: "step (updates)", low: 0, high: maximum(drawn.flatMap(({ step, last }) => [last, ...step])), levels: null, log: false };
  const parts = frame(chart.clientWidth, 320, x, y, "live weights by step");
  drawn.forEach((each, tone) => paintGrown(parts, each, x.high, tone));
  chart.replaceChildren(parts.picture, legend(drawn.map(({ name, place }, tone) => [`${name} ${valuesText(place)}`, tone])));
}

function grownCaption(left) {
  const more = left ? ` ${left} more are not drawn.` : "";
  return `Lines: one run of each configuration that is shown, the best first; dots: its events.${more}`;
}

function paintGrown({ picture, across, up }, { step, live, added, dropped }, end, tone) {
  const kind = seriesClass(tone);
  const before = (n) => (n ? live[n - 1] : live[0] - added[0] + dropped[0]);
  const points = [[0, before(0)], ...step.flatMap((at, n) => [[at, before(n)], [at, live[n]]])];
  points.push([end, live[live.length - 1]]);
  picture.append(draw("path", { class: `curve ${kind}`, d: line(points.map(([at, value]) => [across(at), up(value)])) }));
  step.forEach((at, n) => {
    const title = draw("title", {}, `step ${at}: ${added[n]} added, ${dropped[n]} dropped, ${live[n]} live`);
    picture.append(draw("circle", { class: `dot ${kind}`, cx: across(at), cy: up(live[n]), r: 3 }, title));
  });
}

function buildLineages(lineages) {
  const trials = lineages.map(({ name, place }, n) => [String(n), shorten(`${name} ${valuesText(place)}`, LONG)]);
  const layers = [...Array(Math.max(...lineages.map((each) => each.layers.length))).keys()];
  host("growth").append(
    make("h3", {}, "Lineage of neurons"),
    make(
      "div",
      { class: "bar" },
      chooser("lineage", "Of", trials, "0", showLineage),
      chooser("layer", "Layer", layers.map((n) => [String(n), String(n + 1)]), "0", showLineage),
    ),
    make("div", { id: "lives-chart" }),
    make("p", { class: "caption", id: "lives-caption" }),
    make("div", { id: "ages-chart" }),
    make("p", { class: "caption" }, "Ages of the living: line, their mean; band, from the youngest to the oldest."),
  );
  onPause(showLineage);
}

function showLineage() {
  const lineage = view.data.growth.lineages[Number(chosen("lineage"))];
  const layer = lineage.layers[Math.min(Number(chosen("layer")), lineage.layers.length - 1)];
  const x = { label: "step (updates)", low: 0, high: lineage.last || 1, levels: null, log: false };
  showLives(layer, x);
  showAges(layer, x);
}

function showLives(layer, x) {
  const chart = document.getElementById("lives-chart");
  const slots = maximum(layer.slot) + 1;
  const y = { label: "slot of the layer", low: -0.5, high: slots - 0.5, levels: null, log: false };
  const parts = frame(chart.clientWidth, Math.max(220, Math.min(640, 60 + 5 * slots)), x, y, `Lives of the neurons of layer ${layer.name}`);
  layer.ties.forEach((tie) => paintTie(parts, tie));
  layer.slot.forEach((_, n) => paintLife(parts, layer, n));
  const there = [...new Set(layer.generation.map((each) => Math.min(each, GENERATIONS)))].sort((a, b) => a - b);
  chart.replaceChildren(parts.picture, legend(there.map((each) => [generationName(each), generationTone(each)])));
  document.getElementById("lives-caption").textContent = livesCaption(layer);
}

function generationTone(generation) {
  return generation ? Math.min(generation, GENERATIONS) - 1 : SERIES - 1;
}

function generationName(generation) {
  if (!generation) return "founders";
  return generation < GENERATIONS ? `generation ${generation}` : `generation ${GENERATIONS} or later`;
}

function paintTie({ picture, across, up }, [step, from, to]) {
  picture.append(draw("line", { class: "tie", x1: across(step), x2: across(step), y1: up(from), y2: up(to) }));
}

function paintLife({ picture, across, up }, { slot, start, end, generation }, n) {
  const kind = `s${generationTone(generation[n])}`;
  const title = draw("title", {}, `slot ${slot[n]}: ${generationName(generation[n])}, from step ${start[n]} to ${end[n]}`);
  const height = up(slot[n]);
  picture.append(draw("line", { class: `life ${kind}`, x1: across(start[n]), x2: across(end[n]), y1: height, y2: height }, title));
  if (generation[n]) picture.append(draw("circle", { class: `dot ${kind}`, cx: across(start[n]), cy: height, r: 2 }));
}

function livesCaption({ name, generation, slot, ties }) {
  const born = generation.filter(Boolean).length;
  const lines = ties.length ? " Upright lines join a newborn to its parents." : "";
  return `Layer ${shorten(name, 40)}: ${slot.length - born} founders, ${born} born later. Each line is the life of a neuron in the slot that it had; dots are births.${lines}`;
}

function showAges(layer, x) {
  const chart = document.getElementById("ages-chart");
  const y = { label: "age (steps)", low: 0, high: maximum(layer.ages.map(([, , , most]) => most)) || 1, levels: null, log: false };
  const parts = frame(chart.clientWidth, 220, x, y, `Ages of the neurons of layer ${layer.name}`);
  const at = (side) => layer.ages.map((row) => [parts.across(row[0]), parts.up(row[side])]);
  parts.picture.append(
    draw("path", { class: "band s0", d: area(at(1), at(3)) }),
    draw("path", { class: "curve s0", d: line(at(2)) }),
  );
  chart.replaceChildren(parts.picture);
}
