"""A simulated program in rows: its sums, its samples, its alarms, and what was not run as asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import TICKS_PER_DAY
from thecal.devices.alarms import PumpAlarm, PumpEvent, alarm_names
from thecal.devices.interrogate import describe_event
from thecal.devices.records import ML_PER_NL

if TYPE_CHECKING:
    from thecal.devices.orders import BridgePlan
    from thecal.devices.program_writer import Rounding
    from thecal.devices.simulate import PumpRun


def summary(run: PumpRun, drugs: tuple[str, ...]) -> dict[str, float]:
    """Volumes and masses at the end."""
    state = run.state
    commanded = float(state["commanded_ml"])
    rows = {"programmed volume (mL)": commanded, "true volume out of the reservoir (mL)": float(state["delivered_ml"])}
    rows["true / programmed"] = float(state["delivered_ml"]) / commanded if commanded > 0.0 else float("nan")
    rows["reservoir, true (mL)"] = float(state["true_ml"])
    rows["reservoir, computed (mL)"] = float(state["estimated_ml"])
    for k, drug in enumerate(drugs):
        rows[f"{drug}: filled (mg)"] = float(state["filled_ug"][k]) / 1e3
        rows[f"{drug}: into the CSF (mg)"] = float(state["tip_ug"][k]) / 1e3
        rows[f"{drug}: degraded (mg)"] = float(state["decayed_ug"][k]) / 1e3
        lost = ("on_wall_ug", "on_catheter_ug", "precipitated_ug")
        rows[f"{drug}: on walls or precipitated (mg)"] = sum(float(state[name][k]) for name in lost) / 1e3
    return rows


def sample_columns(run: PumpRun, drugs: tuple[str, ...]) -> dict[str, list[Any]]:
    """Every pump tick as columns, one of each kind for a drug."""
    samples = run.samples
    names = [name for name in samples.dtype.names or () if samples[name].ndim == 1]
    per_drug = [name for name in samples.dtype.names or () if samples[name].ndim == 2]
    columns = {name: samples[name].tolist() for name in names}
    return columns | {
        f"{name}_{drug}": samples[name][:, k].tolist() for name in per_drug for k, drug in enumerate(drugs)
    }


def not_as_asked(roundings: list[Rounding]) -> list[str]:
    """Whatever a pump does not run exactly as a program asks, in words."""
    return [f"{one.line}: {one.what} {one.asked:.6g} was asked, {one.runs:.6g} runs" for one in roundings]


def refused_by_pump(run: PumpRun) -> list[dict[str, Any]]:
    """What the pump refused or broke off while it ran, from its log: hour, and what in words."""
    kinds = (PumpEvent.REFUSED, PumpEvent.BOLUS_CANCELED, PumpEvent.PATIENT_DENIED)
    return [
        {"at_h": float(time), "what": describe_event(int(kind), a, b)}
        for _, time, kind, a, b in run.log.tolist()
        if kind in kinds
    ]


def alarm_days(samples: NDArray[np.void]) -> dict[str, float]:
    """Day of the first sample of every alarm that was raised."""
    first = {}
    for alarm in PumpAlarm:
        hit = np.flatnonzero(samples["alarms"] & int(alarm))
        if hit.size:
            first[alarm_names(int(alarm))[0]] = float(samples["time_h"][hit[0]] / 24.0)
    return first


def bridge_rows(plan: BridgePlan, old_mg_per_ml: float) -> list[tuple[str, str]]:
    """A bridge in words, and what would happen without one."""
    per_day = ML_PER_NL * TICKS_PER_DAY
    bridge, after = plan.rate_nl * per_day, plan.after_nl * per_day
    return [
        ("old fluid between reservoir and tip", f"{plan.volume_ml:.3f} mL"),
        ("bridge", f"{bridge:.4f} mL/d for {plan.hours:.1f} h ({plan.old_dose_ug_per_d / 1e3:.3g} mg/d)"),
        ("then", f"{after:.4f} mL/d ({plan.new_dose_ug_per_d / 1e3:.3g} mg/d)"),
        (
            "without a bridge",
            f"{after * old_mg_per_ml:.3g} mg/d of the old fluid for {plan.volume_ml / after * 24:.1f} h",
        ),
    ]
