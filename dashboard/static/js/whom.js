// For whom a policy helps: subgroups, any covariate against the paired effect of each patient, and the worst tenth.

import { get } from "./api.js";
import { choice, h, loud, number, s } from "./dom.js";
import { forestOf, ticks } from "./run.js";

export async function showWhom(id, _, run, { into, choices, signal }) {
  if (!run.reference) throw new Error("An evaluation has one policy: for whom it helps is told by a comparison with another.");
  const others = run.policies.filter((policy) => policy.name !== run.reference);
  const state = { policy: choices.get("policy") ?? others[0].name, outcome: choices.get("outcome") ?? "", by: choices.get("by") ?? "age_y" };
  const { policy, outcome: key } = state;
  const [found, ranked] = await Promise.all([get(["runs", id, "whom"], { policy, outcome: key }, signal), get(["runs", id, "patients"], { policy, outcome: key }, signal)]);
  const look = run.policies.find((one) => one.name === policy);
  const label = run.policies.find((one) => one.name === found.reference).label;
  const { outcome } = found;
  const go = (change) => {
    const query = new URLSearchParams(Object.entries({ ...state, ...change }).filter(([, value]) => value));
    location.hash = `#/run/${id}/whom?${query}`;
  };
  const known = Object.keys(found.covariates);
  const by = known.includes(state.by) ? state.by : known[0];
  into(h("h1", {}, `For whom: ${look.label} against ${label}`), loud(run.mark),
    h("div", { class: "controls" },
      choice("Policy", others.map((one) => [one.name, one.label]), policy, (value) => go({ policy: value }), "policy"),
      choice("Outcome", run.measured.map((one) => [one.key, `${one.label} [${one.unit}]`]), outcome.key, (value) => go({ outcome: value }), "outcome")),
    h("p", {}, told(found, look)),
    found.lacking ? h("p", { class: "notice" }, `Charts are left out: ${found.lacking}.`) : "",
    h("div", { class: "two" },
      h("section", {}, h("h2", {}, "Subgroups"), found.subgroups.length ? subgroups(found, look) : "",
        h("p", { class: "small soft" }, "Paired differences with 95 % intervals over patients. Subgroups are many and small: a question for the next study, never a claim."
          + (found.seeds > 1 ? " The intervals do not count the spread of training seeds." : ""))),
      h("section", {}, by ? [h("h2", {}, "Each patient"), choice("Against", known.map((name) => [name, found.covariates[name].label]), by, (value) => go({ by: value }), "by"),
        scatter(id, found, by, look)] : "",
      h("h2", {}, `The worst tenth under ${look.label}`), worst(id, run, ranked))));
}

function told(found, look) {
  const side = found.outcome.better || 1;
  const known = found.differences.filter((value) => value !== null);
  const [better, worse] = [known.filter((value) => value * side > 0).length, known.filter((value) => value * side < 0).length];
  return `${look.label} did better in ${better}, worse in ${worse} and the same in ${known.length - better - worse} of ${known.length} patients (${found.outcome.label}, ${found.outcome.unit}).`;
}

function subgroups(found, look) {
  const rows = found.subgroups.map((one) => ({ label: `${one.group}: ${one.level} (${one.patients})`, color: look.color, ...one.difference }));
  return forestOf(rows, "Effect in subgroups");
}

function scatter(id, found, by, look) {
  const { values, label } = found.covariates[by];
  const [wide, tall, left, bottom] = [Math.min(520, Math.max(300, innerWidth - 30)), 300, 54, 40];
  const ends = (list) => { const known = list.filter((value) => value !== null); const [a, b] = [Math.min(...known), Math.max(...known)]; const room = (b - a || 1) * 0.05; return [a - room, b + room]; };
  const [x0, x1] = ends(values);
  const [y0, y1] = ends([...found.differences, 0]);
  const x = (value) => left + ((value - x0) / (x1 - x0)) * (wide - left - 12);
  const y = (value) => tall - bottom - ((value - y0) / (y1 - y0)) * (tall - bottom - 10);
  const drawing = s("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "group", "aria-label": `Difference in ${found.outcome.label} against ${label}` });
  for (const tick of ticks(x0, x1)) drawing.append(s("line", { class: "gridline", x1: x(tick), x2: x(tick), y1: 8, y2: tall - bottom }), s("text", { x: x(tick), y: tall - bottom + 16, "text-anchor": "middle" }, String(tick)));
  for (const tick of ticks(y0, y1)) drawing.append(s("line", { class: tick === 0 ? "zero" : "gridline", x1: left, x2: wide - 10, y1: y(tick), y2: y(tick) }), s("text", { x: left - 7, y: y(tick) + 4, "text-anchor": "end" }, String(tick).replace("-", "−")));
  drawing.append(s("text", { x: wide / 2, y: tall - 4, "text-anchor": "middle" }, label));
  found.patients.forEach((patient, k) => {
    if (found.differences[k] === null || values[k] === null) return;
    const words = `Patient ${patient}: ${number(found.differences[k], 1, true)}, ${label} ${number(values[k], 1)}`;
    drawing.append(s("a", { href: `#/run/${id}/patient/${patient}?policy=${encodeURIComponent(found.policy)}`, "aria-label": words },
      s("circle", { cx: x(values[k]), cy: y(found.differences[k]), r: 5, fill: look.color, "fill-opacity": 0.6, stroke: look.color }, s("title", {}, words))));
  });
  return drawing;
}

function worst(id, run, ranked) {
  const { outcome } = ranked;
  const query = `policy=${encodeURIComponent(ranked.policy)}`;
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Patient"), run.policies.map((policy) => h("th", { scope: "col" }, policy.label)), h("th", { scope: "col" }, ""))),
    h("tbody", {}, ranked.patients.slice(0, ranked.worst).map((row) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: `#/run/${id}/patient/${row.patient}?${query}` }, `Patient ${row.patient}`)),
      run.policies.map((policy) => h("td", {}, number(row.values[policy.name], outcome.digits))),
      h("td", {}, h("a", { href: `#/run/${id}/why/${row.patient}?${query}` }, "why")))))));
}
