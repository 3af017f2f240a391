"""A virtual trial as one small HTML file: its plan, the flow of its patients drawn, looks, estimates; no script, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from thecal.core.files import write_whole
from thecal.envs.outcomes import CATALOG
from thecal.experiments.analysis.trial_results import Compared, Flow, TrialResult
from thecal.experiments.reports.page import resource, templates

PAGE = "trial.html"
_WIDE, _BOX, _LINE, _GAP = 820.0, 240.0, 16.0, 28.0
_PLOT, _EDGE = 460.0, 14.0
_DECISIONS = {
    "first better": "{first} is better than {second}",
    "second better": "{second} is better than {first}",
    "no difference shown": "no difference is shown between {first} and {second}",
}


def write_trial(found: TrialResult, path: str | Path) -> Path:
    """Render a trial into the HTML file ``path`` (its folder is made if missing).

    Raises:
        StoreError: the file cannot be written.
        ConfigError: Jinja2 is not installed.
    """
    return write_whole(path, render(found))


def render(found: TrialResult) -> str:
    """The trial as the text of one HTML page.

    Raises:
        ConfigError: Jinja2 is not installed.
    """
    return str(
        templates()
        .get_template("trial.html.j2")
        .render(
            found=found,
            css=resource("report.css"),
            verdict=verdict(found),
            endpoint=endpoint_words(found),
            consort=consort(found),
            forest=forest(found),
            catalog=CATALOG,
            title_of=lambda arm: found.flow[arm].label,
        )
    )


def verdict(found: TrialResult) -> str:
    """The decision of the plan as the rest of a sentence."""
    first, second = (found.flow[name].label for name in found.compared[0].arms)
    return _DECISIONS[found.decision].format(first=first, second=second)


def endpoint_words(found: TrialResult) -> str:
    """The endpoint for people."""
    plan = found.plan["endpoint"]
    if found.endpoint == "pain_fall":
        return f"pain at least {100 * plan['fall']:g} % below that at the implant, mean of the last {plan['window_d']:g} days"
    return CATALOG[found.endpoint].label


def consort(found: TrialResult) -> dict[str, Any]:
    """The flow of patients as boxes with lines of text, and the arrows between them, in px."""
    arms = list(found.flow.values())
    gap = (_WIDE - _BOX * len(arms)) / (len(arms) + 1) if len(arms) <= 3 else 8.0
    width = _WIDE if len(arms) <= 3 else len(arms) * (_BOX + gap) + gap
    kept_out = sum(found.excluded.values())
    top = _box(width / 2 - _BOX, 10.0, [f"Assessed for eligibility (n = {found.assessed})"])
    reasons = [f"{reason} (n = {n})" for reason, n in found.excluded.items()]
    others = found.assessed - kept_out - found.entered
    if others > 0:
        reasons.append(f"not needed, stopped early (n = {others})")
    side = _box(width / 2 + 20.0, 46.0, [f"Not entered (n = {found.assessed - found.entered})", *reasons], wide=330.0)
    below = side["y"] + side["height"] + 16.0
    middle = _box(width / 2 - _BOX, below, [f"Randomized (n = {found.entered})"])
    boxes, arrows = [top, side, middle], []
    spine = width / 2 - _BOX / 2
    arrows += [
        (spine, top["y"] + top["height"], spine, middle["y"]),
        (spine, side["y"] + 14.0, side["x"], side["y"] + 14.0),
    ]
    row = middle["y"] + middle["height"] + 34.0
    columns = [[_arm_box(arm), _lost_box(arm), [f"analyzed (n = {arm.analyzed})"]] for arm in arms]
    for level in range(3):
        placed = [_box(gap + k * (_BOX + gap), row, lines[level]) for k, lines in enumerate(columns)]
        tallest = max(box["height"] for box in placed)
        boxes += placed
        for box in placed:
            center, end = box["x"] + _BOX / 2, row + tallest + _GAP
            if level == 0:
                arrows.append((center, row - 17.0, center, row))
            if level < 2:
                arrows.append((center, row + box["height"], center, end))
        row += tallest + _GAP
    ends = (gap + _BOX / 2, gap + (len(arms) - 1) * (_BOX + gap) + _BOX / 2)
    turn = middle["y"] + middle["height"] + 17.0
    bars = [
        (spine, middle["y"] + middle["height"], spine, turn),
        (min(ends[0], spine), turn, max(ends[1], spine), turn),
    ]
    return {"width": round(width), "height": round(row), "boxes": boxes, "arrows": arrows, "bars": bars}


def _arm_box(arm: Flow) -> list[str]:
    said = [] if arm.simulated else ["not simulated: published result"]
    return [arm.label, f"allocated (n = {arm.allocated})", *said]


def _lost_box(arm: Flow) -> list[str]:
    ways = (("lost to follow-up", arm.lost), ("died", arm.died), ("needed rescue", arm.rescued))
    return [f"{words} (n = {n})" for words, n in ways]


def _box(x: float, y: float, lines: list[str], wide: float = _BOX) -> dict[str, Any]:
    """A box with its lines, each broken between words where it is too long."""
    most = int((wide - 16.0) / 6.4)
    broken: list[str] = []
    for line in lines:
        words, now = line.split(), ""
        for word in words:
            if now and len(now) + 1 + len(word) > most:
                broken.append(now)
                now = word
            else:
                now = f"{now} {word}".strip()
        broken.append(now)
    texts = [(round(x + 8.0, 1), round(y + _LINE * (k + 1), 1), text) for k, text in enumerate(broken)]
    return {"x": round(x, 1), "y": round(y, 1), "width": wide, "height": _LINE * len(broken) + 10.0, "texts": texts}


def forest(found: TrialResult) -> dict[str, Any]:
    """Differences with their intervals, and that of the published trial where there is one, on one scale in px."""
    rows = [(_label(found, one), one.estimate, one.low, one.high) for one in found.compared]
    if found.published is not None:
        gap = found.published.first - found.published.second
        rows.append((f"Published ({found.published.source})", gap, gap, gap))
    ends = [value for _, *values in rows for value in values if np.isfinite(value)] + [0.0]
    low, high = min(ends), max(ends)
    low, high = (low, high) if high > low else (low - 1.0, high + 1.0)

    def px(value: float) -> float:
        return round(_EDGE + (_PLOT - 2 * _EDGE) * (value - low) / (high - low), 1)

    drawn = [
        {"label": label, "mean": px(mean), "low": px(left), "high": px(right)}
        for label, mean, left, right in rows
        if np.isfinite([mean, left, right]).all()
    ]
    return {"width": _PLOT, "zero": px(0.0), "rows": drawn}


def _label(found: TrialResult, one: Compared) -> str:
    return " against ".join(found.flow[name].label for name in one.arms)
