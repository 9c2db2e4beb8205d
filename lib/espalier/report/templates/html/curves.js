// Learning curves of what is shown, a line and a band for each value of a symbol.

const MOST_CURVES = 8;
const curves = { starts: new Map(), values: new Map() };

function buildCurves() {
  const measures = view.data.curves;
  document.getElementById("curves").hidden = !measures.length;
  if (!measures.length) return;
  const options = measures.map((each) => [each.name, each.label]);
  const groups = [["", "each configuration, the best first"], ...named(categories())];
  host("curves").append(
    make(
      "div",
      { class: "bar" },
      chooser("curve", "Measure", options, options[0][0], showCurves),
      chooser("group", "Lines by", groups, firstOf(METHODS, categories()) ?? "", showCurves),
    ),
    make("div", { id: "curves-chart" }),
    make("p", { class: "caption", id: "curves-caption" }),
  );
  onPause(showCurves);
}

function showCurves() {
  const measure = view.data.curves.find((each) => each.name === chosen("curve"));
  const groups = curveGroups(measure);
  const chart = document.getElementById("curves-chart");
  const lines = groups.map(([name, places, tone]) => [name, groupCurve(measure, places), tone]).filter(([, points]) => points.steps.length);
  if (!lines.length) {
    chart.replaceChildren("Nothing that is shown has a history.");
    return;
  }
  const points = lines.map(([, each]) => each);
  const [low, high] = roomy(minimum(points.flatMap((each) => each.low)), maximum(points.flatMap((each) => each.high)));
  const steps = points.flatMap((each) => each.steps);
  const y = { label: labelWithUnit(measure), low, high, levels: null, log: false };
  const x = { label: measure.axis, low: Math.min(0, minimum(steps)), high: maximum(steps), levels: null, log: false };
  const parts = frame(chart.clientWidth, 360, x, y, `${measure.label} by ${measure.along}`);
  for (const [, each, tone] of lines) paintCurve(parts, each, tone);
  chart.replaceChildren(parts.picture, legend(lines.map(([name, , tone]) => [name, tone])));
  document.getElementById("curves-caption").textContent = curvesCaption(points, groups.left);
}

function curveGroups(measure) {
  const by = axisOf(chosen("group"));
  const places = shownPlaces().filter((n) => measure.grids[measure.grid[n]].length);
  if (!by) return firstCurves(places);
  const groups = [...grouped(places, by)].map(([tone, members]) => [by.text(members[0]) || "none", members, tone]);
  return Object.assign(groups, { left: 0 });
}

function firstCurves(places) {
  const first = places.slice(0, MOST_CURVES);
  const texts = curveTexts(first);
  return Object.assign(first.map((n, tone) => [texts[tone], [n], tone]), { left: places.length - first.length });
}

// The values of configurations; before them the name, where the legend has no room for all of them.
function curveTexts(places) {
  const texts = places.map(valuesText);
  if (texts.every((text) => text && text.length <= LONG)) return texts;
  return places.map((n, place) => [view.names[n], texts[place]].filter(Boolean).join(": "));
}

// Where the numbers of each configuration begin.
function curveStarts(measure) {
  if (!curves.starts.has(measure.name)) {
    let start = 0;
    curves.starts.set(measure.name, measure.grid.map((grid) => (start += measure.grids[grid].length) - measure.grids[grid].length));
  }
  return curves.starts.get(measure.name);
}

// The values of all curves, one after another.
function curveValues(measure) {
  if (!curves.values.has(measure.name)) curves.values.set(measure.name, decodedCurves(measure));
  return curves.values.get(measure.name);
}

function decodedCurves(measure) {
  const [mean, low, high] = [0, 1, 2].map(() => new Float64Array(measure.mean.length));
  const unit = (measure.high - measure.low) / measure.steps;
  const starts = new Set(curveStarts(measure));
  let level = 0;
  measure.mean.forEach((step, n) => {
    level = starts.has(n) ? step : level + step;
    mean[n] = measure.low + level * unit;
    low[n] = mean[n] - (measure.below[n] ?? 0) * unit;
    high[n] = mean[n] + (measure.above[n] ?? 0) * unit;
  });
  return { mean, low, high };
}

// The mean over configurations whose curves have the same steps, those that most of them have.
function groupCurve(measure, places) {
  const counts = new Map();
  for (const n of places) counts.set(measure.grid[n], (counts.get(measure.grid[n]) ?? 0) + 1);
  const grid = [...counts].sort((a, b) => b[1] - a[1])[0][0];
  const members = places.filter((n) => measure.grid[n] === grid);
  const steps = measure.grids[grid];
  const [mean, low, high] = [steps.map(() => 0), steps.map(() => Infinity), steps.map(() => -Infinity)];
  const [values, starts] = [curveValues(measure), curveStarts(measure)];
  for (const place of members)
    for (let n = 0; n < steps.length; n += 1) {
      const at = starts[place] + n;
      mean[n] += values.mean[at] / members.length;
      low[n] = Math.min(low[n], values.low[at]);
      high[n] = Math.max(high[n], values.high[at]);
    }
  return { steps, mean, low, high, count: members.length, others: places.length - members.length };
}

function paintCurve({ picture, across, up }, { steps, mean, low, high }, tone) {
  const at = (values) => values.map((value, n) => [across(steps[n]), up(value)]);
  picture.append(
    draw("path", { class: `band ${seriesClass(tone)}`, d: area(at(low), at(high)) }),
    draw("path", { class: `curve ${seriesClass(tone)}`, d: line(at(mean)) }),
  );
}

function curvesCaption(points, left) {
  const counts = points.map((each) => each.count);
  const alone = counts.every((count) => count === 1);
  const over = alone ? "a configuration's seeds" : `${minimum(counts)} to ${maximum(counts)} configurations and their seeds`;
  const others = points.reduce((sum, each) => sum + each.others, 0);
  const notes = [
    `Lines: means over ${over}; bands: from the least to the most of any seed.`,
    alone ? "" : "Their other settings may differ: limits above keep them equal.",
    left ? `${left} more configurations are not drawn.` : "",
    others ? `${others} with other steps are left out.` : "",
  ];
  return notes.filter(Boolean).join(" ");
}
