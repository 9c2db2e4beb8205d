// Light or dark: as the system is, or as the reader chose.

function applyTheme() {
  const wish = choice("theme", "auto", ["auto", "light", "dark"]);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = wish === "auto" ? (dark ? "dark" : "light") : wish;
}

function watchTheme(changed) {
  const list = document.getElementById("theme");
  list.value = choice("theme", "auto", ["auto", "light", "dark"]);
  list.addEventListener("change", () => { choose("theme", list.value, "auto"); applyTheme(); changed(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { applyTheme(); changed(); });
}
