"""Reward terms and costs: the catalog that tasks choose from and weigh, and the kernel that computes every one of them.

A new term is a row of ``TERMS`` and a line of :func:`write_terms`; a new cost a row of ``COSTS`` and a line of
:func:`write_costs`. Records, weights, ``info`` and results take their fields from these rows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import literal_unroll

from thecal.core.jit import kernel
from thecal.envs.kernel.well import harm_hours
from thecal.physiology.pain import NRS_MAX

_FULL_FUNCTION = 100.0
_WORST_ASHWORTH, _BEST_ASHWORTH = 5.0, 1.0


class Term(NamedTuple):
    """A reward term before it is weighed.

    Attributes:
        name: its weight is ``weights.<name>`` of a task, its share of the reward ``info["r_<name>"]``.
        low, high: the range it lies in, of one step; more is always better.
        text: what it pays or charges for.
        training_only: left out of reported returns.
    """

    name: str
    low: float
    high: float
    text: str
    training_only: bool = False


class Cost(NamedTuple):
    """A cost channel of the constrained-learning convention: a harm in one step, less is always better."""

    name: str
    unit: str
    high: float
    text: str


TERMS = (
    Term("relief", 0, 1, "half for time with NRS <= 3, half for the distance from the worst pain, while rousable and alive"),
    Term("sedation", -1, 0, "time over-sedated (POSS 3 or 4)"),
    Term("adverse", -1, 0, "nausea and withdrawal, half each"),
    Term("resp", -1, 0, "time with depressed breathing"),
    Term("dose", -1, 0, "dose of the first drug in 24 h as a share of its cap"),
    Term("oih", -1, 0, "opioid-induced hyperalgesia"),
    Term("change", -np.inf, 0, "relative change of the rate"),
    Term("shield", -1, 0, "share of the largest rate change that the shield withheld", training_only=True),
    Term("terminal", -np.inf, 0, "every step that a death left of the horizon"),
    Term("spasticity", 0, 1, "distance from the worst modified Ashworth score, while alive"),
    Term("function", 0, 1, "function, while alive"),
    Term("distress", -1, 0, "distress"),
    Term("cognition", -1, 0, "cognitive and psychiatric effect"),
    Term("weakness", -1, 0, "motor block"),
    Term("pressure", -1, 0, "fall of blood pressure by the drug"),
    Term("calls", -np.inf, 0, "every call of the clinic"),
    Term("well", 0, 1, "time well treated: the task's goal met and no harm"),
    Term("harm", -1, 0, "time alive that any harm of the well-treated rule takes, each hour once"),
    Term("withdrawal", -1, 0, "time in withdrawal"),
)  # fmt: skip
COSTS = (
    Cost("resp", "share of the step", 1, "depressed breathing"),
    Cost("sedation", "share of the step", 1, "over-sedation (POSS 3 or 4)"),
    Cost("withdrawal", "share of the step", 1, "withdrawal"),
    Cost("cognition", "0-1", 1, "cognitive and psychiatric effect at the end of the step"),
    Cost("weakness", "0-1", 1, "motor block at the end of the step"),
    Cost("pressure", "0-1", 1, "fall of blood pressure by the drug at the end of the step"),
)
CHARGES = tuple(term.name for term in TERMS if term.low < 0)
TERM_NAMES = tuple(term.name for term in TERMS)
COST_NAMES = tuple(cost.name for cost in COSTS)
TERM_RECORD = np.dtype([(name, np.float64) for name in TERM_NAMES], align=True)
COST_RECORD = np.dtype([(name, np.float64) for name in COST_NAMES], align=True)


@kernel
def write_terms(world, par, out, terms, step_h, rate_change, refused, steps_left):
    """Fill the terms of one step, each in its range and not yet weighed.

    Relief counts only while the patient can be roused and lives. ``refused`` is the share of the largest rate change that
    the shield withheld. A terminal failure is charged for every step that was left.
    """
    patient = world.patient
    alive = out.alive_h / step_h
    rousable = max(0.0, 1.0 - out.unrousable_h / step_h)
    comfort = 0.5 * out.controlled_h / step_h + 0.5 * (1.0 - out.pain_mean / NRS_MAX) * min(alive, rousable)
    terms.relief = comfort
    terms.sedation = -(out.sed_h / step_h)
    terms.adverse = -0.5 * (out.nausea / NRS_MAX + out.withdrawal)
    terms.resp = -(out.resp_h / step_h)
    terms.dose = -min(1.0, out.dose24_ug[0] / par.task.cap_ug)
    terms.oih = -out.oih
    terms.change = -rate_change
    terms.shield = -refused
    terms.terminal = -float(steps_left) if world.episode.terminated else 0.0
    terms.spasticity = alive * (_WORST_ASHWORTH - patient.ashworth) / (_WORST_ASHWORTH - _BEST_ASHWORTH)
    terms.function = alive * patient.function / _FULL_FUNCTION
    terms.distress = -patient.distress
    terms.cognition = -patient.cognition
    terms.weakness = -patient.motor_block
    terms.pressure = -patient.bp_fall
    terms.calls = -out.calls
    terms.well = out.well_h / step_h
    terms.harm = -(harm_hours(out.lost) / step_h)
    terms.withdrawal = -(out.withdrawal_h / step_h)


@kernel
def write_costs(out, costs, step_h):
    """Fill every cost channel of one step."""
    costs.resp = out.resp_h / step_h
    costs.sedation = out.sed_h / step_h
    costs.withdrawal = out.withdrawal_h / step_h
    costs.cognition = out.cognition
    costs.weakness = out.motor_block
    costs.pressure = out.bp_fall


@kernel
def within_limit(value, spent, limit):
    """What a term may still earn in an episode of which its charges so far were ``spent``: a charge never passes the limit."""
    return -min(-value, limit - spent) if value < 0.0 else value


@kernel
def write_reward(world, par, out, step_h, rate_change, refused, steps_left):
    """Fill the weighed terms, the costs, their sum over the task's channels and the reward of ``out``.

    Of a term whose charges in an episode are limited no more is charged than is left; ``episode.spent`` counts them.
    """
    task = par.task
    spent = world.episode.spent
    write_terms(world, par, out, out.r, step_h, rate_change, refused, steps_left)
    total = 0.0
    for name in literal_unroll(TERM_NAMES):
        value = task.weight[name] * out.r[name]
        if task.charge_limit[name] < math.inf:
            value = within_limit(value, spent[name], task.charge_limit[name])
            spent[name] = min(task.charge_limit[name], spent[name] + max(0.0, -value))
        out.r[name] = value
        total += value
    out.reward = total
    write_costs(out, out.costs, step_h)
    total = 0.0
    for name in literal_unroll(COST_NAMES):
        total += task.charged[name] * out.costs[name]
    out.cost = total
