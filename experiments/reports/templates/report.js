// Draws the figures the page carries as JSON; hidden ones wait until their tab is opened.
(function () {
  "use strict";
  const options = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

  function draw(element) {
    if (element.dataset.drawn || element.closest("[hidden]")) return;
    element.dataset.drawn = "yes";
    const figure = JSON.parse(document.getElementById(element.id + "-data").textContent);
    Plotly.newPlot(element, figure.data, figure.layout, options);
  }

  function drawAll() {
    document.querySelectorAll(".figure").forEach(draw);
  }

  function choose(tabs) {
    const patient = tabs.querySelector("[data-axis=patient] [aria-pressed=true]").value;
    const policy = tabs.querySelector("[data-axis=policy] [aria-pressed=true]").value;
    tabs.querySelectorAll(".story").forEach(function (panel) {
      panel.hidden = panel.dataset.patient !== patient || panel.dataset.policy !== policy;
    });
    drawAll();
  }

  document.querySelectorAll(".stories").forEach(function (tabs) {
    tabs.querySelectorAll("[data-axis] button").forEach(function (button) {
      button.addEventListener("click", function () {
        button.parentElement.querySelectorAll("button").forEach(function (other) {
          other.setAttribute("aria-pressed", String(other === button));
        });
        choose(tabs);
      });
    });
    choose(tabs);
  });

  // On paper a patient's figure has to fit one page, and folded text has to be open.
  const PAGE_PX = 930;
  function onPaper(begin) {
    document.querySelectorAll("details").forEach(function (fold) { fold.open = begin; });
    document.querySelectorAll(".figure[data-drawn]").forEach(function (element) {
      if (element.closest("[hidden]")) return;
      const full = JSON.parse(document.getElementById(element.id + "-data").textContent).layout.height;
      const height = begin ? Math.min(full, PAGE_PX) : full;
      element.style.height = height + "px";
      Plotly.relayout(element, { height: height });
      Plotly.Plots.resize(element);
    });
  }
  window.addEventListener("beforeprint", function () { onPaper(true); });
  window.addEventListener("afterprint", function () { onPaper(false); });

  drawAll();
  document.documentElement.dataset.ready = "yes";
})();
