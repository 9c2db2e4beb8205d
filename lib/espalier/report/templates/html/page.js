// The page: its parts, and how it is loaded again while a sweep runs.

const STALE = 600; // seconds without a rewrite after which the page says so

// Paper is white, also for what stands on a canvas.
function lightUp() {
  document.documentElement.dataset.theme = "light";
  parallel.palette = null;
}

function repaint() {
  parallel.palette = null;
  redraw();
}

function watchWidth() {
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    repaint();
  });
}

function reloadLater({ reload, written }) {
  if (!reload) return;
  const age = Date.now() / 1000 - written;
  if (age > STALE)
    document.getElementById("stale").textContent = `Not written for ${Math.round(age / 60)} minutes: is it still running?`;
  setTimeout(reloadNow, reload * 1000, reload);
}

// Not while the reader types or drags: then a little later.
function reloadNow(reload) {
  const busy = document.activeElement?.matches("input, select") || parallel.drag;
  if (busy) setTimeout(reloadNow, reload * 1000, reload);
  else location.reload();
}

// The links to sections must not drop what was chosen, which stands behind the same #.
function keepChoices() {
  for (const link of document.querySelectorAll('a[href^="#"]'))
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const target = document.querySelector(link.getAttribute("href"));
      target.setAttribute("tabindex", "-1");
      target.focus({ preventScroll: true });
      target.scrollIntoView();
    });
}

// Without a link to what the page has not.
function hideLinks() {
  for (const link of document.querySelectorAll("nav a"))
    link.hidden = document.querySelector(link.getAttribute("href")).hidden;
}

async function start() {
  applyTheme();
  prepare(await loadData());
  document.documentElement.classList.add("program");
  watchTheme(repaint);
  watchWidth();
  addEventListener("beforeprint", () => { lightUp(); drawAll(); });
  addEventListener("afterprint", () => { applyTheme(); repaint(); });
  keepChoices();
  for (const build of [buildParallel, buildTable, buildScatter, buildForest, buildCurves, buildEffects, buildGrowth, buildMasks]) build();
  readFilters();
  hideLinks();
  reloadLater(view.data);
}

start();
