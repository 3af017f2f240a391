"""Action fields: the catalog that tasks choose from, and how a vector of numbers in [-1, 1] becomes a request.

A new field is a row of ``ACTIONS`` and a line of :func:`begin_step`, which finds its component by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.core.jit import kernel
from thecal.core.layout import NL_PER_ML, NL_PER_UL, TICKS_PER_DAY
from thecal.envs.visits import call_clinic
from thecal.safety.shield import largest_bolus

_ON = 0.5  # a switch is on above this


class ActionField(NamedTuple):
    """One component of an action: its name, what -1 and 1 stand for, and what it asks."""

    name: str
    unit: str
    low: str
    high: str
    text: str


ACTIONS = (
    ActionField("relative_rate", "share of the rate", "-max_down", "max_up", "change of the basal rate; the deadband holds"),
    ActionField("target_dose", "multiple of the starting rate, log scale", "target_low", "target_high",
                "basal rate to reach, asked for anew at every step and pursued through the shield"),
    ActionField("bolus_size", "share of the largest bolus", "0 (up to 0)", "1", "bolus armed for the coming step"),
    ActionField("lockout", "h", "lockout_low", "lockout_high", "time that must pass between two boluses of the patient"),
    ActionField("mixture", "index of the task's mixtures", "first", "last", "mixture that the next refill is ordered to hold"),
    ActionField("call_clinic", "switch", "off", "on", "the clinic is called and comes after its delay"),
    ActionField("hold", "switch", "off", "on", "the rate in force is kept, whatever the other components ask"),
)  # fmt: skip
ACTION_NAMES = tuple(field.name for field in ACTIONS)
# Leaves every field but a target dose as it is: no change, no bolus, switches off.
NEUTRAL = 0.0
RATE_FIELDS = ("relative_rate", "target_dose")
# Where each field stands in the task's action, -1 where the task lacks it.
ACTION_PLACES = np.dtype([(name, np.int64) for name in ACTION_NAMES], align=True)


def holding(fields: Sequence[str]) -> NDArray[np.float64]:
    """The action ``[n]`` that arms the largest bolus and changes nothing else.

    In a task with a target dose no number keeps the rate: :meth:`thecal.envs.batch.Batch.keep_rate` does.
    """
    return np.array([1.0 if name == "bolus_size" else NEUTRAL for name in fields])


@kernel
def requested_rate(world, task, a):
    """The rate (nL per pump tick, not yet shielded) that a relative change ``a`` in [-1, 1] asks for."""
    now = world.shield.prev_rate
    if abs(a) <= task.deadband:
        return now
    reach = task.max_up if a > 0.0 else task.max_down
    size = (abs(a) - task.deadband) / (1.0 - task.deadband) * reach
    return math.floor(now * (1.0 + math.copysign(size, a)))


@kernel
def target_rate(task, a):
    """The rate (nL per pump tick, not yet shielded) that a target ``a`` in [-1, 1] asks for."""
    share = 0.5 * (a + 1.0)
    return math.floor(task.start_rate_nl * math.exp(task.log_low + share * (task.log_high - task.log_low)))


@kernel
def _scaled(action, k):
    return min(1.0, max(-1.0, action[k]))


@kernel
def _is_usable(action):
    for k in range(action.shape[0]):
        if not math.isfinite(action[k]):
            return False
    return True


@kernel
def _read_switches(world, par, action):
    """What an action says besides a rate and a bolus."""
    place = par.task.action
    episode = world.episode
    # A 0 leaves the lockout and the ordered mixture as they are, so that whoever knows nothing of them changes nothing.
    if place.lockout >= 0 and action[place.lockout] != 0.0:
        share = 0.5 * (_scaled(action, place.lockout) + 1.0)
        task = par.task
        episode.lockout = math.ceil(task.lockout_low + share * (task.lockout_high - task.lockout_low))
    if place.mixture >= 0 and action[place.mixture] != 0.0:
        n = par.task.n_mixtures
        episode.mixture_asked = min(n - 1, math.floor(0.5 * (_scaled(action, place.mixture) + 1.0) * n))
    if place.call_clinic >= 0 and action[place.call_clinic] > _ON:
        call_clinic(episode, par.task)


@kernel
def begin_step(world, par, action, out):
    """Read the action, or the command in its place; returns (rate request in nL per tick, 1 or why it cannot be used)."""
    episode = world.episode
    shield = world.shield
    place = par.task.action
    episode.pressed_last = 0
    episode.given_last = 0
    episode.armed_nl = 0
    keep = episode.keep_rate == 1 or (place.hold >= 0 and action[place.hold] > _ON)
    episode.keep_rate = 0
    if episode.command == 1:
        episode.command = 0
        if episode.command_valid == 1:
            episode.armed_nl = episode.command_bolus
            out.requested_rate = episode.command_rate * TICKS_PER_DAY / NL_PER_ML
            out.requested_bolus_ul = episode.armed_nl / NL_PER_UL
            return episode.command_rate, 1
        out.requested_rate = math.nan
        return shield.prev_rate, episode.command_valid
    if not _is_usable(action):
        out.requested_rate = math.nan
        return shield.prev_rate, 0
    rate = shield.prev_rate
    if place.relative_rate >= 0:
        rate = requested_rate(world, par.task, _scaled(action, place.relative_rate))
    elif place.target_dose >= 0:
        rate = target_rate(par.task, _scaled(action, place.target_dose))
    if keep:
        rate = shield.prev_rate
    if place.bolus_size >= 0:
        share = max(0.0, _scaled(action, place.bolus_size))
        episode.armed_nl = math.floor(share * largest_bolus(shield, par.shield))
    _read_switches(world, par, action)
    out.requested_rate = rate * TICKS_PER_DAY / NL_PER_ML
    out.requested_bolus_ul = episode.armed_nl / NL_PER_UL
    return rate, 1
