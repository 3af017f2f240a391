// One comparison at a glance: what may be claimed, the registered outcome drawn, and every outcome in one table.

import { h, loud, s, spread } from "./dom.js";

export async function showRun(id, _, run, { into }) {
  const troubles = run.troubles.map((text) => h("p", { class: "notice error" }, text));
  if (!run.reference) {
    into(h("h1", {}, `${run.policies[0]?.label ?? ""}, ${run.task}`), loud(run.head.mark), ...troubles,
      h("p", { class: "lede" }, `An evaluation of one policy on ${run.patients} ${run.head.split} patients.`),
      h("p", {}, h("a", { href: `#/run/${id}/patients` }, "Its patients, the worst first")),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Every outcome" }, estimates(run)));
    return;
  }
  const { head } = run;
  const primary = run.rows[0].outcome;
  into(
    h("h1", {}, head.title || run.task), loud(run.mark), ...troubles,
    h("dl", { class: "facts" }, facts(run).flatMap(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    h("ul", { class: "findings" }, head.policies.filter((policy) => policy.name !== run.reference).map((policy) => finding(run, policy))),
    h("h2", {}, `${primary.label} minus ${labels(run)[run.reference]}`),
    forest(run, primary),
    h("p", { class: "small soft" }, `Paired difference on the same patients and days with its 95 % interval, ${primary.unit}; ${primary.better > 0 ? "right" : "left"} is better. ${primary.text}`),
    h("h2", {}, "Every outcome"), ...outcomes(run),
  );
}

function estimates(run) {
  const heads = ["Outcome", "Mean", "95 % interval"];
  return h("table", {}, h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, run.estimates.map(({ outcome, value, spread: wide }) => h("tr", {},
      h("th", { scope: "row", title: outcome.text }, outcome.label, h("small", {}, outcome.unit)), h("td", {}, value), h("td", {}, wide)))));
}

function labels(run) {
  return Object.fromEntries(run.policies.map((policy) => [policy.name, policy.label]));
}

function facts(run) {
  const { head } = run;
  return [["Task", run.task], ["Patients", `${run.patients} of ${head.split}`], ["Difficulty", head.difficulty], ["Shield", head.shield_mode],
    ["Limits", head.profile], ["Seed of the days", head.seed], ["Thecal", head.thecal]];
}

function finding(run, policy) {
  const { cells, outcome } = run.rows[0];
  const gap = cells[policy.name].gap;
  const transfer = run.transfers[policy.name];
  return h("li", { class: policy.better ? "good" : null }, h("strong", {}, `${policy.label}: ${inWords(run, policy.verdict)}. `),
    `${gap.text} ${outcome.unit} ${outcome.label.toLowerCase()}${gap.spread ? ` (${gap.spread})` : ""} against ${labels(run)[run.reference]}`,
    transfer ? h("div", { class: "small soft" }, transfer.join("; ")) : "", " ",
    h("a", { href: `#/run/${run.id}/whom?policy=${encodeURIComponent(policy.name)}` }, "for whom"), ", ",
    h("a", { href: `#/run/${run.id}/patients?policy=${encodeURIComponent(policy.name)}` }, "worst patients"));
}

/** A verdict with the names of outcomes in place of their keys. */
function inWords(run, verdict) {
  const names = Object.fromEntries(run.measured.map((one) => [one.key, one.label.toLowerCase()]));
  return verdict.replace(/\w+/g, (word) => (word.includes("_") || word === "died" ? names[word] ?? word : word));
}

function forest(run, outcome) {
  const rows = run.policies.filter((policy) => policy.name !== run.reference);
  const gaps = rows.map((policy) => run.rows[0].cells[policy.name].gap);
  return forestOf(rows.map((policy, k) => ({ label: policy.label, color: policy.color, ...gaps[k] })), `${outcome.label}, difference in ${outcome.unit}`);
}

/** Differences with intervals as a drawing; rows are `{label, color, mean, low, high}`. */
export function forestOf(rows, title) {
  const known = rows.filter((row) => row.mean !== null);
  const ends = known.flatMap((row) => [row.low ?? row.mean, row.high ?? row.mean, 0]);
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const reach = high - low || 1;
  // On a narrow page names stand over their lines.
  const narrow = innerWidth < 700;
  const left = narrow ? 14 : Math.min(320, 20 + 6.6 * Math.max(0, ...rows.map((row) => row.label.length)));
  const [wide, step] = narrow ? [Math.max(260, innerWidth - 66), 42] : [460, 26];
  const x = (value) => left + ((value - low) / reach) * wide;
  const tall = rows.length * step + 30;
  const drawing = s("svg", { class: "chart", viewBox: `0 0 ${left + wide + 20} ${tall}`, role: "img", "aria-label": title, style: { "max-width": "760px" } });
  for (const tick of ticks(low, high)) {
    drawing.append(s("line", { class: tick === 0 ? "zero" : "gridline", x1: x(tick), x2: x(tick), y1: 4, y2: tall - 22 }),
      s("text", { x: x(tick), y: tall - 8, "text-anchor": "middle" }, String(tick).replace("-", "−")));
  }
  rows.forEach((row, k) => {
    const y = (narrow ? 30 : 16) + k * step;
    drawing.append(narrow ? s("text", { x: 2, y: y - 12 }, row.label) : s("text", { x: left - 12, y: y + 4, "text-anchor": "end" }, row.label));
    if (row.mean === null) return drawing.append(s("text", { x: x(0) + 8, y: y + 4 }, "too few patients"));
    const mark = s("g", {}, s("title", {}, `${row.label}: ${spread(row, 2, true)}`));
    if (row.low !== null) mark.append(s("line", { x1: x(row.low), x2: x(row.high), y1: y, y2: y, stroke: row.color, "stroke-width": 2 }));
    mark.append(s("circle", { cx: x(row.mean), cy: y, r: 4.5, fill: row.color }));
    drawing.append(mark);
  });
  return drawing;
}

/** Round numbers between two ends. */
export function ticks(low, high, about = 6) {
  const raw = (high - low || 1) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((one) => one >= raw);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9; k++) found.push(Number((k * step).toPrecision(10)));
  return found;
}

function outcomes(run) {
  const seen = (row) => row.outcome.role !== "cost" || Object.values(row.cells).some((cell) => cell.mean !== 0);
  const never = run.rows.filter((row) => !seen(row)).map((row) => row.outcome.label);
  const table = h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Outcome"), run.policies.map((policy) => h("th", { scope: "col" }, policy.label)))),
    h("tbody", {}, run.rows.filter(seen).map(({ outcome, cells }) => h("tr", {},
      h("th", { scope: "row", title: outcome.text }, outcome.label, h("small", {}, outcome.unit)),
      run.policies.map((policy) => cell(cells[policy.name]))))));
  return [h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Every outcome" }, table),
    h("p", { class: "small soft" }, "Means with 95 % intervals; below them the paired difference from the reference."),
    never.length ? h("p", { class: "small soft" }, `Harm that no patient had under any policy: ${never.join(", ")}.`) : ""];
}

function cell(found) {
  const { gap } = found;
  const word = gap && { superior: "better", inferior: "worse" }[gap.verdict];
  return h("td", {}, found.value, h("small", {}, found.spread), gap ? h("small", { class: word ?? null },
    `${gap.text}${gap.spread ? ` (${gap.spread})` : ""}${word ? `, ${word}` : ""}`) : "");
}
