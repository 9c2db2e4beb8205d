// The page that compares sweeps: its table stands in the page and is searched here.

function searchRows(text) {
  const words = searchWords(text);
  for (const row of document.querySelectorAll("tbody tr")) {
    const content = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => content.includes(word));
  }
}

function start() {
  applyTheme();
  document.documentElement.classList.add("program");
  watchTheme(() => {});
  const search = document.getElementById("search");
  search.value = choice("search", "");
  search.addEventListener("input", () => { choose("search", search.value); searchRows(search.value); });
  searchRows(search.value);
}

start();
