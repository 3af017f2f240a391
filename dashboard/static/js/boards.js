// A leaderboard and a task's headroom, from what was stored: ranks with all that qualifies them, and what is left to win.

import { get } from "./api.js";
import { choice, h, loud, number, spread } from "./dom.js";

export async function showBoard(id, { into, choices, signal }) {
  const found = await get(["leaderboards", id], {}, signal);
  const boards = [...found.boards, ...found.overall];
  const at = Math.min(Number(choices.get("board") ?? 0), boards.length - 1);
  const board = boards[at];
  const titles = boards.map((one, k) => [String(k), one.title]);
  into(h("h1", {}, "Leaderboard"), loud(board.mark),
    h("div", { class: "controls" }, choice("Condition", titles, String(at), (value) => { location.hash = `#/leaderboard/${id}?board=${value}`; }, "board")),
    h("p", { class: "soft" }, `${board.patients ?? found.patients * found.seeds.length} ${found.split} patients${board.profile ? `, limits ${board.profile}` : `, ${board.conditions} conditions`}. `,
      board.same_order === undefined ? "" : board.same_order ? "The order is the same under every weighting of the utility."
        : board.same_first ? "Weightings of the utility agree on the first, not on the whole order." : "Weightings of the utility do not agree on the first."),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Ranks" }, ranks(board, found.weightings)),
    h("p", { class: "small soft" }, `Ranks by the balanced utility, with the ranks that 95 % of resamples gave. ${found.tested} tests of registered outcomes are adjusted together (Holm). Policies that know what no other does stand apart at the end.`));
  return ["Leaderboard"];
}

function ranks(board, weightings) {
  const whole = board.lines.some((line) => line.well);
  const heads = ["Policy", "Rank", ...Object.values(weightings).map((title) => `Utility, ${title}`), ...(whole ? ["Well treated, %", "Worst tenth", "Score", "Gaming seen", "What may be said"] : [])];
  return h("table", {}, h("thead", {}, h("tr", {}, heads.map((text, k) => h("th", { scope: "col", class: k > heads.length - 3 && whole ? "text" : null }, text)))),
    h("tbody", {}, board.lines.map((line) => h("tr", {},
      h("th", { scope: "row" }, line.label, h("small", {}, line.kind, line.few_seeds ? ", fewer than ten training seeds" : "", line.apart ? ", apart" : "")),
      h("td", {}, line.place.rank, h("small", {}, line.place.low === line.place.high ? "" : `${line.place.low} to ${line.place.high}`)),
      Object.keys(weightings).map((key) => h("td", {}, line.utility[key] ? spread(line.utility[key]) : "–")),
      whole ? [h("td", {}, spread(line.well)), h("td", {}, spread(line.worst)), h("td", {}, spread(line.score, 2)),
        h("td", { class: "text" }, line.failures.join(", ") || "none"), h("td", { class: "text" }, line.claim, h("small", {}, [line.limits, ...line.transfers].filter(Boolean).join("; ")))] : ""))));
}

export async function showHeadroom(id, { into, signal }) {
  const found = await get(["headrooms", id], {}, signal);
  const { digits, unit, label } = found.outcome;
  const plus = (one) => `${number(one.value, digits)} ± ${number(one.error === null ? null : 1.96 * one.error, digits)}`;
  const name = (key) => found.rows.find((row) => row.name === key)?.label ?? key;
  into(h("h1", {}, `Headroom of ${found.task}`),
    found.proved ? "" : loud("UNPROVED PROFILE"),
    h("p", { class: "lede" }, `${found.patients} ${found.split} patients, ${found.date.slice(0, 10)}, limits ${found.profile}. The best rule is ${name(found.best_rule)}; `
      + `${found.open_share === null ? "the way to the reference is not defined" : `${number(100 * found.open_share, 0)} % of the way from holding the dose to ${name(found.reference)} is left above it`}.`),
    h("ul", { class: "findings" }, found.rules.map((rule) => h("li", { class: rule.passed ? "good" : null }, rule.sentence))),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Policies" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Policy", `${label}, ${unit}`, "Median", "Score (0 hold, 1 reference)"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, found.rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.label, h("small", {}, row.kind)),
        h("td", {}, plus(row.primary.mean)), h("td", {}, number(row.primary.median.value, digits)), h("td", {}, number(row.score.mean.value, 2))))))),
    h("p", { class: "small soft" }, "Means with 95 % intervals over patients (1.96 standard errors)."),
    Object.entries(found.left_out).map(([key, why]) => h("p", { class: "small soft" }, `Left out: ${key}, ${why}.`)));
  return [`Headroom of ${found.task}`];
}
