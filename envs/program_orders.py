"""Checks of the fills and primes that a program file orders: what a clinic's double check would have refused."""

from __future__ import annotations

import math
from typing import NamedTuple

from thecal.core.layout import TICK_H
from thecal.devices.program_file import ProgramFile, program_actions
from thecal.devices.records import ML_PER_NL
from thecal.devices.simulation_records import Act
from thecal.devices.specs import load_pump
from thecal.safety.orders import Fill, prime_faults, refill_faults
from thecal.safety.profiles import LimitProfile

# Acts after which fluid may have left the reservoir, so that nobody can call the catheter empty.
_INFUSES = frozenset({Act.CONTINUOUS, Act.FLEX, Act.BOLUS, Act.PRESS, Act.BRIDGE, Act.MINIMUM_RATE, Act.PRIME})


class Refusal(NamedTuple):
    """One order that would have been refused."""

    at_h: float
    order: str  # "fill", "refill" or "prime"
    reason: str


def program_refusals(program: ProgramFile, profile: LimitProfile) -> list[Refusal]:
    """The fills and primes of a program that the checks of :mod:`thecal.safety.orders` refuse, in order of time.

    A program file states each concentration once, so order, label and program agree by construction; drugs, mixtures,
    concentrations and primes are what can be wrong.

    Args:
        program: the program.
        profile: limits of concentration and admixture.

    Raises:
        ConfigError: a line does not say what it must (see :func:`thecal.devices.program_file.program_actions`).
    """
    spec = load_pump(program.pump)
    dead_ml = spec.dead_ml(program.catheter_cm)
    infused_h = math.inf if not program.solution.primed else -1.0
    primed = False
    found = _of_fill(program, profile, 0.0, "fill", [1e3 * conc for conc in program.solution.mg_per_ml])
    for action in program_actions(spec, program):
        act, at_h = Act(int(action["act"])), float(action["tick"]) * TICK_H
        if act is Act.REFILL:
            found += _of_fill(program, profile, at_h, "refill", action["conc"].tolist())
        elif act is Act.PRIME:
            volume = float(action["a"]) * ML_PER_NL
            words = prime_faults(volume, dead_ml, catheter_empty=at_h <= infused_h, primed_before=primed)
            found += [Refusal(at_h, "prime", reason) for reason in words]
            primed = True
        if act in _INFUSES:
            infused_h = min(infused_h, at_h)
    return found


def _of_fill(program: ProgramFile, profile: LimitProfile, at_h: float, order: str, conc: list[float]) -> list[Refusal]:
    drugs = dict(zip(program.solution.drugs, conc, strict=False))
    fill = Fill(patient="", lot="", expires_d=at_h / 24.0, drugs=drugs)
    return [Refusal(at_h, order, reason) for reason in refill_faults(profile, fill, fill, drugs, at_h / 24.0)]
