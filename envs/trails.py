"""What an audit trail says of a batch: limits in their own units, pump and patients, versions and hashes."""

from __future__ import annotations

from typing import Any

from thecal.core.layout import TICK_H
from thecal.envs.batch import Batch
from thecal.safety.certificate import kernel_hash
from thecal.safety.profile_schema import DRUG_LIMITS, DRUG_OPTIONS, LIMITS, MONITORED
from thecal.safety.profiles import LimitProfile
from thecal.safety.trail import row_fields

FORMAT = 2  # 1 held no readings of sensors and telemetry


def trail_meta(batch: Batch, **more: Any) -> dict[str, Any]:
    """The meta record for the patients that a batch holds now; ``more`` says who asked (policy, seed, run)."""
    scene = batch.scene
    return {
        "format": FORMAT,
        "note": "simulated data",
        "fields": row_fields(),
        "task": batch.spec.id,
        "task_hash": batch.spec.hash,
        "scenario_hash": scene.hash,
        "pump": scene.pump.name,
        "profile": scene.profile.name,
        "profile_hash": scene.profile.hash,
        "kernel_hash": kernel_hash(),
        "proved": scene.proved,
        "mode": batch.mode.name.lower(),
        "stage": scene.scenario.stage,
        "limits": profile_limits(scene.profile),
        "patients": {str(int(row["patient"]["patient"])): _patient(batch, i) for i, row in enumerate(batch.par)},
        **more,
    }


def profile_limits(profile: LimitProfile) -> dict[str, float]:
    """Every number of a profile by dotted key, in the unit of the profile's schema."""
    found = {key: profile.limit(key) for key in LIMITS}
    found |= {key: profile.monitored(key.partition(".")[2]) for key in MONITORED if key in profile.file}
    for drug in profile.drugs:
        found |= {f"{drug}.{key}": profile.file.get_in(f"{drug}.{key}", unit) for key, unit in DRUG_LIMITS.items()}
        found |= {f"{drug}.{key}": profile.option(drug, key) for key in DRUG_OPTIONS if f"{drug}.{key}" in profile.file}
    return found


def _patient(batch: Batch, i: int) -> dict[str, Any]:
    row = batch.par[i]
    shield = row["shield"]
    return {
        "drugs": list(batch.spec.drugs),
        "conc_ug_per_ml": row["ordered_conc"][: len(batch.spec.drugs)].tolist(),
        "setting": batch.spec.setting,
        "sedated": batch.is_sedated(int(batch.patients[i])),
        "indication": batch.indication(int(batch.patients[i])),
        "stable_h": int(shield["shelf"]) * TICK_H,
        "dead_ml": float(row["pump"]["dead_ml"]),
        "start_rate_nl": int(batch.world["shield"]["prev_rate"][i]),
        "start_clock_h": batch.spec.start_clock_h,
        "clinic_clock_h": batch.spec.clinic_clock_h,
        "adjustable": bool(row["pump"]["rate_adjustable"]),
        "capacity_ml": float(row["pump"]["capacity_ml"]),
        **{f"{name}_nl": int(shield[name]) for name in ("min_rate", "max_rate", "rate_step", "bolus_step")},
    }
