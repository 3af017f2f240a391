// Reads out charts under the pointer and by arrow keys, opens patients by tabs, and unfolds everything on paper.
(function () {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const WIDE = 2000, HIGH = 1000;  // the grid of every line, as the page was written

  function ends(text) { return text.split(" ").map(Number); }

  function value(share, axis, log) {
    return log ? axis[0] * Math.pow(axis[1] / axis[0], share) : axis[0] + share * (axis[1] - axis[0]);
  }

  // A line's points, [across, up] in units of the grid; a null where it breaks.
  function points(path) {
    const found = [];
    for (const part of path.getAttribute("d").split("M").slice(1)) {
      const numbers = (part.match(/-?\d+/g) || []).map(Number);
      let x = numbers[0], y = numbers[1];
      if (found.length) found.push(null);
      found.push([x, y]);
      if (part.includes("h")) continue;
      for (let k = 2; k + 1 < numbers.length; k += 2) { x += numbers[k]; y += numbers[k + 1]; found.push([x, y]); }
    }
    return found;
  }

  function at(path, across) {
    const all = path._points || (path._points = points(path));
    for (let k = 1; k < all.length; k += 1) {
      const a = all[k - 1], b = all[k];
      if (!a || !b || across < a[0] || across > b[0]) continue;
      return b[0] === a[0] ? b[1] : a[1] + (b[1] - a[1]) * (across - a[0]) / (b[0] - a[0]);
    }
    return null;
  }

  function said(number) {
    const size = Math.abs(number);
    return (size >= 100 ? number.toFixed(0) : size >= 10 ? number.toFixed(1) : number.toPrecision(2)).replace("-", "−");
  }

  function show(chart, share) {
    const held = Math.min(1, Math.max(0, share));
    chart._share = held;
    const parts = [];
    let where = "";
    chart.querySelectorAll(".plot").forEach(function (plot) {
      const log = plot.dataset.log || "00", x = ends(plot.dataset.x), y = ends(plot.dataset.y);
      if (!where) where = chart.dataset.read + " " + said(value(held, x, log[0] === "1")) + " " + chart.dataset.unit;
      let cursor = plot.querySelector(".cursor");
      if (!cursor) {
        cursor = document.createElementNS(SVG, "line");
        cursor.setAttribute("class", "cursor");
        cursor.setAttribute("y1", "7");
        cursor.setAttribute("y2", "100%");
        plot.append(cursor);
      }
      cursor.setAttribute("x1", 100 * held + "%");
      cursor.setAttribute("x2", 100 * held + "%");
      const head = plot.closest(".panel").querySelector(".ph b");
      const lines = [];
      plot.querySelectorAll("path[data-name]").forEach(function (path) {
        const up = at(path, WIDE * held);
        if (up === null) return;
        lines.push(path.dataset.name + " " + said(value(1 - up / HIGH, y, log[1] === "1")) + (path.dataset.unit ? " " + path.dataset.unit : ""));
      });
      if (lines.length) parts.push((head && head.textContent ? head.textContent + ": " : "") + lines.join(", "));
    });
    chart.nextElementSibling.textContent = where.trim() + " · " + parts.join(" · ");
  }

  function hide(chart) {
    chart.querySelectorAll(".cursor").forEach(function (cursor) { cursor.remove(); });
    chart.nextElementSibling.textContent = "";
  }

  const STEPS = { ArrowLeft: -0.01, ArrowRight: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -2, End: 2 };
  document.querySelectorAll(".chart[data-read]").forEach(function (chart) {
    chart.addEventListener("pointermove", function (event) {
      const plot = event.target.closest(".plot") || chart.querySelector(".plot");
      const box = plot.getBoundingClientRect();
      show(chart, (event.clientX - box.left) / box.width);
    });
    chart.addEventListener("pointerleave", function () { if (document.activeElement !== chart) hide(chart); });
    chart.addEventListener("blur", function () { hide(chart); });
    chart.addEventListener("keydown", function (event) {
      if (event.key === "Escape") { hide(chart); return; }
      if (!(event.key in STEPS)) return;
      event.preventDefault();
      show(chart, (chart._share === undefined ? 0 : chart._share) + STEPS[event.key]);
    });
  });

  function choose(tabs) {
    const patient = tabs.querySelector("[data-axis=patient] [aria-pressed=true]").value;
    const policy = tabs.querySelector("[data-axis=policy] [aria-pressed=true]").value;
    tabs.querySelectorAll(".story").forEach(function (panel) {
      panel.hidden = panel.dataset.patient !== patient || panel.dataset.policy !== policy;
    });
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

  // On paper, folded text has to be open; afterwards it is as it was.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not([open])").forEach(function (fold) { fold.open = true; fold.dataset.folded = "yes"; });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("details[data-folded]").forEach(function (fold) { fold.open = false; delete fold.dataset.folded; });
  });

  document.documentElement.dataset.ready = "yes";
})();
