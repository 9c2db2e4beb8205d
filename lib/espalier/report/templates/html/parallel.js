// Parallel coordinates on a canvas: a line a configuration, a limit dragged along each axis.

const MOST_AXES = 16;
const SPACING = 92; // pixels between two axes at least
const HEIGHT = 360;
const [TOP, BOTTOM] = [52, 22]; // for the names above and for values that are absent below
const SHADES = 8;
const CHUNK = 400; // lines of a frame, so that dragging never waits for all of them
const BEHIND = 300; // lines that are left out and shown all the same
const DRAGGED = 300; // lines at most while one drags: all come when one lets go
const parallel = { axes: [], drag: null, frame: 0, palette: null };

function buildParallel() {
  parallel.canvas = make("canvas", { role: "img", "aria-label": "Parallel coordinates; the same limits can be set by keyboard above the ranking" });
  host("parallel").append(make("div", { class: "wide axes", id: "parallel-axes" }, parallel.canvas), make("p", { class: "caption", id: "parallel-caption" }));
  parallel.canvas.addEventListener("pointerdown", beginDrag);
  parallel.canvas.addEventListener("pointermove", goOnDragging);
  for (const end of ["pointerup", "pointercancel"]) parallel.canvas.addEventListener(end, endDrag);
  onEachChange(showParallel);
}

function parallelAxes() {
  const first = new Set([rankAxis().key, "final_sparsity", "live_parameters", "total_time"]);
  const swept = view.axes.filter((axis) => axis.swept && axis.varies);
  const measures = view.axes.filter((axis) => !axis.swept && axis.varies && first.has(axis.key));
  return [...swept.slice(0, MOST_AXES - measures.length), ...measures.reverse()];
}

