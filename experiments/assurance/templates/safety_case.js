"use strict";
// Filters what can be looked for, opens what a link leads to, and everything for paper.
(function () {
  const box = document.getElementById("find");
  const told = document.getElementById("found");
  const items = Array.from(document.querySelectorAll("[data-find]"));
  const groups = Array.from(document.querySelectorAll("[data-group]"));
  const texts = items.map(function (item) { return (item.id + " " + item.textContent).toLowerCase().replace(/\s+/g, " "); });

  function filter() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    items.forEach(function (item, k) {
      const shown = words.every(function (word) { return texts[k].includes(word); });
      item.hidden = !shown;
      count += shown ? 1 : 0;
    });
    groups.forEach(function (group) {
      group.hidden = words.length > 0 && !group.querySelector("[data-find]:not([hidden])");
    });
    told.textContent = words.length ? count + " of " + items.length + " entries" : items.length + " entries";
  }

  function open() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.closest("[hidden]")) { box.value = ""; filter(); }
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  }

  let before = [];
  window.addEventListener("beforeprint", function () {
    before = Array.from(document.querySelectorAll("details:not([open])"));
    before.forEach(function (fold) { fold.open = true; });
  });
  window.addEventListener("afterprint", function () { before.forEach(function (fold) { fold.open = false; }); });
  document.querySelector(".search form").addEventListener("submit", function (event) { event.preventDefault(); });
  document.addEventListener("click", function (event) {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) open();
  });
  box.addEventListener("input", filter);
  window.addEventListener("hashchange", open);
  filter();
  open();
  document.documentElement.dataset.ready = "yes";
})();
