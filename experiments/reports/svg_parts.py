"""Parts of a drawing as SVG text: marks, and lines as paths of whole numbers with no more points than can be seen."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COLUMNS = 320  # of a long line; each keeps its lowest and its highest value


def mark(left: str, top: str, color: str, shape: str, size: float, title: str = "") -> str:
    """One mark of a shape: ``circle``, ``square``, ``up``, ``down``, ``diamond`` or ``cross``, ``-open`` for its outline."""
    said = f"<title>{escape(title)}</title>" if title else ""
    kind, _, hollow = shape.partition("-")
    look = f'fill="none" stroke="{color}" stroke-width="1.4"' if hollow or kind == "cross" else f'fill="{color}"'
    if kind == "circle":
        return f'<circle cx="{left}" cy="{top}" r="{size:g}" {look}>{said}</circle>'
    return f'<svg x="{left}" y="{top}" class="m"><path d="{_shape(kind, size)}" {look}>{said}</path></svg>'


def _shape(kind: str, size: float) -> str:
    """The outline of a mark about its middle."""
    return _SHAPES[kind].format(
        s=f"{size:g}", m=f"{-size:g}", h=f"{0.6 * size:g}", g=f"{-0.6 * size:g}", n=f"{-0.2 * size:g}"
    )


_SHAPES = {
    "square": "M{m} {m}H{s}V{s}H{m}z",
    "up": "M0 {m}L{s} {s}H{m}z",
    "down": "M0 {s}L{s} {m}H{m}z",
    "diamond": "M0 {m}L{s} 0L0 {s}L{m} 0z",
    "cross": "M{m} {m}L{s} {s}M{m} {s}L{s} {m}",
    "pentagon": "M0 {m}L{s} {n}L{h} {s}H{g}L{m} {n}z",
}


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The lowest and the highest value of each of so many stretches, in their order; what is missing stays missing."""
    kept: list[int] = []
    for piece in np.array_split(np.arange(len(x)), COLUMNS):
        known = piece[np.isfinite(y[piece])]
        if known.size == 0:
            kept.append(int(piece[0]))
            continue
        ends = {int(known[np.argmin(y[known])]), int(known[np.argmax(y[known])])}
        gaps = piece[~np.isfinite(y[piece])]
        kept += sorted(ends | ({int(gaps[0])} if gaps.size else set()))
    return x[kept], y[kept]


def runs(known: NDArray[np.bool_]) -> list[slice]:
    """Every stretch in which all is known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def path_of(x: Floats, y: Floats) -> str:
    """Whole numbers, each relative to the one before; straight stretches as one step."""
    parts = []
    for piece in runs(np.isfinite(x) & np.isfinite(y)):
        points = np.rint(np.column_stack([x[piece], y[piece]])).astype(int)
        steps = np.diff(points, axis=0)
        keep = np.ones(len(points), np.bool_)
        if len(points) > 2:  # a point on a level or upright stretch says nothing
            flat = ((steps[:-1] == 0) & (steps[1:] == 0)).any(axis=1) & (steps[:-1] * steps[1:] >= 0).all(axis=1)
            keep[1:-1] = ~flat
        points = points[keep]
        moves = " ".join(f"{dx} {dy}" for dx, dy in np.diff(points, axis=0)).replace(" -", "-")
        tail = f"l{moves}" if moves else "h1"
        parts.append(f"M{points[0][0]} {points[0][1]}{tail}")
    return "".join(parts)
