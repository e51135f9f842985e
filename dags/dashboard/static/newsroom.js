// The pages work without this. It follows Airflow's choice of light or dark, filters the table of sources, and opens
// links into Airflow in Airflow's own window instead of in the frame that the newsroom is shown in.
"use strict";

const outer = window.parent !== window ? window.parent.document : null;

if (outer) {
  const follow = () => {
    document.documentElement.dataset.theme = outer.documentElement.classList.contains("dark") ? "dark" : "light";
  };
  follow();
  new MutationObserver(follow).observe(outer.documentElement, { attributes: true, attributeFilter: ["class"] });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-in-airflow]");
  if (!link || !outer || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const ours = outer.createElement("a");
  ours.href = link.href;
  ours.click();
});

// What was shown at once is old: by now the new figures are there.
if (document.querySelector("[data-outdated]")) setTimeout(() => location.reload(), 5000);

const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll("#sources tbody tr")];
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}
