// The pages work without this. It filters and sorts tables, fetches what takes some seconds to find, and opens links
// into Airflow in Airflow's own window instead of in the frame that the newsroom is shown in.
"use strict";

const outer = window.parent !== window ? window.parent.document : null;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-in-airflow]");
  if (!link || !outer || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const ours = outer.createElement("a");
  ours.href = link.href;
  ours.click();
});

// What is shown is old or not there yet: by then the new figures are. Old ones stay where somebody has begun to read.
const old = document.querySelector("[data-reload]");
if (old) {
  const reload = setTimeout(() => location.reload(), Number(old.dataset.reload));
  if (old.closest("header")) {
    for (const kind of ["keydown", "pointerdown", "scroll"]) {
      document.addEventListener(kind, () => clearTimeout(reload), { once: true, passive: true });
    }
  }
}

const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll("#sources tbody tr")];
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

const valueOf = (cell) => cell.dataset.sort ?? cell.textContent.trim();
const compare = (one, other) => {
  const [a, b] = [parseFloat(one.replaceAll(",", "")), parseFloat(other.replaceAll(",", ""))];
  return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other) : a - b;
};
for (const head of document.querySelectorAll("table.sortable thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const place = head.cellIndex;
    const isDown = head.getAttribute("aria-sort") !== "descending" && head.classList.contains("number");
    const turned = isDown || head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", turned ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].map((row) => [valueOf(row.cells[place]), row]);
    rows.sort(([a], [b]) => (turned ? compare(b, a) : compare(a, b)));
    body.append(...rows.map(([, row]) => row));
  });
}

// One after the other: the server looks at pages for one reader at a time.
(async () => {
  for (const place of document.querySelectorAll("[data-load]")) {
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(place.dataset.load);
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-part]");
      if (found) place.replaceChildren(...found.childNodes);
    } catch {
      // The link stays.
    }
    place.removeAttribute("aria-busy");
  }
})();
