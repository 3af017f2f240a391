"""Draws environments of a batch as pictures: the patient with spine and pump, and pain, dose, breathing and shield over time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.core.extras import importing
from thecal.core.layout import LEVELS
from thecal.envs.batch import Batch
from thecal.safety.invariants import Invariant

WIDTH, HEIGHT, DPI = 960, 600, 100  # px, px, px/inch; even numbers, as video formats ask
_BLUE, _ORANGE, _GREEN, _MAUVE, _INK, _PALE = "#1F77D0", "#DB5A2B", "#0E9A6C", "#C06BB0", "#1a1d21", "#dcdfe4"
_GOAL_NRS, _LOW_BREATH = 3.0, 8.0  # the lines of the report: pain at its goal, breathing depressed
_WIDEST = 1.0e-4  # of the largest concentration: below, a segment is drawn without drug
Frame = NDArray[np.uint8]


class Moment(NamedTuple):
    """What a picture keeps of one time it was drawn."""

    time_h: float
    pain: float
    report: float
    dose24_mg: float
    asked: float
    allowed: float
    breath: float
    bound: int


class Painter:
    """Pictures of the environments of a batch, with the traces of the times at which each was drawn in its episode.

    A copy keeps the traces; the canvas is made again where it is needed.
    """

    def __init__(self, n: int) -> None:
        self.traces: list[list[Moment]] = [[] for _ in range(n)]
        self._figure: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"traces": [list(trace) for trace in self.traces], "_figure": None}

    def frame(self, batch: Batch, i: int) -> Frame:
        """Environment ``i`` as it stands, ``uint8[HEIGHT, WIDTH, 3]``.

        Raises:
            MissingExtraError: Matplotlib is not installed.
        """
        self._note(batch, i)
        figure = self._canvas()
        figure.clear()
        grid = figure.add_gridspec(
            4, 2, width_ratios=(1.0, 2.1), hspace=0.55, wspace=0.16, left=0.03, right=0.98, top=0.9, bottom=0.08
        )  # fmt: skip
        figure.suptitle(_heading(batch, i), x=0.03, ha="left", fontsize=11, color=_INK)
        _body(figure.add_subplot(grid[:, 0]), batch, i)
        _traces([figure.add_subplot(grid[k, 1]) for k in range(4)], self.traces[i], batch)
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())
        return np.ascontiguousarray(pixels[:, :, :3])

    def _canvas(self) -> Any:
        if self._figure is None:
            with importing("a picture of an environment", "study"):
                from matplotlib.backends.backend_agg import FigureCanvasAgg
                from matplotlib.figure import Figure
            self._figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
            FigureCanvasAgg(self._figure)
        return self._figure

    def _note(self, batch: Batch, i: int) -> None:
        """Add what stands now; an earlier time than the last one is a new episode."""
        out = batch.out[i]
        trace = self.traces[i]
        now = float(out["time_h"])
        if trace and now < trace[-1].time_h:
            trace.clear()
        if trace and now == trace[-1].time_h:
            trace.pop()
        trace.append(
            Moment(
                time_h=now,
                pain=float(out["pain_mean"]),
                report=float(out["nrs_report"]),
                dose24_mg=float(out["dose24_ug"][0]) / 1000.0,
                asked=float(out["requested_rate"]),
                allowed=float(out["allowed_rate"]),
                breath=float(out["rr_min"]),
                bound=int(out["binding"]),
            )
        )


def _heading(batch: Batch, i: int) -> str:
    out = batch.out[i]
    day, hour = divmod(float(out["time_h"]), 24.0)
    state = "died" if int(out["terminated"]) else f"day {day:.0f}, hour {hour:.0f}"
    shield = "" if batch.scene.mode.shielded else ", UNSHIELDED"
    return f"{batch.spec.name}, patient {int(batch.patients[i])}, {state}{shield}. Virtual patient: research simulation only."


def _body(axes: Any, batch: Batch, i: int) -> None:
    """The outline of a patient, the drug along the spine, the pump with its fill, and the catheter between them."""
    from matplotlib.patches import Ellipse, FancyBboxPatch, Rectangle

    axes.set_xlim(0.0, 10.0)
    axes.set_ylim(0.0, 16.0)
    axes.set_aspect("equal")
    axes.axis("off")
    skin: dict[str, Any] = {"facecolor": "#f4f1ee", "edgecolor": _PALE, "linewidth": 1.2}
    axes.add_patch(Ellipse((5.0, 14.4), 2.0, 2.5, **skin))
    axes.add_patch(FancyBboxPatch((3.0, 3.2), 4.0, 9.6, boxstyle="round,pad=0.1,rounding_size=1.3", **skin))
    levels, tip = _spine(batch, i)
    high, step = float(levels.max()), 8.8 / len(levels)
    for k, level in enumerate(levels):
        share = 0.0 if high <= 0.0 or level < _WIDEST * high else float(level / high)
        place = (4.7, 12.4 - (k + 1) * step)
        axes.add_patch(Rectangle(place, 0.6, 0.9 * step, facecolor=_BLUE, alpha=0.08 + 0.92 * share, linewidth=0))
    tip_y = 12.4 - (tip + 0.5) * step
    axes.plot([5.35, 6.3, 6.3], [tip_y, tip_y, 5.2], color=_INK, linewidth=1.1)
    axes.plot([5.35], [tip_y], marker="<", color=_INK, markersize=4)
    axes.text(5.6, tip_y, LEVELS[tip] if tip < len(LEVELS) else "", fontsize=8, color=_INK, va="bottom")
    fill = float(batch.out["reservoir_true_ml"][i]) / float(batch.scene.pump.capacity_ml)
    axes.add_patch(Ellipse((6.3, 4.4), 2.0, 2.0, facecolor="white", edgecolor=_INK, linewidth=1.2))
    axes.add_patch(Rectangle((5.95, 3.7), 0.7, 1.4, facecolor="white", edgecolor=_INK, linewidth=0.6))
    axes.add_patch(Rectangle((5.95, 3.7), 0.7, 1.4 * float(np.clip(fill, 0.0, 1.0)), facecolor=_BLUE, linewidth=0))
    out = batch.out[i]
    lines = [f"pump {100.0 * fill:.0f} % full, {float(out['allowed_rate']):.3g} mL/d"]
    lines += [f"{batch.spec.drugs[0]} in the CSF up to {high:.3g} µg/mL"]
    lines += [f"pain {float(out['pain_mean']):.1f}, sedation {float(out['sedation']):.2f}"]
    lines += [
        "alarm of the pump" if int(out["alarms"]) else "",
        "fault (unseen by the policy)" if int(out["faults"]) else "",
    ]
    axes.text(0.6, 2.6, "\n".join(line for line in lines if line), fontsize=9, color=_INK, va="top")


def _spine(batch: Batch, i: int) -> tuple[NDArray[np.float64], int]:
    """Concentration of the first drug from C1 down, µg/mL, and the level of the catheter's tip."""
    par, drug = batch.par["patient"][i], batch.world["patient"]["drug"][i, 0]
    volume = np.asarray(par["v_node"][1:], np.float64)
    found = np.divide(drug["csf"][1:], volume, out=np.zeros_like(volume), where=volume > 0.0)
    return found, max(0, int(par["tip_node"]) - 1)


