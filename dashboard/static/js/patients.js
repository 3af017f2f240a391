// The patients of a run, the worst of a policy first, each with what every policy did to it.

import { get } from "./api.js";
import { choice, h, loud, number } from "./dom.js";

const MOST = 300;

export async function showPatients(id, _, run, { into, choices, signal }) {
  const lead = run.policies.find((policy) => policy.name !== run.reference) ?? run.policies[0];
  const state = { policy: choices.get("policy") ?? lead.name, outcome: choices.get("outcome") ?? "" };
  const found = await get(["runs", id, "patients"], state, signal);
  const { outcome } = found;
  const go = (change) => {
    const query = new URLSearchParams(Object.entries({ ...state, ...change }).filter(([, value]) => value));
    location.hash = `#/run/${id}/patients?${query}`;
  };
  const tracked = run.policies.some((policy) => policy.tracks);
  const side = outcome.better < 0 ? "Highest" : "Lowest";
  into(h("h1", {}, "Patients, the worst first"), loud(run.mark ?? run.head.mark),
    h("div", { class: "controls" },
      choice("Worst under", run.policies.map((policy) => [policy.name, policy.label]), state.policy, (policy) => go({ policy }), "policy"),
      choice("by", run.measured.map((one) => [one.key, `${one.label} [${one.unit}]`]), outcome.key, (key) => go({ outcome: key }), "outcome")),
    h("p", { class: "small soft" }, outcome.better ? `${side} first by ${outcome.label.toLowerCase()}; the worst tenth is tinted. ` : "", outcome.text),
    tracked ? "" : h("p", { class: "notice" }, "No trajectories are stored beside this result, so patients cannot be opened."),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Patients" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Patient"), run.policies.map((policy) => h("th", { scope: "col" }, policy.label)), h("th", { scope: "col" }, ""))),
      h("tbody", {}, found.patients.slice(0, MOST).map((row, k) => h("tr", { class: k < found.worst ? "worst" : null },
        h("th", { scope: "row" }, tracked ? h("a", { href: link(id, "patient", row.patient, state.policy) }, `Patient ${row.patient}`) : `Patient ${row.patient}`),
        run.policies.map((policy) => h("td", {}, number(row.values[policy.name], outcome.digits))),
        h("td", {}, tracked ? h("a", { href: link(id, "why", row.patient, state.policy) }, "why") : "")))))),
    found.patients.length > MOST ? h("p", { class: "soft small" }, `The worst ${MOST} of ${found.patients.length} patients.`) : "");
}

export function link(id, view, patient, policy) {
  return `#/run/${id}/${view}/${patient}?policy=${encodeURIComponent(policy)}`;
}
