"""A leaderboard as one small HTML file: tables and drawings of lines, no script, nothing loaded from a network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from thecal.agents.info import PRIVILEGED
from thecal.core.files import write_whole
from thecal.envs.outcomes import CATALOG
from thecal.experiments.analysis.leaderboard import FEW_SEEDS, Board, Leaderboard, Line, Total
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.utility import TITLES, WEIGHTINGS
from thecal.experiments.reports.page import resource, templates
from thecal.experiments.reports.theme import DASHES, styles_of
from thecal.experiments.reports.words import number

PAGE = "leaderboard.html"
_BAR_PX, _BAR_PY = 150.0, 18.0
_WIDE, _HIGH, _EDGE = 560.0, 260.0, 34.0


def write_leaderboard(found: Leaderboard, path: str | Path) -> Path:
    """Render a leaderboard into the HTML file ``path`` (its folder is made if missing).

    Raises:
        StoreError: the file cannot be written.
        ConfigError: Jinja2 is not installed.
    """
    return write_whole(path, render(found))


def render(found: Leaderboard) -> str:
    """The leaderboard as the text of one HTML page.

    Raises:
        ConfigError: Jinja2 is not installed.
    """
    infos = [line.info for line in {**found.boards[0].lines, **found.boards[0].apart}.values()]
    return str(
        templates()
        .get_template("benchmark.html.j2")
        .render(
            found=found,
            styles=styles_of(infos),
            css=resource("report.css"),
            titles=TITLES,
            weightings=WEIGHTINGS,
            few=FEW_SEEDS,
            catalog=CATALOG,
            spread=spread,
            marked=marked,
            bars=bars,
            curves=curves,
            percent=percent,
            dashes=DASHES,
        )
    )


def spread(value: Interval, digits: int = 1, *, sign: bool = False) -> str:
    """The ends of an interval as a cell shows them below its mean; nothing where there are none."""
    if not (np.isfinite(value.low) and np.isfinite(value.high)):
        return ""
    return f"{number(value.low, digits, sign=sign)} to {number(value.high, digits, sign=sign)}"


def percent(value: Interval) -> Interval:
    """A share as a percentage."""
    return Interval(mean=100.0 * value.mean, low=100.0 * value.low, high=100.0 * value.high)


def marked(line: Line | Total) -> str:
    """What must be said beside the name of a policy."""
    info = line.info
    said = [
        f"{PRIVILEGED}: knows what no policy knows" if info.privileged else "",
        f"fewer than {FEW_SEEDS} training seeds" if line.few_seeds else "",
        f"{len(info.training_seeds)} training seeds" if info.training_seeds and not line.few_seeds else "",
        *(line.transfers if isinstance(line, Line) else ()),
    ]
    return "; ".join(one for one in said if one)


def bars(board: Board) -> dict[str, dict[str, float]]:
    """For each policy the drawing of its utility: where the interval begins and ends, and the mean, in px of one scale."""
    lines = {**board.lines, **board.apart}
    values = [line.utility["balanced"] for line in lines.values()]
    low, high = _bounds(end for value in values for end in (value.low, value.high, value.mean))

    def px(value: float) -> float:
        return round(4.0 + (_BAR_PX - 8.0) * (value - low) / (high - low), 1)

    return {
        name: {
            "low": px(value.low),
            "high": px(value.high),
            "mean": px(value.mean),
            "width": _BAR_PX,
            "height": _BAR_PY,
        }
        for (name, value) in zip(lines, values, strict=True)
    }


def curves(board: Board) -> dict[str, Any]:
    """The performance profiles as lines of one drawing: share of patients above a share of time well treated."""
    lines = {**board.lines, **board.apart}

    def x(value: float) -> float:
        return round(_EDGE + (_WIDE - _EDGE - 10.0) * value / 100.0, 1)

    def y(share: float) -> float:
        return round(10.0 + (_HIGH - _EDGE - 10.0) * (1.0 - share), 1)

    def path(points: Iterable[tuple[float, float]]) -> str:
        return " ".join(f"{x(a)},{y(b)}" for a, b in points)

    drawn = {}
    for name, line in lines.items():
        ends = [(point.above, point.share.low) for point in line.profile]
        back = [(point.above, point.share.high) for point in reversed(line.profile)]
        drawn[name] = {
            "line": path((point.above, point.share.mean) for point in line.profile),
            "band": path([*ends, *back]),
        }
    return {
        "width": _WIDE,
        "height": _HIGH,
        "lines": drawn,
        "x": [(value, x(value)) for value in range(0, 101, 20)],
        "y": [(value, y(value / 100.0)) for value in range(0, 101, 25)],
        "left": x(0.0),
        "right": x(100.0),
        "base": y(0.0),
    }


def _bounds(values: Iterable[float]) -> tuple[float, float]:
    known = [value for value in values if np.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    return (low, high) if high > low else (low - 1.0, high + 1.0)
