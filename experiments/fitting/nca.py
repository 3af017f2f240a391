"""Non-compartmental figures of one profile of concentrations: linear up, logarithmic down, terminal slope by adjusted R2.

No Python package that is kept up computes these figures with the rules that the field's validated programs share, so they are
computed here and held to their published results (tests/experiments/fitting/test_nca.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
FEWEST = 3  # points of a terminal slope
_TIE = 1e-4  # of adjusted R2: within it more points win, as in the field's programs
STARTS = ("zero", "back", "observed")  # the concentration at the dose, where none was measured


@dataclass(frozen=True)
class Slope:
    """Terminal slope (1/h), its adjusted R2, points used, time of the first, and concentration it predicts at the last."""

    rate: float
    r2_adjusted: float
    points: int
    from_h: float
    last: float


@dataclass(frozen=True)
class Figures:
    """What a profile says; None where it cannot say it. Units follow those of times (h), concentrations and dose (ug).

    ``cl_f`` and ``vz_f`` are mL/h and mL per share absorbed, for concentrations in ug/mL.
    """

    cmax: float
    tmax_h: float
    clast: float
    tlast_h: float
    auc_last: float
    aumc_last: float
    lambda_z: float | None
    half_life_h: float | None
    r2_adjusted: float | None
    points: int | None
    auc_inf: float | None
    auc_extrapolated: float | None
    aumc_inf: float | None
    mrt_h: float | None
    cl_f: float | None
    vz_f: float | None
    auc_part: float | None = None


def figures(
    time_h: Sequence[float] | Floats,
    level: Sequence[float] | Floats,
    dose_ug: float | None = None,
    *,
    censored: Sequence[int] | None = None,
    infusion_h: float = 0.0,
    start: str = "zero",
    part_h: tuple[float, float] | None = None,
) -> Figures:
    """Figures of one profile after one dose at time 0.

    Values below the limit of quantification count as 0 before the first that is above it, and are left out behind.

    Args:
        time_h, level: ``[n]``, times rising, levels not negative.
        dose_ug: the dose; without one there is no clearance and no volume.
        censored: 1 where a level is below the limit, ``[n]``.
        infusion_h: length of the infusion, half of which the mean residence time loses.
        start: the level at time 0 where none was measured: ``"zero"``, ``"back"`` (log-linear through the first two points,
            after a bolus into the space that is measured), or ``"observed"`` (begin with the first).
        part_h: limits of a partial area.

    Raises:
        ConfigError: fewer than two usable levels, a value that no level has, times that do not rise, or an unknown start.
    """
    t, c = _usable(time_h, level, censored)
    measured = len(t)
    t, c = _from_zero(t, c, start)
    made = len(t) - measured
    peak = int(c.argmax())
    last = int(np.flatnonzero(c > 0.0)[-1])
    auc, aumc = _areas(t[: last + 1], c[: last + 1])
    # A level that was traced back is no measurement, and takes no part in the slope it was made by.
    slope = terminal(t[made : last + 1], c[made : last + 1], max(0, peak - made), with_peak=start == "back")
    found: dict[str, Any] = {
        "cmax": float(c[peak]), "tmax_h": float(t[peak]), "clast": float(c[last]), "tlast_h": float(t[last]),
        "auc_last": auc, "aumc_last": aumc,
    }  # fmt: skip
    part = None if part_h is None else partial_area(t[: last + 1], c[: last + 1], part_h, slope)
    if slope is None:
        missing: dict[str, Any] = dict.fromkeys(_TERMINAL)
        return Figures(**found, **missing, auc_part=part)
    rate = slope.rate
    whole = auc + c[last] / rate
    moment = aumc + c[last] * t[last] / rate + c[last] / rate**2
    clearance = None if dose_ug is None else dose_ug / whole
    return Figures(
        **found, lambda_z=rate, half_life_h=math.log(2.0) / rate, r2_adjusted=slope.r2_adjusted, points=slope.points,
        auc_inf=float(whole), auc_extrapolated=float(1.0 - auc / whole), aumc_inf=float(moment),
        mrt_h=float(moment / whole - 0.5 * infusion_h), cl_f=None if clearance is None else float(clearance),
        vz_f=None if clearance is None else float(clearance / rate), auc_part=part,
    )  # fmt: skip


_TERMINAL = (
    "lambda_z", "half_life_h", "r2_adjusted", "points", "auc_inf", "auc_extrapolated", "aumc_inf", "mrt_h", "cl_f", "vz_f",
)  # fmt: skip


def _usable(
    time_h: Sequence[float] | Floats, level: Sequence[float] | Floats, censored: Sequence[int] | None
) -> tuple[Floats, Floats]:
    t, c = np.asarray(time_h, np.float64), np.asarray(level, np.float64)
    below = np.zeros(len(t), bool) if censored is None else np.asarray(censored, bool)
    if t.shape != c.shape or t.ndim != 1 or below.shape != t.shape:
        raise ConfigError(f"times and levels are of {t.shape} and {c.shape}, and must be as many")
    if not np.isfinite(t).all() or not np.isfinite(c).all() or (c < 0.0).any() or (t < 0.0).any():
        raise ConfigError("times and levels must be finite and not negative")
    if (np.diff(t) <= 0.0).any():
        raise ConfigError("the times of a profile must rise")
    c = np.where(below, 0.0, c)
    above = np.flatnonzero(c > 0.0)
    if len(above) < 2:
        raise ConfigError(
            f"{len(above)} level{'s' if len(above) != 1 else ''} above the limit of quantification; two are needed"
        )
    keep = (c > 0.0) | (np.arange(len(t)) < above[0])
    return t[keep], c[keep]


def _from_zero(t: Floats, c: Floats, start: str) -> tuple[Floats, Floats]:
    if start not in STARTS:
        raise ConfigError(f"the start {start!r} is not one of {', '.join(STARTS)}")
    if t[0] == 0.0 or start == "observed":
        return t, c
    first = 0.0
    if start == "back":
        if c[0] <= 0.0 or c[1] >= c[0]:
            raise ConfigError("the level at the dose cannot be traced back, because the first two levels do not fall")
        first = float(c[0] * (c[0] / c[1]) ** (t[0] / (t[1] - t[0])))
    return np.concatenate([[0.0], t]), np.concatenate([[first], c])


def _areas(t: Floats, c: Floats) -> tuple[float, float]:
    """Area under the curve and under its first moment."""
    auc = aumc = 0.0
    for k in range(len(t) - 1):
        dt, a, b = t[k + 1] - t[k], c[k], c[k + 1]
        if b >= a or b <= 0.0:
            auc += 0.5 * dt * (a + b)
            aumc += 0.5 * dt * (t[k] * a + t[k + 1] * b)
        else:
            rate = math.log(a / b) / dt
            auc += (a - b) / rate
            aumc += (t[k] * a - t[k + 1] * b) / rate + (a - b) / rate**2
    return float(auc), float(aumc)


def terminal(t: Floats, c: Floats, peak: int, *, with_peak: bool = False) -> Slope | None:
    """The slope of the last points, three or more after the peak, by the largest adjusted R2; None where none falls."""
    found: list[Slope] = []
    first = peak if with_peak else peak + 1
    for k in range(len(t) - FEWEST, first - 1, -1):
        if (c[k:] <= 0.0).any():
            break
        x, y = t[k:], np.log(c[k:])
        slope, start = np.polyfit(x, y, 1)
        spread = float(((y - y.mean()) ** 2).sum())
        if slope >= 0.0 or spread == 0.0:
            continue
        n = len(x)
        r2 = 1.0 - float(((y - start - slope * x) ** 2).sum()) / spread
        adjusted = 1.0 - (1.0 - r2) * (n - 1) / (n - 2)
        found.append(Slope(float(-slope), adjusted, n, float(x[0]), float(math.exp(start + slope * x[-1]))))
    if not found:
        return None
    best = max(one.r2_adjusted for one in found)
    return max((one for one in found if one.r2_adjusted >= best - _TIE), key=lambda one: one.points)


def partial_area(t: Floats, c: Floats, limits_h: tuple[float, float], slope: Slope | None) -> float | None:
    """Area between two times; behind the last level by the terminal slope, None where there is none.

    Raises:
        ConfigError: the limits do not rise, or the first lies before the first level.
    """
    low, high = limits_h
    if not t[0] <= low < high:
        raise ConfigError(f"a partial area from {low:g} to {high:g} h, of a profile that begins at {t[0]:g} h")
    if high > t[-1] and slope is None:
        return None
    ends = [(when, _level_at(t, c, when, slope)) for when in (low, high)]
    inner = [(float(a), float(b)) for a, b in zip(t, c, strict=True) if low < a < high]
    points = np.array([ends[0], *inner, ends[1]])
    return _areas(points[:, 0], points[:, 1])[0]


def _level_at(t: Floats, c: Floats, when: float, slope: Slope | None) -> float:
    if when >= t[-1]:
        return float(c[-1] * math.exp(-(slope.rate if slope else 0.0) * (when - t[-1])))
    k = int(np.searchsorted(t, when, side="right")) - 1
    share = (when - t[k]) / (t[k + 1] - t[k])
    a, b = c[k], c[k + 1]
    return float(a + share * (b - a)) if b >= a or b <= 0.0 else float(a * (b / a) ** share)


def as_row(found: Figures) -> dict[str, float | int | None]:
    """The figures by name."""
    return asdict(found)
