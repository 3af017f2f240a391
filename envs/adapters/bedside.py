"""What can be looked at in one environment of a batch beside its observation: a line of text and the pump."""

from __future__ import annotations

from thecal.devices.interrogate import interrogate
from thecal.envs.batch import Batch

# What a bedside observer would see, as far as the task observes it.
_BEDSIDE = {
    "nrs_report": "NRS {:4.0f}", "spasms": "spasms {:4.1f}", "dose_mg_per_d": "{:6.2f} mg/d", "rr": "RR {:4.0f}/min",
    "spo2": "SpO2 {:4.0f} %", "poss": "POSS {:.0f}",
}  # fmt: skip


def bedside_line(batch: Batch, i: int) -> str:
    """One line of text with what a bedside observer of environment ``i`` would see."""
    seen = batch.lens.decode(batch.observations[i])
    parts = [words.format(seen[name]) for name, words in _BEDSIDE.items() if name in seen]
    steps = int(batch.world["episode"]["step"][i])
    return "  ".join([f"day {steps * batch.spec.tick_h / 24:5.1f}", *parts])


def read_pump(batch: Batch, i: int) -> dict[str, list[tuple[str, str]]]:
    """What a programmer would show of the pump of environment ``i`` now (no hidden truth)."""
    return interrogate(batch.world["pump"][i], batch.par["pump"][i], batch.scene.pump, batch.spec.drugs)
