// One panel of a patient: lines of several policies on the shared axis, its goal or threshold, and what they are at the cursor.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { dayTicks, dayWords, thinned } from "./axis.js";
import { brief, color, h, put, s } from "./dom.js";

const TALL = { pain: 190, rate: 150 };
const GUTTER = 46;
const DENSE = 1200; // points of a line above which dashes are no longer seen, and only slow
// Lines of the policy that is looked at closely have colors of their own where they would hide each other.
const ROLES = { requested_rate: "limit", allowed_rate: "ink", pain0: "untreated", nrs_report: "report", demands_denied: "limit" };
const DASHES = { dash: [7, 4], dot: [2, 3] };

export class Panel {
  constructor(panel, axis, tracks, looks) {
    Object.assign(this, { panel, axis, tracks, looks, plot: null, seen: false, stale: true });
    this.keys = h("div", { class: "head" });
    this.host = h("div", { class: "plot", style: { height: `${this.height}px` } });
    this.element = h("section", { class: "panel", "data-panel": panel.key, "aria-label": panel.title }, this.keys, this.host);
  }

  get height() {
    return (TALL[this.panel.key] ?? 112) + 22;
  }

  /** Draw anew, with other policies or colors; when it is not seen, later. */
  build(shown, focus) {
    Object.assign(this, { shown, focus });
    this.plot?.destroy();
    this.plot = null;
    this.lines = this.chosen();
    this.any = this.lines.some((line) => line.data.some((value) => !Number.isNaN(value)));
    put(this.keys, h("h3", {}, this.panel.title, " ", h("span", { class: "unit" }, this.panel.unit)), this.any ? [this.lines.map((line) => line.key), this.bounds()] : h("span", { class: "key" }, "none"));
    this.host.hidden = !this.any;
    if (this.seen) this.draw();
  }

  chosen() {
    const found = [];
    for (const line of this.panel.lines) {
      for (const name of line.who === "all" ? this.shown : [this.focus]) {
        const data = this.tracks[name]?.[line.field];
        if (!data) continue;
        const look = this.looks[name];
        const own = line.who === "focus";
        const stroke = own && ROLES[line.field] ? color(ROLES[line.field]) : look.color;
        const dash = DASHES[line.style] ?? (own || name === this.focus ? [] : look.dash);
        const label = own ? line.label : this.panel.lines.filter((one) => one.who === "all").length > 1 ? `${look.label}, ${line.label}` : look.label;
        const value = h("b", {}, "");
        const key = h("span", { class: "key" }, swatch(line.style, stroke, dash), label, value);
        found.push({ ...line, data, stroke, dash, label, value, key, wide: name === this.focus ? 1.9 : 1.3 });
      }
    }
    return found;
  }

  /** What is shaded or ruled, in words. */
  bounds() {
    const { band, threshold } = this.panel;
    return [band ? h("span", { class: "key" }, s("svg", { width: 22, height: 10, "aria-hidden": "true" }, s("rect", { width: 22, height: 10, fill: color("goal") })), band.label) : "",
      threshold ? h("span", { class: "key" }, swatch("line", color("limit"), [3, 3]), threshold.label) : ""];
  }

  /** Bring the drawing up to date if it is seen. */
  draw() {
    if (!this.lines || !this.any) return;
    const data = this.data();
    const dense = data[0].length > DENSE;
    this.lines.forEach((line) => { line.now = dense || !line.dash.length ? undefined : line.dash; });
    if (!this.plot) this.plot = new uPlot(this.options(), data, this.host);
    else {
      this.lines.forEach((line, k) => { this.plot.series[k + 1].dash = line.now; });
      this.plot.setData(data, false);
      this.plot.batch(() => this.plot.setScale("x", { min: this.axis.from, max: this.axis.to }));
    }
    this.stale = false;
  }

  data() {
    const name = this.shown.includes(this.focus) ? this.focus : this.shown[0];
    const x = this.tracks[name].days;
    return thinned(x, this.lines.map((line) => line.data), this.axis.from, this.axis.to, Math.max(200, 0.7 * (this.host.clientWidth - GUTTER)));
  }

