// Every decision on one patient in one plain sentence, by policy and day: what was asked, what was given, and why not the same.

import { get } from "./api.js";
import { choice, h, loud } from "./dom.js";

const SHOW = [["refused", "what was refused"], ["changes", "every change that was asked for"], ["all", "all decisions"]];

export async function showWhy(id, patient, run, { into, choices, signal }) {
  const stored = run.policies.filter((policy) => policy.tracks);
  const lead = stored.find((policy) => policy.name !== run.reference) ?? stored[0];
  const state = { policy: choices.get("policy") ?? lead?.name, show: choices.get("show") ?? (choices.get("day") ? "all" : "refused"), day: choices.get("day") ?? "" };
  const range = state.day === "" ? {} : { first: state.day, last: state.day };
  const found = await get(["runs", id, "patients", patient, "decisions"], { policy: state.policy, show: state.show, ...range }, signal);
  const go = (change, who = patient) => {
    const query = new URLSearchParams(Object.entries({ ...state, ...change }).filter(([, value]) => value !== ""));
    location.hash = `#/run/${id}/why/${who}?${query}`;
  };
  const day = h("input", { id: "day", type: "number", min: 0, max: found.last_day, value: state.day, placeholder: "all", onchange: () => go({ day: day.value }) });
  const who = h("input", { id: "who", type: "number", min: 0, value: patient, onchange: () => who.value !== "" && go({ day: "" }, who.value) });
  const others = (way) => {
    const from = state.day === "" ? (way > 0 ? -1 : Infinity) : Number(state.day);
    return way > 0 ? found.refused_days.find((one) => one > from) : found.refused_days.findLast((one) => one < from);
  };
  const step = (way, text) => h("button", { type: "button", disabled: others(way) === undefined, onclick: () => go({ day: others(way) }) }, text);
  const label = run.policies.find((policy) => policy.name === state.policy)?.label ?? state.policy;
  into(h("h1", {}, `Why: ${label}, patient ${patient}`), loud(run.mark ?? run.head.mark),
    h("div", { class: "controls" },
      choice("Policy", stored.map((policy) => [policy.name, policy.label]), state.policy, (policy) => go({ policy }), "policy"),
      h("div", { class: "field" }, h("label", { for: "who" }, "Patient"), who),
      choice("Show", SHOW, state.show, (show) => go({ show }), "show"),
      h("div", { class: "field" }, h("label", { for: "day" }, `Day (0 to ${found.last_day})`), day),
      h("div", { class: "group" }, step(-1, "◀ refused day"), step(1, "refused day ▶"))),
    h("p", { class: "soft", role: "status" }, summary(found, state)),
    found.lacking ? h("p", { class: "notice" }, found.lacking) : "",
    h("ol", { class: "sentences" }, found.decisions.map((one) => sentence(id, patient, state.policy, one))),
    found.found > found.decisions.length ? h("p", { class: "soft" }, `The first ${found.decisions.length} of ${found.found}; choose a day to see the others.`) : "");
}

function summary(found, { day, show }) {
  const share = `${found.refused} of ${found.all} decisions were refused or changed by the shield by more than half a percent.`;
  if (found.decisions.length) return `${share} ${found.found} shown${day === "" ? "" : ` of day ${day}`}.`;
  const none = show === "refused" ? "Nothing was refused" : show === "changes" ? "No change was asked for" : "Nothing was decided";
  return `${share} ${none}${day === "" ? "" : ` on day ${day}`}.`;
}

function sentence(id, patient, policy, one) {
  const query = new URLSearchParams({ policy, from: one.day - 1, to: one.day + 2, at: one.at_day.toFixed(4) });
  return h("li", { class: one.refused ? "refused" : null }, one.text, h("a", { href: `#/run/${id}/patient/${patient}?${query}` }, "see it"));
}
