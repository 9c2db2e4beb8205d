// The data of the page, and what is derived from them once.

const view = { data: null, axes: [], count: 0, names: [], spans: [], shown: null };

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

function shownPlaces() {
  const places = [];
  for (let n = 0; n < view.count; n += 1) if (view.shown[n]) places.push(n);
  return places;
}

// Those shown that have a place in the ranking, the best first.
function shownRanked() {
  const place = view.data.ranking.place;
  return shownPlaces().filter((n) => place[n]).sort((a, b) => place[a] - place[b]);
}
