// Paired differences with their intervals: to the best, to controls, or to any configuration.

const ROWS = 30;
const SPREAD = 1e-7; // a half width below this is one of rounding
const forest = { rows: ROWS };

function buildForest() {
  const { beside, control, kinds } = view.data.forest;
  const none = !view.data.ranking.place.some(Boolean) || view.count < 2;
  document.getElementById("forest").hidden = none;
  if (none) return;
  const modes = [
    ...(beside ? [["beside", `the baseline ${beside.label}`]] : []),
    ...(kinds.length ? [["kinds", "controls, mean over configurations"]] : []),
    ...control.kinds.map((text, n) => [`control ${n}`, `control ${text}`]),
    ["best", "the best configuration"],
    ["choice", "a configuration of your choice"],
  ];
  const again = () => { forest.rows = ROWS; showForest(); };
  host("forest").append(
    make("div", { class: "bar" }, chooser("against", "Against", modes, modes[0][0], again), choiceChooser(again)),
    make("p", { class: "caption", id: "forest-caption" }),
    make("div", { class: "wide", id: "forest-table", tabindex: "0", role: "region", "aria-label": "Differences" }),
    make("button", { type: "button", id: "forest-more", click: () => { forest.rows += ROWS; showForest(); } }, "More"),
  );
  onPause(again);
}

function choiceChooser(again) {
  const { place } = view.data.ranking;
  const ranked = view.order.filter((n) => place[n]);
  const options = ranked.slice(0, 200).map((n) => [String(n), shorten(`${view.names[n]} ${valuesText(n)}`, LONG)]);
  return chooser("choice", "Which", options, options[0][0], again);
}

function showForest() {
  const mode = chosen("against");
  document.getElementById("choose-choice").parentElement.hidden = mode !== "choice";
  const rows = forestRows(mode);
  const listed = rows.slice(0, forest.rows);
  document.getElementById("forest-more").hidden = rows.length <= listed.length;
  document.getElementById("forest-caption").textContent = forestCaption(mode, rows.length);
  const [low, high] = forestRange(listed);
  const body = make("tbody", {}, ...listed.map((row) => forestRow(row, low, high)));
  const heads = ["configuration", "difference", "", "n", "verdict"].map((text) => make("th", { scope: "col" }, text));
  const whole = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body);
  document.getElementById("forest-table").replaceChildren(rows.length ? whole : "None of those shown has a partner.");
}

function forestRows(mode) {
  if (mode === "kinds") return view.data.forest.kinds.map(kindRow);
  if (mode === "best") return shownRanked().filter((n) => view.data.ranking.place[n] > 1).map(bestRow);
  if (mode === "choice") return choiceRows(Number(chosen("choice")));
  if (mode === "beside") return pairedRows(view.data.forest.beside, () => true);
  const { control } = view.data.forest;
  const kind = Number(mode.split(" ")[1]);
  return pairedRows(control, (n) => control.kind[n] === kind);
}

function kindRow(kind) {
  const text = kind.label.replaceAll("CONFIG_", "");
  return { name: `${text} against ${kind.value}`, ...kind, said: kind.said + star(kind.holm), values: `${kind.pairs} pair${kind.pairs === 1 ? "" : "s"} of configurations` };
}

function star(holm) {
  return holm ? " *" : "";
}

function bestRow(place) {
  const { mean, half, n, words } = view.data.forest.best;
  const verdict = view.data.ranking.verdict[place];
  return { ...nameOf(place), mean: mean[place], half: half[place], n: n[place], said: (words[verdict] ?? "") + star(verdict === "behind") };
}

function nameOf(place) {
  return { name: view.names[place], values: valuesText(place) };
}

function pairedRows(pairs, counts) {
  const rows = pairs.arm.map((_, n) => n).filter((n) => counts(n) && view.shown[pairs.arm[n]]);
  return rows.map((n) => ({
    name: view.names[pairs.arm[n]],
    values: `${valuesText(pairs.arm[n])} against ${view.names[pairs.control[n]]}`,
    mean: pairs.mean[n],
    half: pairs.half[n],
    n: pairs.n[n],
    said: pairs.said[n] + star(pairs.holm[n]),
  }));
}

function choiceRows(base) {
  const own = scoresOf(base);
  return shownRanked().filter((n) => n !== base).map((n) => {
    const scores = scoresOf(n);
    const pairs = [...scores].filter(([seed]) => own.has(seed)).map(([seed, score]) => score - own.get(seed));
    const difference = pairedInterval(pairs);
    return { ...nameOf(n), values: valuesText(n, base), ...difference, said: intervalSaid(difference) };
  });
}

function pairedInterval(values) {
  const n = values.length;
  if (!n) return { mean: null, half: null, n };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, half: null, n };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = view.data.forest.t[n - 2] * Math.sqrt(variance / n);
  return { mean, half: half > SPREAD ? half : 0, n };
}

// Not a verdict: intervals of a choice made by eye are not corrected for it.
function intervalSaid({ mean, half }) {
  if (!half) return "no interval";
  return Math.abs(mean) > half ? "interval without 0" : "interval with 0";
}

function forestRange(rows) {
  const ends = rows.filter((row) => row.mean !== null).flatMap(({ mean, half }) => intervalEnds(mean, half));
  return roomy(Math.min(0, ...ends), Math.max(0, ...ends));
}

function forestRow(row, low, high) {
  const { measure } = rankAxis();
  const better = row.mean * (measure.larger ? 1 : -1) > 0;
  const tone = row.said.includes("*") ? (better ? "better" : "worse") : "";
  const half = row.half ? ` ± ${formatNumber(row.half, measure.decimals)}` : "";
  const text = row.mean === null ? "no seed in common" : `${signed(row.mean, measure.decimals)}${half}`;
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, ...breakable(shorten(row.name, 5 * LONG)), make("br"), make("span", { class: "note" }, ...breakable(shorten(row.values, 5 * LONG)))),
    make("td", { class: "number" }, text),
    make("td", {}, intervalMark(low, high, row.mean, row.half, 0, tone === "worse" ? 1 : tone === "better" ? 2 : 7)),
    make("td", { class: "number" }, String(row.n)),
    make("td", { class: tone || null }, row.said),
  );
}

function forestCaption(mode, count) {
  const { measure } = rankAxis();
  const direction = measure.larger ? "more is better" : "less is better";
  const unit = measure.difference_unit.trim();
  const first = `${count} difference${count === 1 ? "" : "s"} of the ${measure.label}${unit ? ` in ${unit}` : ""} (${direction}), each minus what it is compared with, in pairs of equal seeds, with 95 % t-intervals.`;
  if (mode === "choice") return `${first} These are not corrected for their number or for your choice, so they are no verdicts.`;
  const all = view.data.ranking.raced ? "a remark alone, since a race gave out the seeds" : "with one error rate for the whole table";
  const mark = mode === "best" ? `Marked *: behind, ${all}.` : "Marked *: what Holm's correction leaves.";
  return `${first} ${mark}`;
}
