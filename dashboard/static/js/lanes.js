// What happened to a patient as labelled lanes under the panels, on the same axis: limits, harm, faults, alarms, visits, life.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { dayTicks, dayWords } from "./axis.js";
import { color, h, moment, number } from "./dom.js";
import { cursor, GUTTER, marked, selected } from "./panel.js";

const LANE = 25;
const HEAD = 22;
const PAINT = { shield: "limit", broken: "limit", harm: "bad", faults: "bad", alarms: "warn", suspicions: "warn", clinic: "accent", life: "open" };

export class Lanes {
  /** `events` is what the server tells of each policy, `groups` the words over the lanes. */
  constructor(axis, events, groups, clock) {
    Object.assign(this, { axis, events, groups, clock, plot: null, seen: true });
    this.now = h("div", { class: "head" });
    this.host = h("div", { class: "plot" });
    this.list = h("details", {}, h("summary", { class: "small" }, "The same as a table"));
    this.element = h("section", { class: "panel", "data-panel": "lanes", "aria-label": "What happened" }, this.now, this.host, this.list);
  }

  build(_, focus) {
    this.plot?.destroy();
    this.plot = null;
    const found = this.events[focus] ?? { lanes: [], death: null };
    this.rows = [];
    let group = null;
    for (const lane of found.lanes) {
      if (lane.group !== group) this.rows.push({ title: this.groups[lane.group], tall: HEAD });
      group = lane.group;
      this.rows.push({ lane, tall: LANE });
    }
    this.death = found.death;
    const absent = Object.entries(this.groups).filter(([key]) => !found.lanes.some((lane) => lane.group === key)).map(([, words]) => words.toLowerCase());
    this.tell(null);
    this.list.replaceChildren(this.list.firstChild, this.table(found.lanes),
      h("p", { class: "small soft" }, absent.length ? `None of these: ${absent.join("; ")}.` : ""));
    this.draw();
  }

  draw() {
    if (!this.rows) return;
    if (!this.plot) {
      this.host.style.height = `${this.tall}px`;
      this.plot = new uPlot(this.options(), [[this.axis.first, this.axis.last], [null, null]], this.host);
    } else this.plot.setScale("x", { min: this.axis.from, max: this.axis.to });
    this.stale = false;
  }

  get tall() {
    return this.rows.reduce((sum, row) => sum + row.tall, 0) + 30;
  }

  options() {
    const axis = { stroke: color("soft"), ticks: { show: false }, font: "11px system-ui, sans-serif", grid: { stroke: color("grid"), width: 1 } };
    return {
      width: this.host.clientWidth, height: this.tall, legend: { show: false }, padding: [0, 8, 0, 0], cursor: cursor(this.axis),
      scales: { x: { time: false, min: this.axis.from, max: this.axis.to }, y: { range: [0, 1] } },
      axes: [{ ...axis, size: 20, gap: 3, splits: (u, i, from, to) => dayTicks(u, i, from, to, 78 / u.bbox.width * devicePixelRatio), values: (_, values) => dayWords(values) },
        { ...axis, size: GUTTER, grid: { show: false }, values: () => [] }],
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      hooks: { draw: [(u) => this.paint(u)], setCursor: [(u) => this.tell(u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)], setSelect: [(u) => selected(u, this.axis)] },
    };
  }

  paint(u) {
    const { ctx, bbox } = u;
    const px = devicePixelRatio;
    ctx.save();
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    let y = bbox.top;
    for (const { title, lane, tall } of this.rows) {
      ctx.fillStyle = color(title ? "ink" : "soft");
      ctx.font = `${title ? "600 " : ""}${11 * px}px system-ui, sans-serif`;
      ctx.fillText(title ?? lane.label, bbox.left + 3 * px, y + (title ? 16 : 11) * px);
      if (lane) {
        ctx.fillStyle = color("grid");
        ctx.fillRect(bbox.left, y + 14 * px, bbox.width, 8 * px);
        ctx.fillStyle = color(PAINT[lane.group]);
        for (const [begin, end] of lane.spans) {
          const from = Math.max(this.day(begin), this.axis.from);
          const to = Math.min(this.day(end), this.axis.to);
          if (to <= from) continue;
          const left = u.valToPos(from, "x", true);
          ctx.fillRect(left, y + 14 * px, Math.max(u.valToPos(to, "x", true) - left, 1.5 * px), 8 * px);
        }
      }
      y += tall * px;
    }
    if (this.death !== null) {
      const x = u.valToPos(this.day(this.death), "x", true);
      ctx.fillStyle = color("ink");
      if (x >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x - px, bbox.top, 2 * px, bbox.height);
    }
    ctx.restore();
    marked(u, this.axis);
  }

  day(hours) {
    return (hours + this.clock) / 24;
  }

  /** Which lanes hold a moment, in words. */
  tell(day) {
    const hours = day === null ? null : day * 24 - this.clock;
    const there = hours === null ? [] : this.rows.filter(({ lane }) => lane?.spans.some(([begin, end]) => begin <= hours && hours < end)).map(({ lane }) => lane.label);
    const text = day === null ? (this.rows.length ? "" : "nothing of it happened") : `${moment(hours, this.clock)}: ${there.join(", ") || "nothing"}`;
    this.now.replaceChildren(h("h3", {}, "What happened"), h("span", { class: "key" }, text),
      this.death === null ? "" : h("span", { class: "worse" }, `died on ${moment(this.death, this.clock)}`));
  }

  table(lanes) {
    if (!lanes.length) return "";
    const row = (lane) => h("tr", {}, h("th", { scope: "row" }, lane.label, h("small", {}, lane.text || this.groups[lane.group])),
      h("td", {}, lane.spans.length), h("td", {}, number(lane.spans.reduce((sum, [begin, end]) => sum + end - begin, 0), 1)),
      h("td", {}, moment(lane.spans[0][0], this.clock)), h("td", {}, moment(lane.spans.at(-1)[0], this.clock)));
    return h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, ["What", "times", "hours", "first", "last"].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, lanes.map(row))));
  }
}
