// The page: which view the address names, the trail above it, and what is told when a run changes or vanishes meanwhile.

import { get, watch } from "./api.js";
import { h, problem, put } from "./dom.js";
import { showBoard, showHeadroom } from "./boards.js";
import { showPatient } from "./patient.js";
import { showPatients } from "./patients.js";
import { showRun } from "./run.js";
import { showRuns } from "./runs.js";
import { showWhom } from "./whom.js";
import { showWhy } from "./why.js";

const VIEWS = { "": ["Overview", showRun], patients: ["Patients", showPatients], patient: ["Patient", showPatient],
  why: ["Why", showWhy], whom: ["Whom", showWhom] };
const main = document.getElementById("main");
const banner = document.getElementById("banner");
let end = () => {};
let seen = null; // id and state of the run that is shown
let turn = 0;

/** Where the address points: parts of its path and its choices. */
export function where() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), choices: new URLSearchParams(query ?? "") };
}

function tell(text) {
  banner.textContent = text;
  banner.hidden = !text;
}

function trail(entries) {
  document.getElementById("trail").replaceChildren(...entries.map((text) => h("li", {}, text)));
  document.title = [...entries].reverse().concat("Thecal").join(" · ");
}

function tabs(run, view, patient) {
  const bar = document.getElementById("tabs-bar");
  bar.hidden = !run;
  document.body.classList.toggle("with-tabs", Boolean(run));
  if (!run) return;
  const stored = run.policies.some((policy) => policy.tracks);
  const first = patient ?? run.first_patient;
  const shown = Object.entries(VIEWS).filter(([key]) => (key === "whom" ? run.reference : key === "" || key === "patients" || stored));
  document.getElementById("tabs").replaceChildren(...shown.map(([key, [label]]) => {
    const rest = key === "patient" || key === "why" ? `/${key}/${first}` : key ? `/${key}` : "";
    return h("a", { href: `#/run/${run.id}${rest}`, "aria-current": key === view ? "page" : null }, label);
  }));
  document.querySelector("#tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

async function show() {
  const own = ++turn;
  end();
  end = () => {};
  performance.clearMarks();
  seen = null;
  tell("");
  const { parts, choices } = where();
  main.replaceChildren(h("p", { class: "loading" }, "Loading …"));
  const stop = new AbortController();
  end = () => stop.abort();
  const context = { signal: stop.signal, choices, into: (...nodes) => own === turn && put(main, nodes), tell };
  try {
    if (parts[0] === "run") await inRun(parts, context, own);
    else {
      tabs(null);
      const view = { leaderboard: showBoard, headroom: showHeadroom }[parts[0]];
      if (!parts.length) { trail([]); await showRuns(context); }
      else if (view) { trail(await view(parts[1], context)); seen = { id: parts[1] }; }
      else throw new Error("There is no such page.");
    }
  } catch (error) {
    if (error.name === "AbortError" || own !== turn) return;
    main.replaceChildren(problem(error));
  }
}

async function inRun([, id, view = "", patient], context, own) {
  if (!(view in VIEWS)) throw new Error("There is no such page.");
  // A patient's page does not wait for what stands above it.
  const loading = get(["runs", id], {}, context.signal).then((run) => {
    if (own !== turn) return run;
    tabs(run, view, patient);
    trail([run.place, ...(view ? [VIEWS[view][0] + (patient === undefined ? "" : ` ${patient}`)] : [])]);
    seen = { id, changed: run.changed, writing: run.writing };
    return run;
  });
  loading.catch(() => {});
  if (view === "patient") await Promise.all([VIEWS[view][1](id, Number(patient), loading, context), loading]);
  else await VIEWS[view][1](id, Number(patient), await loading, context);
}

watch((list, error) => {
  if (error) return tell(error.message);
  if (!seen) return banner.textContent.startsWith("The server") ? tell("") : undefined;
  const now = list.runs.find((run) => run.id === seen.id);
  if (!now) tell("This run was deleted or moved. What is shown was read before that.");
  else if (seen.changed !== undefined && now.changed !== seen.changed) {
    banner.replaceChildren("This run was written anew. ", h("button", { type: "button", onclick: show }, "Show it"));
    banner.hidden = false;
  } else if (seen.writing && !now.writing) show();
  else tell(now.writing ? "This run is being written; what is there already is shown." : "");
});

document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", () => { show(); scrollTo(0, 0); });
show();