def _traces(places: list[Any], trace: list[Moment], batch: Batch) -> None:
    """Pain, dose, breathing and the shield's rates over the whole horizon, as far as they were drawn."""
    rows = np.array([tuple(moment) for moment in trace], np.float64)
    day = rows[:, 0] / 24.0
    shown = (
        ("Pain, NRS (line: felt, rings: reported)", ((1, _BLUE, "-"),), _GOAL_NRS),
        (f"{batch.spec.drugs[0].capitalize()} of the last 24 h, mg", ((3, _GREEN, "-"),), None),
        ("Lowest breathing rate, 1/min", ((6, _BLUE, "-"),), _LOW_BREATH),
        ("Pump rate, mL/d (dotted: requested, line: allowed)", ((4, _ORANGE, ":"), (5, _BLUE, "-")), None),
    )
    for axes, (title, columns, limit) in zip(places, shown, strict=True):
        for column, color, look in columns:
            axes.plot(day, rows[:, column], look, color=color, linewidth=1.6)
        if limit is not None:
            axes.axhline(limit, color=_ORANGE, linewidth=0.9, linestyle=":")
        axes.set_title(title, fontsize=9, loc="left", color=_INK, pad=3)
        axes.set_xlim(0.0, batch.spec.horizon_d)
        axes.tick_params(labelsize=8, length=0)
        axes.grid(color=_PALE, linewidth=0.6)
        for side in axes.spines.values():
            side.set_visible(False)
    places[0].plot(day, rows[:, 2], "o", markersize=3, markerfacecolor="none", color=_MAUVE)
    places[0].set_ylim(0.0, 10.3)
    for axes in places[1:]:
        axes.set_ylim(bottom=0.0)
    places[-1].set_xlabel("day", fontsize=8, color=_INK)
    bits = trace[-1].bound
    names = [limit.name.lower().replace("_", " ") for limit in Invariant if bits >> limit & 1]
    if names:
        words = "changed by: " + ", ".join(names)
        places[-1].text(0.995, 0.04, words, transform=places[-1].transAxes, ha="right", fontsize=8, color=_ORANGE)