  options() {
    const grid = { stroke: color("grid"), width: 1 };
    const axis = { stroke: color("soft"), grid, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    return {
      width: this.host.clientWidth, height: this.height, legend: { show: false }, padding: [6, 8, 0, 0],
      cursor: cursor(this.axis),
      scales: { x: { time: false, min: this.axis.from, max: this.axis.to }, y: { range: (_, low, high) => this.range(low, high) } },
      axes: [{ ...axis, size: 20, gap: 3, splits: (u, i, from, to) => dayTicks(u, i, from, to, 78 / u.bbox.width * devicePixelRatio), values: (_, values) => dayWords(values) },
        { ...axis, size: GUTTER, space: 24, values: (_, values) => values.map((value) => (value === null ? "" : String(Number(value.toPrecision(6))))) }],
      series: [{}, ...this.lines.map(series)],
      hooks: { drawClear: [(u) => this.under(u)], draw: [(u) => this.over(u)], setCursor: [(u) => this.read(u)],
        setSelect: [(u) => selected(u, this.axis)] },
    };
  }

  range(low, high) {
    if (this.panel.range) return [this.panel.range[0] - 0.3, this.panel.range[1] + 0.3];
    let [bottom, top] = [low ?? 0, high ?? 1];
    const { threshold } = this.panel;
    if (threshold && !(threshold.reach && top < threshold.reach * threshold.value)) {
      [bottom, top] = [Math.min(bottom, threshold.value), Math.max(top, threshold.value)];
    }
    if (this.panel.zero) bottom = Math.min(0, bottom);
    const room = (top - bottom || Math.abs(top) || 1) * 0.08;
    return [this.panel.zero ? bottom : bottom - room, top + room];
  }

  under(u) {
    const { band } = this.panel;
    if (!band) return;
    const [top, bottom] = [u.valToPos(band.high, "y", true), u.valToPos(band.low, "y", true)];
    u.ctx.save();
    u.ctx.fillStyle = color("goal");
    u.ctx.fillRect(u.bbox.left, top, u.bbox.width, bottom - top);
    u.ctx.restore();
  }

  over(u) {
    const { threshold } = this.panel;
    const y = threshold ? u.valToPos(threshold.value, "y", true) : -1;
    if (y >= u.bbox.top && y <= u.bbox.top + u.bbox.height) rule(u, y, color("limit"));
    marked(u, this.axis);
  }

  read(u) {
    const { idx } = u.cursor;
    this.lines.forEach((line, k) => {
      const text = idx === null || idx === undefined || line.style === "cross" ? "" : brief(u.data[k + 1][idx]);
      if (line.value.textContent !== text) line.value.textContent = text === "–" ? "" : text;
    });
  }
}

function series({ field, style, stroke, now, wide }) {
  if (style === "points" || style === "cross") {
    const size = style === "cross" ? 5 : 6;
    return { paths: () => null, points: { show: true, size, width: 1.4, stroke, fill: "transparent" } };
  }
  const stepped = field.endsWith("_rate") ? // a rate holds through its step
    { paths: uPlot.paths.stepped({ align: -1 }) } : {};
  return { stroke, width: style === "dash" || style === "dot" ? 1.3 : wide, dash: now, points: { show: false }, spanGaps: false, ...stepped };
}

function swatch(style, stroke, dash) {
  const drawing = s("svg", { width: 22, height: 10, "aria-hidden": "true" });
  if (style === "points" || style === "cross") drawing.append(s("circle", { cx: 11, cy: 5, r: 3, fill: "none", stroke, "stroke-width": 1.4 }));
  else drawing.append(s("line", { x1: 0, x2: 22, y1: 5, y2: 5, stroke, "stroke-width": 2.2, "stroke-dasharray": dash.join(" ") || "none" }));
  return drawing;
}

/** A cursor that all plots share, whose drag selects a part of the axis. */
export function cursor(axis) {
  return {
    y: false, points: { show: false }, focus: { prox: -1 },
    drag: { x: true, y: false, setScale: false },
    sync: { key: "patient", setSeries: false, scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
    bind: { dblclick: () => () => { axis.reset(); return null; } },
  };
}

/** What was brushed becomes what is seen. */
export function selected(u, axis) {
  const { left, width } = u.select;
  if (width < 3) return;
  u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  axis.show(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
}

/** The moment that was jumped to, a line through every plot. */
export function marked(u, axis) {
  if (axis.mark === null || axis.mark < axis.from || axis.mark > axis.to) return;
  const x = u.valToPos(axis.mark, "x", true);
  u.ctx.save();
  u.ctx.fillStyle = color("accent");
  u.ctx.fillRect(x - devicePixelRatio, u.bbox.top, 2 * devicePixelRatio, u.bbox.height);
  u.ctx.restore();
}

function rule(u, y, stroke) {
  u.ctx.save();
  u.ctx.strokeStyle = stroke;
  u.ctx.lineWidth = devicePixelRatio;
  u.ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  u.ctx.beginPath();
  u.ctx.moveTo(u.bbox.left, y);
  u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
  u.ctx.stroke();
  u.ctx.restore();
}

export { GUTTER };
