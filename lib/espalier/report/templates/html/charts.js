// Scales, ticks and marks that the pictures share.

const LONG = 60; // letters of a text beside a picture or in a list
const SERIES = 8; // colours; further series have the same ones with other dashes

function seriesClass(place) {
  return `s${place % SERIES} d${Math.floor(place / SERIES) % 3}`;
}

// A function from values to pixels.
function scale(low, high, from, to, log = false) {
  const turn = log ? Math.log : (value) => value;
  const [first, span] = [turn(low), turn(high) - turn(low) || 1];
  const map = (value) => from + ((turn(value) - first) / span) * (to - from);
  map.invert = (pixel) => {
    const value = first + ((pixel - from) / (to - from || 1)) * span;
    return log ? Math.exp(value) : value;
  };
  return map;
}

function ticks(low, high, count, log = false) {
  if (!(high > low)) return [low];
  return log ? logTicks(low, high, count) : plainTicks(low, high, count);
}

function plainTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const marks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n += 1)
    marks.push(Number((n * step).toPrecision(12)));
  return marks;
}

function logTicks(low, high, count) {
  const powers = Math.log10(high / low);
  const step = Math.max(1, Math.ceil(powers / count));
  const marks = [];
  for (let n = Math.ceil(Math.log10(low) - 1e-9); 10 ** n <= high * (1 + 1e-9); n += step)
    marks.push(10 ** n);
  return marks.length > 1 ? marks : [low, high];
}

function axisTicks(axis, low, high, count) {
  const tried = triedValues(axis);
  if (tried.length && tried.length <= count + 2) return tried;
  if (!axis.levels) return ticks(low, high, count, axis.log);
  const every = Math.max(1, Math.ceil(axis.levels.length / count));
  return axis.levels.map((_, place) => place).filter((place) => place % every === 0);
}

// The values of an axis of numbers that a sweep has, where each can have a tick.
function triedValues(axis) {
  if (!axis.symbol?.numeric || axis.symbol.texts.length > 8) return [];
  return axis.symbol.texts.map(Number).sort((a, b) => a - b);
}

function tickText(value) {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(0).replace("e+", "e");
  return String(Number(value.toPrecision(5)));
}

function shorten(text, letters) {
  return text.length > letters ? `${text.slice(0, Math.max(1, letters - 1))}…` : text;
}

// Names that stay apart: if their beginnings are the same, it is the ends that are kept.
function shortenApart(texts, letters) {
  const short = texts.map((text) => shorten(text, letters));
  if (new Set(short).size === new Set(texts).size) return short;
  return texts.map((text) => (text.length > letters ? `…${text.slice(1 - letters)}` : text));
}

// The frame of a chart: axes with ticks and labels. Returns the picture and its two scales.
function frame(width, height, x, y, name) {
  const left = 58;
  const [right, top, bottom] = [width - 12, 12, height - 42];
  const across = scale(x.low, x.high, left + 8, right - 8, x.log);
  const up = scale(y.low, y.high, bottom - 6, top + 6, y.log);
  const picture = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name });
  for (const value of axisTicks(y, y.low, y.high, 6)) {
    picture.append(draw("line", { class: "rule", x1: left, x2: right, y1: up(value), y2: up(value) }));
    picture.append(draw("text", { class: "faint", x: left - 6, y: up(value) + 4, "text-anchor": "end" }, yText(y, value)));
  }
  xTicks(picture, x, across, bottom, width);
  picture.append(
    draw("line", { class: "zero", x1: left, x2: right, y1: bottom, y2: bottom }),
    draw("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, shorten(x.label, (width - 60) / 7)),
    draw("text", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)` }, shorten(y.label, (height - 50) / 7)),
  );
  return { picture, across, up, left, right };
}

function yText(axis, value) {
  return axis.levels ? shorten(axis.levels[value], 7) : tickText(value);
}

function xTicks(picture, axis, across, bottom, width) {
  const room = axis.levels ? Math.max(2, Math.floor((width - 70) / 80)) : Math.max(2, Math.floor((width - 70) / 60));
  const names = axis.levels && shortenApart(axis.levels, axis.levels.length <= room ? Math.max(11, Math.floor((width - 70) / (7.5 * axis.levels.length))) : 11);
  let end = -Infinity; // of the last text: the next one must not stand on it
  for (const value of axisTicks(axis, axis.low, axis.high, room)) {
    const text = names ? names[value] : tickText(value);
    const [at, half] = [across(value), text.length * 3.6 + 2];
    picture.append(draw("line", { class: "rule", x1: at, x2: at, y1: bottom, y2: bottom + 5 }));
    if (at - half < end) continue;
    end = at + half;
    picture.append(draw("text", { class: "faint", x: at, y: bottom + 18, "text-anchor": "middle" }, text));
  }
}

function minimum(values) {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

function maximum(values) {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

// The ends of an interval; the mean twice where it has none.
function intervalEnds(mean, half) {
  return [mean - (half ?? 0), mean + (half ?? 0)];
}

// Widen a range that is a single point, and give every range some room.
function roomy(low, high) {
  const span = high - low || Math.abs(high) * 0.1 || 1;
  return [low - span * 0.03, high + span * 0.03];
}

function line(points) {
  return points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function area(lower, upper) {
  return `${line(upper)}${line([...lower].reverse()).replace("M", "L")}Z`;
}

// The key of a picture: pairs of a text and the place of its colour.
function legend(entries) {
  const list = make("ul", { class: "legend" });
  for (const [text, tone] of entries) {
    const mark = draw("svg", { width: 26, height: 10, "aria-hidden": "true" });
    mark.append(draw("path", { class: `curve ${seriesClass(tone)}`, d: "M1 5L25 5" }));
    list.append(make("li", { title: text.length > LONG ? text : null }, mark, shorten(text, LONG)));
  }
  return list;
}

// The place of the colour of a value: the same in every picture. Without a value it is the last.
function toneOf(axis, place) {
  const code = axis.symbol.codes[place];
  return code < 0 ? axis.symbol.texts.length : code;
}

// An interval as a mark on a line; `zero` draws a line there.
function intervalMark(low, high, mean, half, zero = null, tone = 0) {
  const [width, height] = [150, 18];
  const at = scale(low, high, 5, width - 5);
  const picture = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: `s${tone}`, "aria-hidden": "true" });
  if (zero !== null) picture.append(draw("line", { class: "zero", x1: at(zero), x2: at(zero), y1: 0, y2: height }));
  if (mean === null) return picture;
  const ends = intervalEnds(mean, half).map((end) => Math.min(width - 1, Math.max(1, at(end))));
  picture.append(
    draw("line", { class: "whisker", x1: ends[0], x2: ends[1], y1: height / 2, y2: height / 2 }),
    draw("circle", { class: "dot", cx: at(mean), cy: height / 2, r: 3.5 }),
  );
  return picture;
}
