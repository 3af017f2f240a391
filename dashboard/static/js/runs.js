// The list of everything that is stored, filtered as one types, and kept up to date while runs are written.

import { watch } from "./api.js";
import { choice, h, number, when } from "./dom.js";

const KINDS = { comparison: "comparison", evaluation: "evaluation", leaderboard: "leaderboard", headroom: "headroom", unfinished: "being written" };
const MOST = 200;
const EMPTY = [
  ["Compare policies on the same patients and days:", "thecal compare fixed guideline pid --task CancerDoseFinding -n 20 --out runs/first"],
  ["Run one policy:", "thecal evaluate guideline -n 20 --out runs/guideline"],
  ["Rank policies over tasks and conditions:", "thecal benchmark --help"],
];

export async function showRuns({ into, signal, choices }) {
  const state = { text: choices.get("find") ?? "", kind: choices.get("kind") ?? "", all: false };
  const body = h("div", {});
  const find = h("input", { id: "find", type: "search", value: state.text, autocomplete: "off", placeholder: "task, policy, folder …",
    oninput: () => { state.text = find.value; keep(state); draw(); } });
  const kinds = [["", "everything"], ...Object.entries(KINDS)];
  const top = h("div", { class: "controls" },
    h("div", { class: "field grow" }, h("label", { for: "find" }, "Find"), find),
    choice("Kind", kinds, state.kind, (value) => { state.kind = value; keep(state); draw(); }, "kind"),
    h("p", { class: "soft small", id: "count", role: "status" }));
  let list = null;

  function draw() {
    if (!list) return;
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = list.runs.filter((run) => (!state.kind || run.kind === state.kind) && words.every((word) => searched(run).includes(word)));
    top.hidden = !list.runs.length;
    document.getElementById("count")?.replaceChildren(`${found.length} of ${list.runs.length}`);
    if (!list.runs.length) return body.replaceChildren(empty(list.roots));
    const shown = state.all ? found : found.slice(0, MOST);
    body.replaceChildren(table(shown), found.length > shown.length
      ? h("button", { type: "button", onclick: () => { state.all = true; draw(); } }, `Show all ${found.length}`) : "");
  }

  into(h("h1", {}, "Runs and comparisons"), top, body);
  let text = "";
  const stop = watch((now, error) => {
    if (error && !now) return body.replaceChildren(h("p", { class: "notice error" }, error.message));
    const next = JSON.stringify(now);
    if (next === text) return;
    text = next;
    list = now;
    draw();
  });
  signal.addEventListener("abort", stop);
}

function keep({ text, kind }) {
  const query = new URLSearchParams(Object.entries({ find: text, kind }).filter(([, value]) => value)).toString();
  history.replaceState(null, "", query ? `#/?${query}` : "#/");
}

function searched(run) {
  const { head } = run;
  return [run.place, run.kind, head.task, head.title, head.difficulty, head.shield_mode,
    ...(head.policies ?? []).flatMap((policy) => [policy.name, policy.label])].join(" ").toLowerCase();
}

function empty(roots) {
  return h("div", {},
    h("p", { class: "lede" }, `Nothing is stored yet in ${roots.join(", ")}. Runs appear here while they are written:`),
    ...EMPTY.flatMap(([why, line]) => [h("p", {}, why), h("pre", {}, h("code", {}, line))]),
    h("p", { class: "soft" }, "Results elsewhere: thecal dashboard --root FOLDER"));
}

function table(runs) {
  const heads = ["Run", "Task", "Policies and registered outcome", "Patients", "Shield", "Written"];
  return h("table", { class: "runs" },
    h("thead", {}, h("tr", {}, heads.map((text, k) => h("th", { scope: "col", class: k === 3 || k === 5 ? null : "text" }, text)))),
    h("tbody", {}, runs.map(row)));
}

function address(run) {
  if (run.kind === "leaderboard" || run.kind === "headroom") return `#/${run.kind}/${run.id}`;
  return `#/run/${run.id}`;
}

function row(run) {
  const { head } = run;
  const opens = !run.problem && run.kind !== "unfinished";
  return h("tr", { "data-id": run.id },
    h("th", { scope: "row", class: "text" }, opens ? h("a", { href: address(run) }, run.place) : run.place,
      h("small", {}, KINDS[run.kind], run.writing ? h("span", { class: "chip live" }, "being written") : "")),
    run.problem
      ? h("td", { class: "text plain", colspan: 4 }, h("span", { class: "worse" }, `cannot be read: ${run.problem}`))
      : [
        h("td", { class: "text plain" }, head.task ?? "", h("small", {}, [head.split && `${head.split} patients`,
          head.difficulty && head.difficulty !== "real" && head.difficulty, head.days && `${number(head.days, 0)} days`].filter(Boolean).join(", "))),
        h("td", { class: "text plain" }, policies(head)),
        h("td", { class: "number", "data-label": head.patients ? "Patients" : null }, head.patients ?? ""),
        h("td", { class: "text", "data-label": head.shield_mode ? "Shield" : null }, head.shield_mode ?? "", head.mark ? h("small", {}, h("span", { class: "chip loud" }, head.mark)) : ""),
      ],
    h("td", { class: "when", "data-label": "Written" }, when(run.changed)));
}

function policies(head) {
  const listed = head.policies ?? [];
  if (!head.primary) {
    const few = listed.slice(0, 6).map((policy) => policy.label).join(", ");
    return [few + (listed.length > 6 ? ` and ${listed.length - 6} more` : ""),
      head.passed === undefined ? "" : h("small", {}, head.passed ? "skill shows by every rule" : "not every rule of skill is met")];
  }
  const { digits, label, unit } = head.primary;
  return [h("div", { class: "values" }, listed.slice(0, 8).flatMap((policy) => [
    h("span", {}, policy.label, policy.better ? h("span", { class: "better" }, " better") : ""),
    h("b", {}, number(policy.primary, digits))])),
  h("small", {}, `${label}, ${unit}${listed.length > 8 ? `; ${listed.length - 8} more policies` : ""}`)];
}
