// Which configurations are shown: those that the search and the limits of all axes leave.

const DELAY = 120; // milliseconds after the last change, from which on all pictures are drawn
const limits = new Map();
const immediate = [];
const delayed = [];
const texts = [];
let needle = choice("search", "");
let held = false; // while one drags, only what must follow the pointer is drawn

// What is drawn at each change, also while one drags, and what when nothing has changed for a while.
function onEachChange(draws) {
  immediate.push(draws);
}

function onPause(draws) {
  delayed.push(draws);
}

function scheduleDelayed() {
  clearTimeout(scheduleDelayed.timer);
  scheduleDelayed.timer = setTimeout(drawDelayed, DELAY, 0);
}

// One after another, each in a turn of its own, so that the page answers in between. While one
// drags and rests, the first alone: the table.
function drawDelayed(n) {
  if (n >= (held ? 1 : delayed.length)) return;
  delayed[n]();
  scheduleDelayed.timer = setTimeout(drawDelayed, 0, n + 1);
}

function holdDrawing() {
  held = true;
}

function releaseDrawing() {
  held = false;
  redraw();
}

function redraw() {
  for (const draws of immediate) draws();
  scheduleDelayed();
}

function drawAll() {
  clearTimeout(scheduleDelayed.timer);
  for (const draws of [...immediate, ...delayed]) draws();
}

function readFilters() {
  for (const axis of view.axes) {
    const [low, high] = choice(`limit.${axis.key}`, "").split("..").map(Number);
    if (Number.isFinite(low) && Number.isFinite(high)) limits.set(axis.key, [low, high]);
  }
  applyFilters();
}

function setLimit(axis, low, high) {
  limits.set(axis.key, [Math.min(low, high), Math.max(low, high)]);
  filtersChanged();
}

function dropLimit(axis) {
  limits.delete(axis.key);
  filtersChanged();
}

function keepLimits() {
  for (const axis of view.axes) {
    const limit = limits.get(axis.key);
    choose(`limit.${axis.key}`, limit ? limit.map((end) => Number(end.toPrecision(8))).join("..") : "");
  }
}

function setSearch(text) {
  needle = text;
  choose("search", text);
  filtersChanged();
}

function clearFilters() {
  limits.clear();
  keepLimits();
  setSearch("");
}

// Many changes between two frames, as while one drags, are drawn once.
function filtersChanged() {
  if (filtersChanged.due) return;
  filtersChanged.due = requestAnimationFrame(() => {
    filtersChanged.due = 0;
    applyFilters();
  });
}

function applyFilters() {
  view.shown.fill(1);
  for (const [key, [low, high]] of limits) {
    const { value } = axisOf(key);
    for (let n = 0; n < view.count; n += 1)
      if (!(value[n] >= low && value[n] <= high)) view.shown[n] = 0;
  }
  if (needle) applySearch(searchWords(needle));
  redraw();
}

function applySearch(words) {
  for (let n = 0; n < view.count; n += 1)
    if (view.shown[n] && !words.every((word) => searched(n).includes(word))) view.shown[n] = 0;
}

function searched(place) {
  texts[place] ??= searchText(place).toLowerCase();
  return texts[place];
}

function searchText(place) {
  const { notes, note } = view.data.ranking;
  return `${trialNames(place).join(" ")} ${valuesText(place)} ${notes[note[place]]}`;
}

// Limits without a pointer: from and to, for each axis.
function limitsPanel() {
  const panel = make("div", { class: "limits" });
  for (const axis of view.axes.filter((each) => each.varies)) panel.append(limitField(axis));
  return make("details", { id: "limits" }, make("summary", {}, "Limits of each axis"), panel);
}

function limitField(axis) {
  const read = () => limits.get(axis.key) ?? [axis.low, axis.high];
  const ends = ["from", "to"].map((word, side) => limitInput(axis, word, side, read));
  onPause(() => ends.forEach((end, side) => showEnd(axis, end, read()[side])));
  return make("fieldset", {}, make("legend", {}, axis.label), ...ends);
}

function limitInput(axis, word, side, read) {
  const name = `${axis.label} ${word}`;
  const input = axis.levels
    ? make("select", { "aria-label": name }, ...axis.levels.map(levelOption))
    : make("input", { type: "number", step: "any", "aria-label": name });
  input.addEventListener("change", () => {
    const ends = [...read()];
    if (input.value !== "") ends[side] = Number(input.value);
    if (ends[0] <= axis.low && ends[1] >= axis.high) dropLimit(axis);
    else setLimit(axis, ...ends);
    keepLimits();
  });
  return input;
}

function levelOption(text, place) {
  return make("option", { value: place }, text);
}

function showEnd(axis, input, value) {
  const text = axis.levels ? String(Math.round(value)) : String(Number(value.toPrecision(6)));
  if (document.activeElement !== input || input.value === "") input.value = text;
}
