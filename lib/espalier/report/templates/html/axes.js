// Axes: what a configuration has a value of, a swept symbol or a measure.

const SPARSE = 1000; // a positive axis that spans this factor has a logarithmic scale
const LARGE = 999999.5; // a number of that size or more is written in full
const SMALL = 1e-4; // one below that with a power of ten
const EXACT = 60; // digits that tell a number between two texts from one that is nearly so
const GROUPED = 100; // and one of swept numbers from this factor on

function makeAxes(ranking) {
  return [...ranking.symbols.map(symbolAxis), ...ranking.measures.map(measureAxis)];
}

function symbolAxis(symbol) {
  const numbers = symbol.texts.map((text) => (symbol.numeric ? Number(text) : NaN));
  const value = symbol.codes.map((code) => {
    if (code < 0) return NaN;
    return symbol.numeric ? numbers[code] : code;
  });
  const axis = { key: symbol.name, label: symbol.name, swept: true, symbol, value };
  axis.levels = symbol.numeric ? null : symbol.texts;
  axis.text = (place) => (symbol.codes[place] < 0 ? "" : symbol.texts[symbol.codes[place]]);
  return bounded(axis, GROUPED);
}

function measureAxis(measure) {
  const value = measure.mean.map((mean) => (mean === null ? NaN : mean));
  const axis = { key: measure.name, label: labelWithUnit(measure), swept: false, measure, value, levels: null };
  axis.text = (place) => formatInterval(measure, place);
  return bounded(axis, SPARSE);
}

function labelWithUnit(measure) {
  const unit = measure.unit.trim();
  return unit ? `${measure.label} (${unit})` : measure.label;
}

function bounded(axis, factor) {
  const finite = axis.value.filter((value) => !Number.isNaN(value));
  axis.low = minimum(finite);
  axis.high = maximum(finite);
  axis.log = !axis.levels && axis.low > 0 && axis.high / axis.low >= factor;
  axis.varies = axis.high > axis.low;
  axis.absent = finite.length < axis.value.length;
  return axis;
}

function axisOf(key) {
  return view.axes.find((axis) => axis.key === key);
}

function rankAxis() {
  return view.axes.find((axis) => !axis.swept && axis.key === view.data.ranking.by);
}

function formatNumber(value, decimals) {
  if (value === null || Number.isNaN(value)) return "n/a";
  if (decimals !== null && decimals !== undefined) return formatFixed(value, decimals);
  const text = Math.abs(value) < LARGE ? formatShort(Number(value.toPrecision(6))) : formatFixed(value, 0);
  return text.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
}

// As reports have it: of two texts that are equally near the even one, and no minus before zero.
function formatFixed(value, decimals) {
  const [near, exact] = [decimals, decimals + EXACT].map((digits) => Math.abs(value).toFixed(digits));
  const below = exact.slice(0, -EXACT).replace(/\.$/, "");
  const text = /^50*$/.test(exact.slice(-EXACT)) && /[02468]$/.test(below) ? below : near;
  return (value < 0 && /[1-9]/.test(text) ? "-" : "") + text;
}

function formatShort(value) {
  if (value === 0 || Math.abs(value) >= SMALL) return String(value);
  return value.toExponential().replace(/-(\d)$/, "-0$1");
}

function signed(value, decimals) {
  const text = formatNumber(value, decimals);
  return /^\d/.test(text) ? `+${text}` : text;
}

function formatInterval(measure, place) {
  const mean = measure.mean[place];
  if (mean === null) return "n/a";
  const half = measure.half[place];
  const text = formatNumber(mean, measure.decimals);
  return half ? `${text} ± ${formatNumber(half, measure.decimals)}` : text;
}

// The values of a configuration, without those that another one shares.
function valuesText(place, other = -1) {
  const differing = view.axes.filter(
    (axis) => axis.swept && axis.text(place) && (other < 0 || axis.text(place) !== axis.text(other)),
  );
  return differing.map((axis) => `${axis.key}=${axis.text(place)}`).join(" ");
}
