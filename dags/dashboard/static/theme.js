// Follows Airflow's choice of light or dark before anything is painted.
"use strict";

if (window.parent !== window) {
  const outer = window.parent.document.documentElement;
  const follow = () => {
    document.documentElement.dataset.theme = outer.classList.contains("dark") ? "dark" : "light";
  };
  follow();
  new MutationObserver(follow).observe(outer, { attributes: true, attributeFilter: ["class"] });
}
