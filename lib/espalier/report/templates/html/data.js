// The data of the page, and what is derived from them once.

const view = { data: null, axes: [], count: 0, names: [], spans: [], shown: null, order: [] };

async function loadData() {
  const node = document.getElementById("data");
  const text = node.textContent.trim();
  return JSON.parse(node.dataset.form === "deflate" ? await inflated(text) : text);
}

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

// The first and the last trial of each configuration, as places among all trials.
function trialSpans(counts) {
  let start = 0;
  return counts.map((count) => [start, (start += count)]);
}

function prepare(data) {
  view.data = data;
  view.count = data.ranking.place.length;
  view.spans = trialSpans(data.ranking.trials.count);
  view.names = view.spans.map(([first]) => data.ranking.trials.name[first]);
  view.axes = makeAxes(data.ranking);
  view.shown = new Uint8Array(view.count).fill(1);
  view.order = placesInOrder(data.ranking.place);
}

// All configurations, the best first; those without a rank last.
function placesInOrder(place) {
  return place.map((_, n) => n).sort((a, b) => (place[a] || Infinity) - (place[b] || Infinity) || a - b);
}

function trialNames(place) {
  const [first, end] = view.spans[place];
  return view.data.ranking.trials.name.slice(first, end);
}

// The scores of a configuration by what was drawn for it: its seed.
function scoresOf(place) {
  const trials = view.data.ranking.trials;
  const [first, end] = view.spans[place];
  const scores = new Map();
  for (let n = first; n < end; n += 1)
    if (trials.score[n] !== null) scores.set(trials.draw[n], trials.score[n]);
  return scores;
}

// Those shown, the best first.
function shownPlaces() {
  return view.order.filter((n) => view.shown[n]);
}

// Those of them that have a place in the ranking.
function shownRanked() {
  return view.order.filter((n) => view.shown[n] && view.data.ranking.place[n]);
}
