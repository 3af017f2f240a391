// What the server is asked: JSON, the binary tracks of a patient, and the list of runs again and again while the page is seen.

const POLL_MS = 2500;
const watchers = new Set();
let last = null;
let tag = null;
let timer = null;

/** The path of a request from its parts and choices; empty choices are left out. */
export function path(parts, choices = {}) {
  const query = new URLSearchParams(Object.entries(choices).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  const text = query.toString();
  return `/api/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

async function ask(url, signal, headers = {}) {
  let answer;
  try {
    answer = await fetch(url, { signal, headers, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer: start `thecal dashboard` again, then reload this page.");
  }
  if (answer.ok || answer.status === 304) return answer;
  const told = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  throw new Error(told.error);
}

/** Plain data. */
export async function get(parts, choices, signal) {
  return (await ask(path(parts, choices), signal)).json();
}

/** The tracks of a patient: `{policy: {field: Float32Array}}`; the layout is told by `answers.tracks_of` of the server. */
export async function tracks(parts, choices, signal) {
  const buffer = await (await ask(path(parts, choices), signal)).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const found = {};
  for (const [policy, fields] of Object.entries(head.series)) {
    found[policy] = {};
    for (const [field, at] of Object.entries(fields))
      found[policy][field] = new Float32Array(buffer, 4 + length + 4 * at, head.steps[policy]);
  }
  return found;
}

/** Call `watcher(list, error)` now if the list is known, and whenever it changed; gives back how to end that. */
export function watch(watcher) {
  watchers.add(watcher);
  if (last) watcher(last, null);
  look();
  return () => watchers.delete(watcher);
}

async function look() {
  clearTimeout(timer);
  timer = setTimeout(look, POLL_MS);
  if (document.hidden && last) return;
  try {
    const answer = await ask("/api/runs", undefined, tag ? { "If-None-Match": tag } : {});
    if (answer.status !== 304) {
      tag = answer.headers.get("etag");
      last = await answer.json();
    }
    for (const watcher of watchers) watcher(last, null);
  } catch (error) {
    for (const watcher of watchers) watcher(last, error);
  }
}

document.addEventListener("visibilitychange", () => document.hidden || look());
