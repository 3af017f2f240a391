// One patient under all policies on one time axis: panels, lanes, brush zoom, jumps to what happened, and the decision there.

import { get, tracks } from "./api.js";
import { Axis } from "./axis.js";
import { choice, h, loud, moment, number, put } from "./dom.js";
import { Lanes } from "./lanes.js";
import { Panel } from "./panel.js";

const KINDS = [["refusal", "refusal by the shield"], ["harm", "harm"], ["fault", "fault"], ["alarm", "alarm or suspicion"], ["visit", "visit or call"], ["life", "event of a life"]];
const NEAR = 7; // days seen around what was jumped to

export async function showPatient(id, patient, loading, { into, choices, signal }) {
  const at = ["runs", id, "patients", patient];
  const [data, first] = await Promise.all([get(at, {}, signal), tracks([...at, "tracks"], { part: "first" }, signal)]);
  const view = new View(id, patient, data, first, choices, signal);
  into(...view.page());
  view.start();
  loading.then((run) => view.about(run)).catch(() => {});
  const [rest, events] = await Promise.all([tracks([...at, "tracks"], { part: "rest" }, signal), get([...at, "events"], {}, signal)]);
  view.more(rest, events);
  get([...at, "chart"], {}, signal).then((chart) => view.chart(chart)).catch(() => {});
}

class View {
  constructor(id, patient, data, found, choices, signal) {
    Object.assign(this, { id, patient, data, signal, tracks: {}, panels: [], lanes: null, waiting: false });
    this.looks = Object.fromEntries(data.policies.map((policy) => [policy.name, policy]));
    this.names = data.policies.filter((policy) => policy.tracks).map((policy) => policy.name);
    this.take(found);
    const asked = choices.get("policy");
    const lead = this.names.find((name) => name === asked) ?? this.names.find((name) => name !== "fixed") ?? this.names[0];
    const hidden = (choices.get("hide") ?? "").split(",");
    this.focus = lead;
    this.shown = this.names.filter((name) => name === lead || !hidden.includes(name));
    const days = this.tracks[this.names[0]].days;
    this.axis = new Axis((data.clock_h) / 24, days[days.length - 1]);
    const [from, to] = [Number(choices.get("from")), Number(choices.get("to"))];
    if (to > from) Object.assign(this.axis, { from: Math.max(from, this.axis.first), to: Math.min(to, this.axis.last) });
    if (choices.get("at")) this.axis.mark = Number(choices.get("at"));
    this.kind = choices.get("jump") ?? "refusal";
  }

  take(found) {
    for (const [name, fields] of Object.entries(found)) {
      const own = (this.tracks[name] ??= {});
      Object.assign(own, fields);
      own.days ??= Float64Array.from(fields.time_h, (hours) => (hours + this.data.clock_h) / 24);
    }
  }

  page() {
    const { data } = this;
    this.facts = h("dl", { class: "facts later" });
    this.top = h("div", {});
    this.steps = h("p", { class: "small" });
    this.said = h("p", { class: "moment", role: "status", "aria-live": "polite" });
    this.place = h("div", { tabindex: 0, role: "group", "aria-label": "Panels on one time axis. Arrow keys move, plus and minus zoom, 0 shows all, n and p jump.",
      onkeydown: (event) => this.key(event) });
    this.panels = data.panels.map((panel) => new Panel(panel, this.axis, this.tracks, this.looks));
    this.place.append(...this.panels.map((panel) => panel.element));
    return [h("h1", {}, `Patient ${this.patient}`), this.top, this.steps, this.facts, ...this.notes(),
      h("div", { class: "sticky" }, this.controls(), this.said), this.place];
  }

  notes() {
    const { data } = this;
    const label = (name) => this.looks[name].label;
    return [...data.troubles.map((text) => h("p", { class: "notice error" }, text)),
      data.without.length ? h("p", { class: "notice" }, `No trajectories are stored of ${data.without.map(label).join(", ")}.`) : "",
      data.lacking.length ? h("p", { class: "notice" }, `Not stored with this run, so not drawn: ${data.lacking.join(", ")}.`) : "",
      h("p", { class: "small soft wide" }, "Drag over a panel to zoom, double-click to see all. Day 0 is the day of the start. Drug along the spine is not stored with a run, only at its two sites of effect.")];
  }

