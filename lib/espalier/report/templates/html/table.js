// The ranking as a table: to sort, to search, to page through, with a command to copy for each row.

const PAGE = 25;
const ON_PAPER = 7; // swept symbols and measures that are printed, of measures at least two
const table = { order: "place", down: false, first: 0, stale: false };

function buildTable() {
  [table.order, table.down] = [choice("sort", "place"), choice("down", "") === "1"];
  onPause(() => table.stale && showTable());
  const search = make("input", { type: "search", id: "search", placeholder: "name, SYMBOL=value, note", value: needle });
  search.addEventListener("input", () => setSearch(search.value));
  const clear = make("button", { type: "button", click: () => { search.value = ""; clearFilters(); } }, "Show all");
  const bar = make("div", { class: "bar" }, make("label", {}, "Search", search), clear, make("span", { id: "matches", role: "status" }));
  const body = make("div", { class: "wide", id: "ranking-table", tabindex: "0", role: "region", "aria-label": "Ranking" });
  host("ranking").append(bar, limitsPanel(), body, pager());
  onEachChange(followFilters);
}

function followFilters() {
  table.first = 0;
  table.stale = held;
  showMatches();
  if (!held) showTable();
}

function showMatches() {
  const count = view.shown.reduce((sum, shown) => sum + shown, 0);
  document.getElementById("matches").textContent = `${count} of ${view.count} configurations`;
}

function pager() {
  const turn = (step) => () => { table.first += step * PAGE; showTable(); };
  return make(
    "div",
    { class: "bar" },
    make("button", { type: "button", id: "before", click: turn(-1) }, "Previous"),
    make("span", { id: "rows" }),
    make("button", { type: "button", id: "after", click: turn(1) }, "Next"),
  );
}

function columns() {
  const { ranking } = view.data;
  const place = { key: "place", label: "#", value: (n) => ranking.place[n] || Infinity, cell: (n) => String(ranking.place[n] || "–"), number: true };
  const name = { key: "name", label: "configuration", value: (n) => view.names[n], cell: (n) => view.names[n] };
  const swept = view.axes.filter((axis) => axis.swept && axis.varies).map(axisColumn);
  const measures = view.axes.filter((axis) => !axis.swept).map(axisColumn);
  const extra = [...swept.slice(ON_PAPER - 2), ...measures.slice(Math.max(2, ON_PAPER - swept.length))];
  extra.forEach((column) => { column.extra = true; });
  const note = { key: "note", label: "note", value: (n) => ranking.notes[ranking.note[n]], cell: (n) => ranking.notes[ranking.note[n]], remark: true };
  return [place, name, measures[0], drawnColumn(), ...swept, ...measures.slice(1), note];
}

function axisColumn(axis) {
  const value = axis.levels ? (n) => axis.text(n) : (n) => axis.value[n];
  return { key: axis.key, label: axis.label, value, cell: axis.text, number: !axis.levels };
}

function drawnColumn() {
  const { measure } = rankAxis();
  return { key: "", label: "interval", drawn: true, cell: (n) => intervalMark(...table.range, measure.mean[n], measure.half[n]) };
}

function sorted(places) {
  const column = columns().find((each) => each.key === table.order) ?? columns()[0];
  if (column.key === "place" && !table.down) return places;
  const keyed = places.map((place) => [column.value(place), place]);
  return keyed.sort(([x, a], [y, b]) => compareKeys(x, y) || a - b).map(([, place]) => place);
}

const collator = new Intl.Collator("en", { numeric: true });

function compareKeys(x, y) {
  const empty = Number(isEmpty(x)) - Number(isEmpty(y));
  if (empty) return empty;
  const order = typeof x === "string" ? collator.compare(x, y) : x - y || 0;
  return table.down ? -order : order;
}

function isEmpty(value) {
  return value === "" || Number.isNaN(value) || value === Infinity;
}

function showTable() {
  table.stale = false;
  const places = sorted(shownPlaces());
  table.first = Math.max(0, Math.min(table.first, Math.floor((places.length - 1) / PAGE) * PAGE));
  const rows = places.slice(table.first, table.first + PAGE);
  table.range = rangeOf(rows, rankAxis().measure);
  const last = table.first + rows.length;
  document.getElementById("rows").textContent = rows.length ? `${table.first + 1} to ${last}` : "none";
  document.getElementById("before").disabled = table.first === 0;
  document.getElementById("after").disabled = last >= places.length;
  const shownColumns = columns();
  const body = make("tbody", {}, ...rows.map((place) => tableRow(place, shownColumns)));
  document.getElementById("ranking-table").replaceChildren(make("table", {}, heading(shownColumns), body));
}

// While one drags below it, the table must not become shorter and move what one drags.
function holdTable() {
  const body = document.getElementById("ranking-table");
  body.style.minHeight = `${body.offsetHeight}px`;
}

function rangeOf(rows, measure) {
  const ends = rows.filter((n) => measure.mean[n] !== null).flatMap((n) => intervalEnds(measure.mean[n], measure.half[n]));
  return ends.length ? roomy(Math.min(...ends), Math.max(...ends)) : [0, 1];
}

function heading(shownColumns) {
  const cells = shownColumns.map((column) => {
    if (column.drawn) return make("th", { scope: "col" }, column.label);
    const own = column.key === table.order;
    const state = own ? (table.down ? "descending" : "ascending") : "none";
    const arrow = own ? (table.down ? " ▼" : " ▲") : "";
    const button = make("button", { type: "button", click: () => sortBy(column.key) }, ...breakable(column.label + arrow));
    return make("th", { scope: "col", "aria-sort": state, class: columnClass(column) }, button);
  });
  return make("thead", {}, make("tr", {}, ...cells));
}

function columnClass(column) {
  const names = ["remark", "number", "extra"].filter((name) => column[name]);
  return names.join(" ") || null;
}

function sortBy(key) {
  table.down = key === table.order && !table.down;
  table.order = key;
  table.first = 0;
  choose("sort", key, "place");
  choose("down", table.down ? "1" : "");
  showTable();
  const button = [...document.querySelectorAll("#ranking-table thead th")].find((th) => th.ariaSort !== "none" && th.hasAttribute("aria-sort"));
  button?.querySelector("button").focus();
}

function tableRow(place, shownColumns) {
  const cells = shownColumns.map((column) => {
    if (column.key === "name") return make("th", { scope: "row" }, make("span", { class: "named" }, column.cell(place), copyButton(place)));
    const cell = column.cell(place);
    return make("td", { class: columnClass(column), title: cell.length > LONG ? cell : null }, cell);
  });
  return make("tr", { class: view.data.ranking.front[place] ? "front" : null }, ...cells);
}

// What runs the trials of a row again. It stands beside the name, so that no wide table hides it.
function copyButton(place) {
  const command = againCommand(place);
  return make("button", { type: "button", class: "again", title: command, click: () => copyText(command) }, "Copy command");
}
