// Elements, numbers and words: what every view builds its part of the page from.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `on*` are listeners, other properties attributes (null or false leaves one out). */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same in SVG. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...wanted(children));
  return element;
}

function wanted(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Put these in place of what an element holds; lists are laid out, and what is missing is left out. */
export function put(element, ...children) {
  element.replaceChildren(...wanted(children));
}

/** A choice with a label over it; `options` are [value, text]. */
export function choice(label, options, value, onchange, id) {
  const select = h("select", { id, onchange: () => onchange(select.value) });
  for (const [key, text] of options) select.append(h("option", { value: key, selected: key === value }, text));
  select.value = value;
  return h("div", { class: "field" }, h("label", { for: id }, label), select);
}

/** A number as tables show it; a dash where it is missing. */
export function number(value, digits = 1, sign = false) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text = Math.abs(value).toFixed(digits);
  const minus = value < 0 && Number(text) !== 0;
  return (minus ? "−" : sign && Number(text) !== 0 ? "+" : "") + text;
}

/** A number to three digits, for readouts. */
export function brief(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const digits = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return number(value, digits);
}

/** "mean (low to high)". */
export function spread(found, digits = 1, sign = false) {
  if (!found || found.mean === null) return "–";
  if (found.low === null) return number(found.mean, digits, sign);
  return `${number(found.mean, digits, sign)} (${number(found.low, digits, sign)} to ${number(found.high, digits, sign)})`;
}

/** When a file was written, for people. */
export function when(seconds) {
  const date = new Date(seconds * 1000);
  const pad = (value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** A moment in words: "day 3, 08:00", days counted from the day of the start. */
export function moment(hours, clock) {
  const all = Math.round((hours + clock) * 60);
  const [day, rest] = [Math.floor(all / 1440), ((all % 1440) + 1440) % 1440];
  return `day ${day}, ${String(Math.floor(rest / 60)).padStart(2, "0")}:${String(rest % 60).padStart(2, "0")}`;
}

/** The value of a variable of the style sheet, for what is drawn on canvas. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A line that says what went wrong, with a way back. */
export function problem(error) {
  return h("div", { class: "notice error", role: "alert" },
    h("p", {}, error.message), h("p", {}, h("a", { href: "#/" }, "All runs")));
}

/** Words that belong beside every number of a result whose limits did not bind. */
export function loud(mark) {
  return mark ? h("p", { class: "notice loud" }, mark) : null;
}

