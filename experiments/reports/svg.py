"""Draws panels of a report as SVG: as wide as the page offers, in the page's colors, with the data in the lines themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal, NamedTuple

import numpy as np

from thecal.experiments.reports.svg_parts import COLUMNS, Floats, mark, path_of, runs, thinned
from thecal.experiments.reports.theme import DASHES

Anchor = Literal["start", "middle", "end"]
WIDE, HIGH = 2000, 1000  # units of a line's own grid, stretched over the panel
_ABOVE, _BELOW = 7, 19  # px over the plot, and under it where the axis is labeled


class Axis(NamedTuple):
    """The ends of an axis, logarithmic or not."""

    low: float
    high: float
    log: bool = False

    def share(self, values: Any) -> Floats:
        """Where values stand between the ends, 0 to 1 within them."""
        found = np.asarray(values, np.float64)
        if not self.log:
            return np.asarray((found - self.low) / (self.high - self.low))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((np.log10(found) - math.log10(self.low)) / math.log10(self.high / self.low))

    def ticks(self, most: int = 5) -> list[float]:
        """Round values between the ends, at most so many; powers of ten on a logarithmic axis."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**k for k in range(first, last + 1)]
        for step in _steps((self.high - self.low) / max(1, most)):
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            if last - first < most:
                return [step * k for k in range(first, last + 1)]
        return []


def _steps(least: float) -> list[float]:
    """1, 2 and 5 times powers of ten from ``least`` on."""
    power = math.floor(math.log10(least)) if least > 0 else 0
    return [m * 10.0**k for k in range(power, power + 3) for m in (1, 2, 5)]


def axis_of(*columns: Any, zero: bool = False, room: float = 0.05) -> Axis:
    """An axis that holds every finite value of ``columns``, with a little room; from 0 on where ``zero`` says so."""
    values = np.concatenate([np.ravel(np.asarray(column, np.float64)) for column in columns] or [np.zeros(0)])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low = min(0.0, low) if zero else low
    gap = room * (high - low or abs(high) or 1.0)
    return Axis(low if zero and low == 0.0 else low - gap, high + gap)


class Key(NamedTuple):
    """An entry of a panel's key: a name, its color, and the dash or mark by which it is drawn."""

    name: str
    color: str
    look: str