function showParallel() {
  parallel.axes = parallelAxes();
  const { canvas } = parallel;
  const section = document.getElementById("parallel");
  section.hidden = parallel.axes.length < 2;
  if (section.hidden) return;
  const room = document.getElementById("parallel-axes").clientWidth;
  const width = Math.max(room, parallel.axes.length * SPACING);
  const dense = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * dense)) {
    [canvas.width, canvas.height] = [Math.round(width * dense), HEIGHT * dense];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${HEIGHT}px`];
  }
  parallel.step = width / parallel.axes.length;
  parallel.ups = parallel.axes.map((axis) => scale(axis.low, axis.high, HEIGHT - BOTTOM - 8, TOP, axis.log));
  paintParallel(canvas.getContext("2d"), dense, width);
  document.getElementById("parallel-caption").textContent = parallelCaption();
}

function parallelCaption() {
  const absent = parallel.axes.some((axis) => axis.absent);
  const lower = absent ? " Lines at the foot of an axis have no such value." : "";
  return `Coloured by ${rankAxis().label}: the stronger, the better.${lower}`;
}

function paintParallel(pen, dense, width) {
  cancelAnimationFrame(parallel.frame);
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, width, HEIGHT);
  const hidden = view.order.filter((n) => !view.shown[n]);
  strokeLines(pen, sampled(hidden, held ? BEHIND / 3 : BEHIND), colour("--line"), 0.5);
  const shown = shownPlaces().reverse();
  paintChunks(pen, shades(held ? sampled(shown, DRAGGED) : shown), () => paintAxes(pen));
}

// At most so many of the places, evenly spread.
function sampled(places, count) {
  const every = Math.ceil(places.length / count);
  return every > 1 ? places.filter((_, n) => n % every === 0) : places;
}

// Places by shades from the worst to the best; those that are not ranked come first.
function shades(ordered) {
  const groups = Array.from({ length: SHADES }, () => []);
  const last = ordered.length - 1;
  ordered.forEach((n, rank) => groups[last ? Math.round((rank / last) * (SHADES - 1)) : SHADES - 1].push(n));
  return groups;
}

function paintChunks(pen, groups, done) {
  const parts = groups.flatMap((group, shade) => chunked(group).map((chunk) => [chunk, shade]));
  const total = groups.reduce((sum, group) => sum + group.length, 0);
  const strength = Math.max(0.12, Math.min(0.9, 60 / Math.sqrt(total * 40)));
  let first = true;
  const next = () => {
    for (let drawn = 0; parts.length && drawn + parts[0][0].length <= CHUNK; drawn += strokePart(pen, parts.shift(), strength));
    if (parts.length) parallel.frame = requestAnimationFrame(next);
    if (!parts.length || first) done();
    first = false;
  };
  next();
}

function strokePart(pen, [places, shade], strength) {
  strokeLines(pen, places, shadeColour(shade), strength + (shade === SHADES - 1 ? 0.2 : 0));
  return places.length;
}

function chunked(places) {
  const parts = [];
  for (let n = 0; n < places.length; n += CHUNK) parts.push(places.slice(n, n + CHUNK));
  return parts;
}

function strokeLines(pen, places, colourOfAll, strength) {
  pen.strokeStyle = colourOfAll;
  pen.globalAlpha = Math.min(1, strength);
  pen.lineWidth = 1.2;
  for (const place of places) {
    pen.beginPath();
    parallel.axes.forEach((axis, n) => pen.lineTo(acrossAxis(n), heightOn(n, axis.value[place])));
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function acrossAxis(n) {
  return (n + 0.5) * parallel.step;
}

function heightOn(n, value) {
  return Number.isNaN(value) ? HEIGHT - 8 : parallel.ups[n](value);
}

// A colour of the style sheet; they are looked up once, until the theme changes.
function colour(name) {
  parallel.palette ??= new Map();
  if (!parallel.palette.has(name)) {
    const style = getComputedStyle(document.documentElement);
    parallel.palette.set(name, style.getPropertyValue(name).trim());
  }
  return parallel.palette.get(name);
}

function shadeColour(shade) {
  const [low, high] = [colour("--low"), colour("--high")].map(channels);
  const part = shade / (SHADES - 1);
  return `rgb(${low.map((from, n) => Math.round(from + (high[n] - from) * part)).join(" ")})`;
}

function channels(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

function paintAxes(pen) {
  pen.font = "12px system-ui, sans-serif";
  parallel.axes.forEach((axis, n) => {
    const x = acrossAxis(n);
    pen.fillStyle = colour("--line");
    pen.fillRect(x - 0.75, TOP, 1.5, HEIGHT - BOTTOM - 8 - TOP);
    paintName(pen, axis, n, x);
    paintLimit(pen, axis, n, x);
    for (const value of axisTicks(axis, axis.low, axis.high, 6)) paintTick(pen, axis, n, value, x);
  });
}

// Names stand in two rows by turns, so that each has twice the room; those at the ends have less.
function paintName(pen, axis, n, x) {
  pen.textAlign = "center";
  const last = parallel.axes.length - 1;
  const text = fitted(pen, axis.label, (n % last ? 2 : 1.5) * parallel.step - 12);
  const half = pen.measureText(text).width / 2;
  const width = parallel.step * parallel.axes.length;
  halo(pen, text, Math.max(half + 2, Math.min(width - half - 2, x)), n % 2 ? 32 : 14, "--ink");
}

function fitted(pen, text, room) {
  const short = shorten(text, Math.floor(room / 4));
  let letters = short.length;
  while (letters > 1 && pen.measureText(shorten(short, letters)).width > room) letters -= 1;
  return shorten(short, letters);
}

function paintTick(pen, axis, n, value, x) {
  pen.textAlign = "left";
  const names = axis.levels && shortenApart(axis.levels, Math.floor((parallel.step / 2 + 20) / 7));
  halo(pen, names ? names[value] : tickText(value), x + 5, parallel.ups[n](value) + 4, "--faint");
}

function halo(pen, text, x, y, ink) {
  pen.lineWidth = 3;
  pen.strokeStyle = colour("--paper");
  pen.strokeText(text, x, y);
  pen.fillStyle = colour(ink);
  pen.fillText(text, x, y);
}

function paintLimit(pen, axis, n, x) {
  const limit = limits.get(axis.key);
  if (!limit) return;
  const [from, to] = limit.map((end) => parallel.ups[n](Math.min(axis.high, Math.max(axis.low, end))));
  pen.globalAlpha = 0.35;
  pen.fillStyle = colour("--accent");
  pen.fillRect(x - 7, Math.min(from, to) - 4, 14, Math.abs(from - to) + 8);
  pen.globalAlpha = 1;
}

function beginDrag(event) {
  const n = Math.max(0, Math.min(parallel.axes.length - 1, Math.floor(event.offsetX / parallel.step)));
  parallel.drag = { n, from: event.offsetY };
  holdTable();
  holdDrawing();
  parallel.canvas.setPointerCapture(event.pointerId);
}

function goOnDragging(event) {
  const { drag } = parallel;
  if (!drag || Math.abs(event.offsetY - drag.from) < 4) return;
  const axis = parallel.axes[drag.n];
  const ends = [drag.from, event.offsetY].map((y) => valueAt(axis, drag.n, y));
  setLimit(axis, ...snapped(axis, ends));
}

function valueAt(axis, n, y) {
  return Math.max(axis.low, Math.min(axis.high, parallel.ups[n].invert(y)));
}

// Of names, whole ones: those whose place lies between both ends, at least the nearest.
function snapped(axis, [a, b]) {
  if (!axis.levels) return [a, b];
  const [low, high] = [Math.ceil(Math.min(a, b)), Math.floor(Math.max(a, b))];
  const nearest = Math.round((a + b) / 2);
  return low <= high ? [low - 0.25, high + 0.25] : [nearest - 0.25, nearest + 0.25];
}

function endDrag(event) {
  const { drag } = parallel;
  parallel.drag = null;
  if (!drag) return;
  if (Math.abs(event.offsetY - drag.from) < 4 && event.type === "pointerup") dropLimit(parallel.axes[drag.n]);
  keepLimits();
  releaseDrawing();
}
