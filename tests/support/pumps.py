"""Helpers for the device tests: one pump with restated numbers, a runner, and an exact model of the catheter."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from thecal.core.jit import kernel
from thecal.devices.program import command
from thecal.devices.pump import deliver, new_pump_state
from thecal.devices.records import PUMP_PAR

# Restated from the device's description, not read from the shipped file, so that a change of the file is noticed.
PUMP = {
    "capacity_ml": 40.0, "residual_ml": 1.4, "low_reservoir_ml": 2.0, "min_rate_nl": 500, "max_rate_nl": 250_000,
    "rate_step_nl": 10, "min_mode_rate_nl": 60, "bolus_step_nl": 100, "max_flow_nl": 250_000, "rate_adjustable": 1,
    "flow_bias": 1.0, "flow_drift_per_h": 0.0, "dead_ml": 0.375, "soluble_ug_per_ml": np.inf,
    "battery_h": np.inf, "stop_warning_h": np.inf,
}  # fmt: skip
MORPHINE_20 = (20_000.0, 0.0, 0.0)
SUBSTEP_H = 1.0 / 12.0


def pump_par(**changes: float) -> np.ndarray:
    """``[1]`` PUMP_PAR record of the test pump."""
    par = np.zeros(1, PUMP_PAR)
    for name, value in {**PUMP, **changes}.items():
        par[name] = value
    return par


def pump(conc=MORPHINE_20, fill_ml=40.0, rate_nl=2600, primed=True, **changes: float):
    """(state, parameters) of one pump as single records."""
    par = pump_par(**changes)
    return new_pump_state(par, conc, fill_ml, rate_nl=rate_nl, primed=primed)[0], par[0]


@kernel
def run(state, par, substeps, dt_h, given_ug):
    """Advance by substeps; adds the drug that left the tip to ``given_ug`` and returns the volume delivered."""
    out = np.zeros(3)
    volume = 0.0
    for _ in range(substeps):
        basal_ml, bolus_ml = deliver(state, par, dt_h, out)
        volume += basal_ml + bolus_ml
        given_ug += out
    return volume


def step(state, par, dt_h=SUBSTEP_H):
    """One substep: (basal_ml, bolus_ml, drug that left the tip in µg)."""
    out = np.full(3, np.nan)
    basal_ml, bolus_ml = deliver(state, par, dt_h, out)
    return basal_ml, bolus_ml, out


def program(state, par, rate_nl, bolus_nl=0):
    """Send a command; (rate_nl, bolus_nl) as programmed."""
    return command(state, par, rate_nl, bolus_nl)


def catheter_ug(state) -> np.ndarray:
    """``[3]`` drug in the catheter, µg."""
    used = int(state["n_slugs"])
    return state["slug_ml"][:used] @ state["slug_conc"][:used]


class ExactPipe:
    """Plug flow in exact fractions with as many slugs as it takes."""

    def __init__(self, dead_ml: float, conc) -> None:
        self.slugs = [[Fraction(dead_ml), [Fraction(c) for c in conc]]]

    def push(self, volume_ml: float, conc) -> list[float]:
        """Push in ``volume_ml`` of ``conc``; the drug that leaves, µg."""
        left = Fraction(volume_ml)
        self.slugs.append([left, [Fraction(c) for c in conc]])
        out = [Fraction(0)] * 3
        while left > 0:
            slug = self.slugs[0]
            taken = min(left, slug[0])
            out = [total + taken * c for total, c in zip(out, slug[1], strict=True)]
            slug[0] -= taken
            left -= taken
            if slug[0] == 0:
                self.slugs.pop(0)
        return [float(total) for total in out]
