"""The kinetics of one drug in one patient as a linear system, read off the kernel's own equations, and its exact solution.

CSF, cord, tip cell and loss to plasma are :func:`thecal.physiology.transport.rate_of_change`, whose columns are found by
feeding it unit amounts; plasma is the two compartments that :mod:`thecal.physiology.plasma` integrates exactly. Effects,
adaptation and what else is not linear stay out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from thecal.clinic.events.schedule import Schedule
from thecal.core.errors import ConfigError
from thecal.core.layout import AXIAL, COARSE_H, N_NODES, NODES, TICK_H
from thecal.physiology.jets import direct_share, jet_node, jet_push
from thecal.physiology.regimen import begin
from thecal.physiology.transport import rate_of_change

Floats = NDArray[np.float64]
_EVEN = 1e-12  # relative: rates under it are rounding


@dataclass(frozen=True)
class Linear:
    """dx/dt = ``matrix`` x + ``infused`` rate, in ug and h.

    Attributes:
        names: of the states, ``[S]``: CSF and cord by level, tip, plasma, periphery.
        matrix: ``[S, S]``, 1/h.
        infused, injected: where one ug/h goes in a continuous infusion, and while a bolus enters, ``[S]``.
        volumes: of the spaces in which a concentration is measured, mL, by name of the state.
    """

    names: tuple[str, ...]
    matrix: Floats
    infused: Floats
    injected: Floats
    volumes: dict[str, float]

    def place(self, name: str) -> int:
        """Where a state stands."""
        return self.names.index(name)


@dataclass(frozen=True)
class Feed:
    """From ``start_h`` to ``stop_h``, ``rate_ug_per_h`` enters as an infusion, or as a bolus does."""

    start_h: float
    stop_h: float
    rate_ug_per_h: float
    bolus: bool


def linear_of(par: NDArray[np.void], *, basal_ml_per_h: float = 0.02, bolus_ml: float = 1.0) -> Linear:
    """The linear system of drug 0 of one patient ``[1]``.

    Args:
        par: the patient; it is not changed.
        basal_ml_per_h, bolus_ml: flow of the pump and volume of a bolus, which decide how much leaves the tip cell at once.

    Raises:
        ConfigError: the patient is of the second structure, whose states are regions.
    """
    if int(par["structure"][0]) != AXIAL:
        raise ConfigError("the linear system is that of the levels; this patient is of the second structure")
    own = par[:1].copy()
    begin(own)
    patient, drug = own[0], own[0]["drug"][0]
    size = 2 * N_NODES + 2
    columns = np.zeros((size, size))
    for k in range(size - 1):
        unit = np.zeros(size)
        unit[k] = 1.0
        rate_of_change(patient, drug, unit, 0.0, 0.0, 1, 0.0, columns[k])
    whole = np.zeros((size + 1, size + 1))
    plasma, away = size - 1, size
    whole[:size, : size - 1] = columns[: size - 1].T
    k10, k12, k21 = (float(drug[name]) for name in ("k10", "k12", "k21"))
    whole[plasma, plasma], whole[plasma, away] = -(k10 + k12), k21
    whole[away, plasma], whole[away, away] = k12, -k21
    names = (*(f"csf_{node}" for node in NODES), *(f"cord_{node}" for node in NODES), "tip", "plasma", "periphery")
    volumes = {f"csf_{node}": float(patient["v_node"][i]) for i, node in enumerate(NODES)}
    volumes |= {"tip": float(patient["tip_ml"]), "plasma": float(drug["v_plasma_ml"])}
    feeds = []
    for bolus in (False, True):
        jet = bolus_ml if bolus else 0.0
        share, side = direct_share(patient, basal_ml_per_h * COARSE_H, jet, COARSE_H)
        node = jet_node(patient, drug, 1) if bolus else int(patient["tip_node"])
        out = np.zeros(size)
        rate_of_change(patient, drug, np.zeros(size), 1.0 - share, share, node, side, out, jet_push(patient, jet))
        feeds.append(np.append(out, 0.0))
    return Linear(names, whole, feeds[0], feeds[1], volumes)


def feeds_of(schedule: Schedule) -> list[Feed]:
    """Drug 0 of a schedule as constant feeds; a bolus takes the kernel's coarse substep."""
    found = []
    for one in schedule.stretches:
        start, stop = one.first * TICK_H, one.last * TICK_H
        rate, bolus = float(one.rate_ug_per_h[0]), float(one.bolus_ug[0])
        if bolus > 0.0:
            found.append(Feed(start, start + COARSE_H, rate + bolus / COARSE_H, bolus=True))
            start += COARSE_H
        found.append(Feed(start, stop, rate, bolus=False))
    return found


def solve(system: Linear, feeds: list[Feed], times_h: Floats) -> Floats:
    """States ``[times, S]`` at rising times, exact but for rounding (matrix exponentials of the pieces)."""
    size = len(system.names)
    state, found = np.zeros(size), np.zeros((len(times_h), size))
    wanted = 0
    for feed in feeds:
        source = (system.injected if feed.bolus else system.infused) * feed.rate_ug_per_h
        whole = np.zeros((size + 1, size + 1))
        whole[:size, :size], whole[:size, size] = system.matrix, source
        at = feed.start_h
        while wanted < len(times_h) and times_h[wanted] <= feed.stop_h + _EVEN:
            state, at = _advance(whole, state, times_h[wanted] - at), float(times_h[wanted])
            found[wanted] = state
            wanted += 1
        state = _advance(whole, state, feed.stop_h - at)
    return found


def _advance(whole: Floats, state: Floats, hours: float) -> Floats:
    if hours <= 0.0:
        return state
    return np.asarray((expm(whole * hours) @ np.append(state, 1.0))[:-1])