@dataclass
class Panel:
    """One plot: what is drawn stands in ``back``, ``lines`` and ``front``, in that order.

    Attributes:
        height: of the plot alone, px.
        x, y: axes.
        title, unit: for its heading.
        x_title: under it; empty where the axis is not labeled.
        y_ticks, x_ticks: values with labels; None lets the axis choose.
    """

    height: int
    x: Axis
    y: Axis
    title: str = ""
    unit: str = ""
    x_title: str = ""
    y_ticks: Sequence[float] | None = None
    x_ticks: Sequence[float] | None = None
    keys: list[Key] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    front: list[str] = field(default_factory=list)

    @property
    def full(self) -> int:
        """Height with the room above and, where the axis is labeled, below, px."""
        return self.height + _ABOVE + (_BELOW if self.x_title else 3)

    def left(self, value: float) -> str:
        """A place across, as percent of the width."""
        return f"{100.0 * float(self.x.share(value)):.2f}%"

    def top(self, value: float) -> str:
        """A place up, in px from the top of the drawing."""
        return f"{_ABOVE + self.height * (1.0 - float(self.y.share(value))):.1f}"

    def line(
        self, x: Any, y: Any, color: str, name: str, *, width: float = 1.8, dash: str = "solid", steps: bool = False,
        unit: str | None = None,
    ) -> None:  # fmt: skip
        """A line that breaks where a value is missing; its points are what the page reads out."""
        found = path_of(*self._grid(x, y, steps))
        if not found:
            return
        look = "" if dash == "solid" else f' stroke-dasharray="{DASHES[dash]}"'
        said = f' data-name="{escape(name)}"' if name else ""
        said += "" if unit is None else f' data-unit="{escape(unit)}"'
        self.lines.append(f'<path d="{found}" stroke="{color}" stroke-width="{width:g}"{look}{said} class="l"/>')
        if name:
            self.keys.append(Key(name, color, dash))

    def band(self, x: Any, low: Any, high: Any, color: str, opacity: float, name: str = "") -> None:
        """The area between two lines, one piece for each stretch in which both are known."""
        left, below = self._grid(x, low, False, thin=False)
        _, above = self._grid(x, high, False, thin=False)
        known = np.isfinite(below) & np.isfinite(above)
        for piece in runs(known):
            across = np.concatenate([left[piece], left[piece][::-1]])
            up = np.concatenate([above[piece], below[piece][::-1]])
            self.back.append(f'<path d="{path_of(across, up)}z" fill="{color}" fill-opacity="{opacity:g}"/>')
        if name:
            self.keys.append(Key(name, color, f"band {opacity:g}"))

    def dots(
        self, x: Any, y: Any, color: str, shape: str, name: str = "", *, size: float = 3.0, titles: Any = ()
    ) -> None:
        """Marks; ``titles`` are said when the pointer rests on one."""
        across, up = np.atleast_1d(np.asarray(x, np.float64)), np.atleast_1d(np.asarray(y, np.float64))
        known = np.isfinite(self.x.share(across)) & np.isfinite(self.y.share(up))
        places = [(self.left(a), self.top(b)) for a, b in zip(across[known], up[known], strict=True)]
        words = list(np.asarray(titles, object)[known]) if len(titles) else [""] * len(places)
        drawn = [mark(left, top, color, shape, size, said) for (left, top), said in zip(places, words, strict=True)]
        if drawn:
            self.front.append("".join(drawn))
        if name:
            self.keys.append(Key(name, color, f"mark {shape}"))

    def across(self, level: float, color: str = "", *, dash: str = "dot", text: str = "", behind: bool = False) -> None:
        """A line at one height, with a word at its right end."""
        top = self.top(level)
        look = f' stroke="{color}"' if color else ""
        drawn = f'<line x1="0" x2="100%" y1="{top}" y2="{top}" class="r"{look} stroke-dasharray="{DASHES[dash]}"/>'
        (self.back if behind else self.front).append(drawn)
        if text:
            self.text(self.x.high, level, text, anchor="end", up=4, color=color)

    def upright(self, value: float, color: str = "", *, dash: str = "solid", title: str = "") -> None:
        """A line at one place across."""
        left = self.left(value)
        look = f' stroke="{color}"' if color else ""
        said = f"<title>{escape(title)}</title>" if title else ""
        ends = f'x1="{left}" x2="{left}" y1="{_ABOVE}" y2="{_ABOVE + self.height}"'
        self.front.append(f'<line {ends} class="r"{look} stroke-dasharray="{DASHES[dash]}">{said}</line>')

    def bar(self, begin: float, end: float, level: float, color: str, *, thick: float = 8.0, title: str = "") -> None:
        """A bar along the time axis, never narrower than a hair."""
        share = self.x.share([begin, end])
        width = max(100.0 * float(share[1] - share[0]), 0.25)
        said = f"<title>{escape(title)}</title>" if title else ""
        place = f'x="{100.0 * float(share[0]):.2f}%" y="{float(self.top(level)) - thick / 2:.1f}" width="{width:.2f}%"'
        self.front.append(f'<rect {place} height="{thick:g}" rx="1.5" fill="{color}">{said}</rect>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: Anchor = "start",
        up: float = 0.0,
        color: str = "",
        weight: str = "",
    ) -> None:
        """Words at a place."""
        look = (f' fill="{color}"' if color else "") + (f' font-weight="{weight}"' if weight else "")
        place = f'x="{self.left(x)}" y="{float(self.top(y)) - up:.1f}" text-anchor="{anchor}"'
        self.front.append(f"<text {place}{look}>{escape(words)}</text>")

    def _grid(self, x: Any, y: Any, steps: bool, thin: bool = True) -> tuple[Floats, Floats]:
        """Points in units of the grid; those out of sight stand at its edges."""
        across, up = np.asarray(x, np.float64).ravel(), np.asarray(y, np.float64).ravel()
        if steps and len(across) > 1:
            across, up = np.repeat(across, 2)[1:], np.repeat(up, 2)[:-1]
        if thin and len(across) > 2 * COLUMNS:
            across, up = thinned(across, up)
        return WIDE * self.x.share(across), HIGH * (1.0 - np.clip(self.y.share(up), -0.02, 1.02))

    def plot(self) -> str:
        """What stands inside the drawing, without its frame: grid, areas, lines, marks, and the cursor."""
        y_ticks, x_ticks = self.marks()
        grid = [f'<line x1="0" x2="100%" y1="{self.top(v)}" y2="{self.top(v)}" class="g"/>' for v in y_ticks]
        floor = _ABOVE + self.height
        ends = f'y1="{_ABOVE}" y2="{floor}"'
        grid += [f'<line x1="{self.left(v)}" x2="{self.left(v)}" {ends} class="g"/>' for v in x_ticks]
        view = (
            f'y="{_ABOVE}" width="100%" height="{self.height}" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none"'
        )
        inner = f'<svg {view} class="s">{"".join(self._areas())}{"".join(self.lines)}</svg>' if self._stretched else ""
        labels = [
            f'<text x="{self.left(v)}" y="{floor + 14}" text-anchor="{self._side(v)}">{label(v)}</text>' for v in x_ticks
        ] if self.x_title else []  # fmt: skip
        rest = [one for one in self.back if not one.startswith("<path")]
        return "".join([*grid, *rest, inner, *self.front, *labels])

    def _areas(self) -> list[str]:
        return [one for one in self.back if one.startswith("<path")]

    @property
    def _stretched(self) -> bool:
        return bool(self.lines or self._areas())

    def marks(self) -> tuple[list[float], list[float]]:
        """The labeled values of both axes."""
        y = self.y.ticks(max(2, self.height // 24)) if self.y_ticks is None else list(self.y_ticks)
        x = self.x.ticks(8) if self.x_ticks is None else list(self.x_ticks)
        return y, x

    def gutter(self, right: float) -> str:
        """The labels of the height axis, ending at ``right`` px."""
        y_ticks, _ = self.marks()
        return "".join(
            f'<text x="{right:g}" y="{float(self.top(v)) + 3.5:.1f}" text-anchor="end">{label(v)}</text>'
            for v in y_ticks
        )

    def _side(self, value: float) -> Anchor:
        share = float(self.x.share(value))
        return "start" if share < 0.02 else "end" if share > 0.98 else "middle"


def label(value: float) -> str:
    """A tick's label, with a true minus sign."""
    return f"{value:.6g}".replace("-", "−")