  controls() {
    const button = (text, label, act) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    const policy = (name) => {
      const look = this.looks[name];
      return h("span", { class: `policy${name === this.focus ? " focus" : ""}`, "data-policy": name },
        h("label", {}, h("input", { type: "checkbox", checked: this.shown.includes(name), disabled: name === this.focus, "aria-label": `show ${look.label}`,
          onchange: (event) => this.toggle(name, event.target.checked) }), h("i", { class: "swatch", style: { background: look.color } }), look.label),
        h("label", { class: "closely" }, h("input", { type: "radio", name: "focus", checked: name === this.focus, "aria-label": `${look.label} in detail`,
          onchange: () => this.look(name) }), "in detail"));
    };
    this.policies = h("fieldset", { class: "policies" }, h("legend", { class: "wide" }, "Policies; lanes and dashed lines are of the one in detail"), this.names.map(policy));
    this.kinds = choice("Jump to the next", KINDS, this.kind, (value) => { this.kind = value; this.keep(); }, "kind");
    return h("div", { class: "controls" }, this.policies, this.kinds,
      h("div", { class: "group" }, button("◀", "previous event", () => this.jump(-1)), button("▶", "next event", () => this.jump(1))),
      h("div", { class: "group" }, button("+", "zoom in", () => this.axis.zoom(0.5)), button("−", "zoom out", () => this.axis.zoom(2)),
        button("←", "earlier", () => this.axis.pan(-0.5)), button("→", "later", () => this.axis.pan(0.5)), button("All", "show all days", () => this.axis.reset())));
  }

