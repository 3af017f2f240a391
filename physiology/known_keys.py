"""Which numbers of a shipped file the model reads; a file with any other is refused, since nobody would notice it."""

from __future__ import annotations

from thecal.core.layout import SENSORS
from thecal.physiology.covariates import DIAGNOSES
from thecal.physiology.fields import (
    CHANNEL_FIELDS,
    CORD_ANCHORS,
    DRUG_FIELDS,
    ESCALATOR_KEYS,
    FIELDS,
    METABOLITE_CLEARANCES,
    METABOLITE_FIELDS,
    RESPONSIVENESS_KEY,
    SPINAL_FIELDS,
    STRUCTURE_FACTORS,
)
from thecal.physiology.sensor_fields import CARRIED_GAINS, RESTING_SENSORS, SENSOR_FIELDS

# What no single field of a record holds, by file.
_BESIDE: dict[str, tuple[str, ...]] = {
    "adaptation": ("tolerance.prior_medd",),
    "anatomy": (
        *(f"cord.{segment}" for segment in CORD_ANCHORS),
        "canal.breathing_power", "canal.dispersion_cervical", "canal.dispersion_lumbar", "canal.gravity",
        "canal.heart_rate_power", "canal.length", "canal.stroke_volume_power", "csf.bmi_power", "csf.cervical_share",
        "csf.clearance", "csf.cranial", "csf.lumbar_share", "csf.production", "csf.sacral_share", "csf.spinal",
        "csf.spinal_absorption", "tip.error",
    ),
    "breathing": ("circulation.map_ratio", "circulation.stroke_volume"),
    "covariates": (
        "age.aa_gradient", "age.aa_highest", "age.central_ec50", "age.opioid_tolerance", "age.reflex",
        "antihypertensive.pressure", "benzodiazepine.central_ec50",
        "benzodiazepine.sedation_ratio", "comt_met.ec50", "gabapentinoid.central_ec50", "height.men", "height.women",
        *(f"neuropathic.{name}" for name in DIAGNOSES), "oprm1_118g.ec50", "reference.age", "reference.bmi",
        "reference.clearance_exponent", "reference.height", "reference.weight", "renal.lowest", "renal.normal",
        "sleep_apnea.central_ec50", "sleep_apnea.drive",
        "creatinine.women", "creatinine.size_power", "renal.ideal_bmi", "renal.excess_from", "renal.excess_share",
        "renal.highest", "pressure.age", "pressure.bmi", "pressure.treated", "pressure.male", "pressure.lowest",
        "pressure.highest", "pressure.mean_by_age", "heart.age", "heart.bmi", "heart.male", "heart.treated", "heart.lowest",
        "heart.highest", *(f"site.{name}" for name in DIAGNOSES),
    ),
    "structures": tuple(f"compartment.{key}" for key in STRUCTURE_FACTORS),
    "sensors": (
        *(f"{name}.{key}" for name in SENSORS for key, *_ in SENSOR_FIELDS.values() if (name, key) not in CARRIED_GAINS),
        *(f"{name}.rest" for name in RESTING_SENSORS),
    ),
}  # fmt: skip
_OF_A_DRUG = frozenset(
    {key for key, *_ in (*DRUG_FIELDS.values(), *METABOLITE_FIELDS.values())} | {key for key, _ in SPINAL_FIELDS.values()}
    | set(METABOLITE_CLEARANCES) | {"plasma.clearance", "plasma.renal_share", "transport.baricity"}
    | {f"start.{key}" for key in ("lowest", "highest", "usual", "morphine_ratio")}
)  # fmt: skip
_OF_A_RECEPTOR = frozenset(
    {key for key, *_ in CHANNEL_FIELDS.values()}
    | set(ESCALATOR_KEYS)
    | {"analgesia.sensitivity", "breathing.sensitivity", RESPONSIVENESS_KEY}
)
_VARIED = frozenset(
    {f"drug.{key}" for key in _OF_A_DRUG} | {f"receptor.{key}" for key in _OF_A_RECEPTOR}
    | {f"patient.{key}" for _, key, *_ in FIELDS.values()} | {key for file, key, *_ in FIELDS.values() if file == "variability"}
)  # fmt: skip


def known_keys(name: str) -> frozenset[str] | None:
    """The numbers that are read of ``physiology/data/<name>.toml``; None where another check knows them."""
    folder, _, _ = name.rpartition("/")
    if folder == "drugs":
        return _OF_A_DRUG
    if folder == "receptors":
        return _OF_A_RECEPTOR
    if folder == "cohorts" or name == "correlations":
        return None
    if name == "variability":
        return _VARIED
    return frozenset({key for file, key, *_ in FIELDS.values() if file == name} | {*_BESIDE.get(name, ())})
