"""Agreement with independent solvers, and the kernel's own error, for a table of regimens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from thecal.clinic.events.schedule import Schedule, schedule_of
from thecal.clinic.events.table import Event, EventTable
from thecal.core.layout import NODES, TICK_H
from thecal.experiments.fitting.linear import Feed, Linear, feeds_of, linear_of, solve
from thecal.experiments.fitting.predict import course

Floats = NDArray[np.float64]
HOURS = 96.0
_TOLERANCE = 1e-12
_EVERY_H = 6.0
_DRUG = "morphine"
LUMBAR = "csf_L3"


def _dose(at_h: float, amount: float, rate: float = 0.0, **more: float) -> Event:
    return Event("1", at_h, 1, amount, rate, drug=_DRUG, **more)  # type: ignore[arg-type]


REGIMENS: dict[str, tuple[Event, ...]] = {
    "bolus of 0.1 mg": (_dose(0.0, 100.0),),
    "bolus of 0.5 mg at 6 h": (_dose(6.0, 500.0),),
    "infusion of 1 mg/d": (_dose(0.0, 4000.0, 1000.0 / 24.0),),
    "infusion over 12 h": (_dose(0.0, 500.0, 500.0 / 12.0),),
    "infusion over 15 min": (_dose(0.0, 200.0, 800.0),),
    "four boluses a day": (_dose(0.0, 50.0, interval_h=6.0, more=15),),
    "bolus, then infusion": (_dose(0.0, 200.0), _dose(0.0, 2000.0, 500.0 / 24.0)),
    "rate doubled on day 2": (_dose(0.0, 500.0, 500.0 / 24.0), _dose(24.0, 3000.0, 1000.0 / 24.0)),
    "a stop on day 3": (_dose(0.0, 2000.0, 1000.0 / 24.0),),
    "flex day with boluses": (
        _dose(0.0, 4000.0, 1000.0 / 24.0), _dose(9.0, 60.0, interval_h=24.0, more=3), _dose(21.0, 40.0, interval_h=24.0, more=3),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Agreed:
    """One regimen: largest differences relative to the largest level of the course.

    Attributes:
        regimen: its name.
        csf, plasma: exact solution against ``scipy.integrate.solve_ivp``.
        kernel_csf, kernel_plasma: the kernel's course against the exact solution.
    """

    regimen: str
    csf: float
    plasma: float
    kernel_csf: float
    kernel_plasma: float


def regimen(name: str, drug: str = _DRUG) -> Schedule:
    """A regimen of the table as a schedule."""
    return schedule_of(EventTable(tuple(replace(row, drug=drug) for row in REGIMENS[name])), until_h=HOURS)


def _times() -> Floats:
    return np.arange(_EVERY_H, HOURS + _EVERY_H, _EVERY_H)


def elsewhere(par: NDArray[np.void], name: str, drug: str = _DRUG) -> float:
    """Largest difference of the exported model, as libRoadRunner runs it, from the exact solution: CSF and plasma.

    Raises:
        MissingExtraError: an optional package is not installed.
    """
    from thecal.experiments.fitting.sbml import document, run_elsewhere

    system, feeds = linear_of(par), feeds_of(regimen(name, drug))
    seen = (LUMBAR, "plasma")
    exact = solve(system, feeds, _times())
    ran = run_elsewhere(document(system, feeds, name), seen, _times())
    return max(_apart(exact[:, system.place(one)], ran[:, k]) for k, one in enumerate(seen))


def agree(par: NDArray[np.void], name: str, drug: str = _DRUG) -> Agreed:
    """Compare one regimen in one patient ``[1]``, every six hours."""
    schedule = regimen(name, drug)
    system, times = linear_of(par), _times()
    exact = solve(system, feeds_of(schedule), times)
    other = integrate(system, feeds_of(schedule), times)
    lumbar, plasma = system.place(LUMBAR), system.place("plasma")
    assert int(par["lumbar_node"][0]) == NODES.index("L3")
    ran = course(par[:1].copy(), schedule, np.rint(times / TICK_H).astype(np.int64), 8.0).signals
    return Agreed(
        name,
        csf=_apart(exact[:, lumbar], other[:, lumbar]),
        plasma=_apart(exact[:, plasma], other[:, plasma]),
        kernel_csf=_apart(exact[:, lumbar] / system.volumes[LUMBAR], ran["lumbar"][0]),
        kernel_plasma=_apart(exact[:, plasma] / system.volumes["plasma"], ran["plasma"][0]),
    )


def _apart(reference: Floats, other: Floats) -> float:
    return float(np.abs(reference - other).max() / np.abs(reference).max())


def integrate(system: Linear, feeds: list[Feed], times_h: Floats) -> Floats:
    """States ``[times, S]`` by SciPy's Radau method at tight tolerances, piece by piece."""
    state, found = np.zeros(len(system.names)), np.zeros((len(times_h), len(system.names)))
    for feed in feeds:
        source = (system.injected if feed.bolus else system.infused) * feed.rate_ug_per_h
        inside = (times_h > feed.start_h) & (times_h <= feed.stop_h)
        got = solve_ivp(
            lambda _t, y, source=source: system.matrix @ y + source, (feed.start_h, feed.stop_h), state, method="Radau",
            t_eval=np.unique(np.append(times_h[inside], feed.stop_h)), rtol=_TOLERANCE, atol=1e-12, jac=system.matrix,
        )  # fmt: skip
        found[inside] = got.y[:, : inside.sum()].T
        state = got.y[:, -1]
    return found