  start() {
    this.watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const panel = this.panels.find((one) => one.element === entry.target);
        panel.seen = entry.isIntersecting;
        if (panel.seen && (panel.stale || !panel.plot)) panel.draw();
      }
    }, { rootMargin: "150px" });
    this.panels.forEach((panel, k) => {
      panel.seen = k < 3; // the first are drawn now, not when the observer comes round to it
      panel.build(this.shown, this.focus);
      this.watcher.observe(panel.element);
    });
    performance.mark("patient-painted");
    this.axis.listeners.add(() => this.moved());
    const anew = () => this.rebuild();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", anew);
    let width = innerWidth;
    const resized = () => { if (innerWidth !== width) { width = innerWidth; anew(); } };
    addEventListener("resize", resized);
    this.signal.addEventListener("abort", () => {
      dark.removeEventListener("change", anew);
      removeEventListener("resize", resized);
      this.watcher.disconnect();
      this.all().forEach((panel) => panel.plot?.destroy());
    });
  }

  all() {
    return this.lanes ? [...this.panels, this.lanes] : this.panels;
  }

  more(rest, events) {
    this.take(rest);
    this.events = events;
    this.lanes = new Lanes(this.axis, events.policies, events.groups, this.data.clock_h);
    this.place.append(this.lanes.element);
    this.rebuild();
    performance.mark("patient-complete");
  }

  rebuild() {
    for (const panel of this.all()) panel.build(this.shown, this.focus);
  }

  moved() {
    performance.mark("zoom-begin");
    for (const panel of this.all()) panel.seen ? panel.draw() : (panel.stale = true);
    requestAnimationFrame(() => performance.measure("zoom", "zoom-begin")); // when all of it is drawn
    this.keep();
  }

  toggle(name, on) {
    this.shown = this.names.filter((one) => (one === name ? on : this.shown.includes(one)));
    this.rebuild();
    this.keep();
  }

  look(name) {
    this.focus = name;
    this.shown = this.names.filter((one) => one === name || this.shown.includes(one));
    const fresh = this.controls();
    this.place.previousElementSibling.firstChild.replaceWith(fresh);
    fresh.querySelector(`[data-policy="${CSS.escape(name)}"] input[type=radio]`).focus();
    this.rebuild();
    this.keep();
    this.ways();
  }

  /** The moments at which something of a kind began, in hours. */
  moments() {
    const lanes = this.events?.policies[this.focus]?.lanes ?? [];
    return [...new Set(lanes.filter((lane) => lane.kind === this.kind).flatMap((lane) => lane.spans.map(([begin]) => begin)))].sort((a, b) => a - b);
  }

  jump(way) {
    const words = KINDS.find(([key]) => key === this.kind)[1];
    const clock = this.data.clock_h;
    const from = (this.axis.mark ?? (way > 0 ? this.axis.from - 1e-6 : this.axis.to)) * 24 - clock;
    const all = this.moments();
    const found = way > 0 ? all.find((hours) => hours > from + 1e-6) : all.findLast((hours) => hours < from - 1e-6);
    if (found === undefined) {
      this.said.textContent = all.length ? `no ${way > 0 ? "later" : "earlier"} ${words}; there are ${all.length}` : `no ${words} under ${this.looks[this.focus].label}`;
      return;
    }
    this.axis.center((found + clock) / 24, NEAR);
    this.tell(found, `${words} ${all.indexOf(found) + 1} of ${all.length}`);
  }

  async tell(hours, words) {
    const { clock_h: clock } = this.data;
    const lanes = this.events.policies[this.focus].lanes.filter((lane) => lane.kind === this.kind && lane.spans.some(([begin]) => begin === hours));
    this.said.textContent = `${words}, ${moment(hours, clock)}: ${lanes.map((lane) => lane.label).join(", ")}`;
    if (this.kind !== "refusal") return;
    const day = Math.floor((hours + clock) / 24 + 1e-6);
    const told = await get(["runs", this.id, "patients", this.patient, "decisions"], { policy: this.focus, show: "all", first: day, last: day }, this.signal).catch(() => null);
    const one = told?.decisions.find((decision) => Math.abs(decision.begin_h - hours) < 1e-3);
    if (one) this.said.replaceChildren(`${words}. ${one.text} `, h("a", { href: `#/run/${this.id}/why/${this.patient}?policy=${encodeURIComponent(this.focus)}&day=${day}` }, "all of this day"));
  }

  key(event) {
    const act = { ArrowLeft: () => this.axis.pan(-0.25), ArrowRight: () => this.axis.pan(0.25), "+": () => this.axis.zoom(0.5), "=": () => this.axis.zoom(0.5),
      "-": () => this.axis.zoom(2), 0: () => this.axis.reset(), n: () => this.jump(1), p: () => this.jump(-1) }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  /** The address names what is seen, so that a reload or a link shows the same. */
  keep() {
    const { axis } = this;
    const whole = axis.from === axis.first && axis.to === axis.last;
    const query = new URLSearchParams({ policy: this.focus });
    const hidden = this.names.filter((name) => !this.shown.includes(name));
    if (hidden.length) query.set("hide", hidden.join(","));
    if (!whole) { query.set("from", axis.from.toFixed(3)); query.set("to", axis.to.toFixed(3)); }
    if (axis.mark !== null) query.set("at", axis.mark.toFixed(4));
    if (this.kind !== "refusal") query.set("jump", this.kind);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.signal.aborted || history.replaceState(null, "", `#/run/${this.id}/patient/${this.patient}?${query}`), 150);
  }

  async about(run) {
    put(this.top, loud(run.mark ?? run.head.mark));
    this.run = run;
    await this.ways();
  }

  /** Ways to the next better and worse patient under the policy in detail. */
  async ways() {
    if (!this.run) return;
    const ranked = await get(["runs", this.id, "patients"], { policy: this.focus }, this.signal).catch(() => null);
    if (!ranked) return;
    const rank = ranked.patients.findIndex((row) => row.patient === this.patient);
    const { outcome } = ranked;
    const to = (row, text) => (row ? [h("a", { href: `#/run/${this.id}/patient/${row.patient}?policy=${encodeURIComponent(this.focus)}` }, text), " "] : []);
    const values = this.data.policies.map((policy) => `${policy.label} ${number(ranked.patients[rank].values[policy.name], outcome.digits)}`).join(", ");
    put(this.steps, `${outcome.label}, ${outcome.unit}: ${values}. Rank ${rank + 1} of ${ranked.patients.length} from the worst under ${this.looks[this.focus].label}. `,
      to(ranked.patients[rank - 1], "next worse"), to(ranked.patients[rank + 1], "next better"), to(ranked.patients[0], "worst"));
  }

  chart({ chart, lacking }) {
    const flag = (key) => ["male", "sleep_apnea", "benzodiazepine", "gabapentinoid"].includes(key);
    const shown = chart.map(({ key, label, value }) => h("div", {}, h("dt", {}, label), h("dd", {}, flag(key) ? (value > 0 ? "yes" : "no") : number(value, value >= 10 ? 0 : 2).replace(/\.00$/, ""))));
    put(this.facts, shown, lacking ? h("div", { class: "soft" }, `The chart is left out: ${lacking}.`) : "");
  }
}
