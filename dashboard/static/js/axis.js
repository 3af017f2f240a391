// The time axis that all panels of a patient share: what part of it is seen, in days of the calendar, and who wants to know.

const SHORTEST = 1 / 24; // days

export class Axis {
  /** `first` and `last` in days; day 0 is the day of the start. */
  constructor(first, last) {
    Object.assign(this, { first, last, from: first, to: last, mark: null, listeners: new Set() });
  }

  /** Show a part; what lies beyond the ends is moved in. */
  show(from, to) {
    const width = Math.min(Math.max(to - from, SHORTEST), this.last - this.first);
    const begin = Math.min(Math.max(from, this.first), this.last - width);
    [this.from, this.to] = [begin, begin + width];
    this.tell();
  }

  reset() {
    this.show(this.first, this.last);
  }

  /** Zoom about the middle: below 1 in, above 1 out. */
  zoom(factor) {
    const [middle, half] = [(this.from + this.to) / 2, ((this.to - this.from) / 2) * factor];
    this.show(middle - half, middle + half);
  }

  /** Move by a share of what is seen. */
  pan(share) {
    const step = (this.to - this.from) * share;
    this.show(this.from + step, this.to + step);
  }

  /** Bring a moment into the middle, at most `width` days wide, and mark it. */
  center(day, width) {
    const shown = Math.min(this.to - this.from, width);
    this.mark = day;
    this.show(day - shown / 2, day + shown / 2);
  }

  tell() {
    for (const listener of this.listeners) listener(this);
  }
}

/** Ticks of the axis: whole days, or hours of the clock where little is seen. */
export function dayTicks(_, __, from, to, room) {
  const span = to - from;
  const steps = [1 / 24, 1 / 8, 1 / 4, 1 / 2, 1, 2, 7, 14, 28, 56, 112, 364];
  const step = steps.find((one) => (span / one) * room <= 1) ?? 728;
  const found = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9; k++) found.push(k * step);
  return found;
}

/** Their words: "12", or "3 · 06:00". */
export function dayWords(values) {
  return values.map((value) => {
    const day = Math.floor(value + 1e-6);
    const minutes = Math.round((value - day) * 1440);
    if (!minutes) return `${day}`;
    return `${day} · ${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  });
}

/** What is drawn of columns between two ends: as it is, or of each bucket its lowest and highest value in their order.
 *
 * `x` grows; the columns hold NaN where nothing is known, which becomes null. At most `4 * buckets` points come out.
 */
export function thinned(x, columns, from, to, buckets) {
  const first = Math.max(0, place(x, from) - 1);
  const end = Math.min(x.length, place(x, to) + 2);
  const size = Math.ceil((end - first) / buckets);
  if (size <= 4) {
    const cut = columns.map((column) => Array.from(column.subarray(first, end), (value) => (Number.isNaN(value) ? null : value)));
    return [Array.from(x.subarray(first, end)), ...cut];
  }
  const xs = [];
  for (let at = first; at < end; at += size) xs.push(x[at], x[Math.min(at + (size >> 1), end - 1)]);
  return [xs, ...columns.map((column) => extremes(column, first, end, size))];
}

function extremes(column, first, end, size) {
  const found = [];
  for (let at = first; at < end; at += size) {
    let [low, high, lowAt, highAt] = [Infinity, -Infinity, -1, -1];
    const stop = Math.min(at + size, end);
    for (let k = at; k < stop; k++) {
      const value = column[k];
      if (value < low) [low, lowAt] = [value, k];
      if (value > high) [high, highAt] = [value, k];
    }
    if (lowAt < 0) found.push(null, null);
    else if (lowAt <= highAt) found.push(low, high);
    else found.push(high, low);
  }
  return found;
}

/** The first place at or after a value. */
function place(x, value) {
  let [low, high] = [0, x.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
