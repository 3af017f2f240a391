"""What can be looked at in one environment of a batch beside its observation: a line of text, the pump, a snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thecal.core.errors import ConfigError
from thecal.devices.interrogate import interrogate
from thecal.envs.batch import Batch, Snapshot

# What a bedside observer would see, as far as the task observes it.
_BEDSIDE = {
    "nrs_report": "NRS {:4.0f}", "spasms": "spasms {:4.1f}", "dose_mg_per_d": "{:6.2f} mg/d", "rr": "RR {:4.0f}/min",
    "spo2": "SpO2 {:4.0f} %", "poss": "POSS {:.0f}",
}  # fmt: skip


class EpisodeSnapshot(NamedTuple):
    """One environment in mid-episode: the state of its patient, steps so far, ids of its commands, return and cost so far."""

    state: Snapshot
    steps: int
    commands: tuple[str, ...] = ()
    totals: tuple[float, float] | None = None


def bedside_line(batch: Batch, i: int) -> str:
    """One line of text with what a bedside observer of environment ``i`` would see."""
    seen = batch.lens.decode(batch.observations[i])
    parts = [words.format(seen[name]) for name, words in _BEDSIDE.items() if name in seen]
    steps = int(batch.world["episode"]["step"][i])
    return "  ".join([f"day {steps * batch.spec.tick_h / 24:5.1f}", *parts])


def read_pump(batch: Batch, i: int) -> dict[str, list[tuple[str, str]]]:
    """What a programmer would show of the pump of environment ``i`` now (no hidden truth)."""
    return interrogate(batch.world["pump"][i], batch.par["pump"][i], batch.scene.pump, batch.spec.drugs)


def taken(batch: Batch, i: int, totals: tuple[float, float] | None = None) -> EpisodeSnapshot:
    """A snapshot of environment ``i``."""
    own = np.s_[i : i + 1]
    state = (batch.world[own].copy(), batch.par[own].copy(), batch.patients[own].copy())
    return EpisodeSnapshot(state, int(batch.world["episode"]["step"][i]), (), totals)


def state_of(snapshot: Any) -> Snapshot:
    """The state in a snapshot of one environment.

    Raises:
        ConfigError: it is no such snapshot.
    """
    if not isinstance(snapshot, EpisodeSnapshot):
        raise ConfigError("what is to be restored is no snapshot of one environment")
    return snapshot.state
