"""What a limit profile must hold: every key with its unit and bounds, and the contradictions that are refused."""

from __future__ import annotations

SETTINGS = ("cancer", "noncancer")
# Beyond these a number is a unit error, and the shield's 64-bit integers would no longer be safe.
MOST_UG = 1.0e6  # a gram, of cap per day, concentration per mL and bolus alike
MOST_H = 8766.0  # a year
MOST_RISE = 100.0
OF_SETTING = -1.0

# Limits of every drug: unit.
DRUG_LIMITS = {"cap": "ug/day", "concentration": "ug/mL", "bolus": "ug"}
# Limits a drug may have besides: (unit, lowest, highest, value when absent).
DRUG_OPTIONS: dict[str, tuple[str, float, float, float]] = {
    "step_abs": ("ug/day", 0.0, MOST_UG, MOST_UG),
    "interval": ("hour", 0.0, MOST_H, 0.0),
    "daily_fall": ("dimensionless", 0.0, 1.0, -1.0),  # the profile's general limit stands when absent
    "patient_bolus": ("dimensionless", 0.0, 1.0, 1.0),
    "equivalence": ("dimensionless", 0.0, 1.0e5, 0.0),  # mg of intrathecal morphine that 1 mg stands for; 0: no opioid
    "sedative": ("dimensionless", 0.0, 1.0, 0.0),  # 1: a depressant beside an opioid
    "vasoactive": ("dimensionless", 0.0, 1.0, 0.0),
    # The setting's own limit stands where these three are absent.
    "step": ("dimensionless", 0.0, MOST_RISE, OF_SETTING),
    "rise_28d": ("dimensionless", 0.0, MOST_RISE, OF_SETTING),
    "escalation": ("dimensionless", 0.0, MOST_RISE, OF_SETTING),
    # Steps by where spasticity comes from; where a patient has none of the two, the smaller one counts.
    "step_spinal": ("dimensionless", 0.0, MOST_RISE, OF_SETTING),
    "step_cerebral": ("dimensionless", 0.0, MOST_RISE, OF_SETTING),
    # The dose at the implant: the most for anybody; the oral morphine equivalent over this (0: no such limit); and the most
    # for whom the last one does not speak, because nothing was taken by mouth.
    "start": ("ug/day", 0.0, MOST_UG, MOST_UG),
    "oral_ratio": ("dimensionless", 0.0, 1.0e7, 0.0),
    "start_naive": ("ug/day", 0.0, MOST_UG, MOST_UG),
    "classes_before": ("dimensionless", 0.0, 5.0, 0.0),  # classes of intrathecal drugs that must have been tried before
}
WITHIN_CAP = {"step_abs": "one step", "start": "the first dose", "start_naive": "the first dose"}  # never above the cap
SHARES = ("step", "rise_28d", "escalation")  # options that stand in place of the setting's limit of the same name
INDICATIONS = ("spinal", "cerebral")  # of spasticity; "" is any other
FLAGS = ("patient_bolus", "sedative", "vasoactive")  # options that are yes (1) or no (0) and nothing between
# General limits: (unit, lowest, highest).
LIMITS: dict[str, tuple[str, float, float]] = {
    **{f"{setting}.step": ("dimensionless", 0.0, 1.0) for setting in SETTINGS},
    **{f"{setting}.interval": ("hour", 0.25, MOST_H) for setting in SETTINGS},
    **{f"{setting}.rise_28d": ("dimensionless", 0.0, MOST_RISE) for setting in SETTINGS},
    **{f"{setting}.escalation": ("dimensionless", 0.0, MOST_RISE) for setting in SETTINGS},
    "titration.transits": ("dimensionless", 0.0, 10.0),
    "opioids.cap": ("ug/day", 1.0, MOST_UG),
    "sedatives.factor": ("dimensionless", 0.05, 1.0),
    "withdrawal.daily_fall": ("dimensionless", 0.0, 1.0),
    "withdrawal.exposed_after": ("hour", 0.0, MOST_H),
    "bolus.share": ("dimensionless", 0.0, 1.0),
    "bolus.lockout": ("hour", 0.0, MOST_H),
    "bolus.count": ("dimensionless", 0.0, 96.0),
    "breathing.rate_warn": ("breath/min", 0.0, 60.0),
    "breathing.rate_lock": ("breath/min", 0.0, 60.0),
    "breathing.saturation_warn": ("percent", 0.0, 100.0),
    "breathing.saturation_lock": ("percent", 0.0, 100.0),
    "breathing.co2_warn": ("mmHg", 0.0, 200.0),
    "breathing.co2_lock": ("mmHg", 0.0, 200.0),
    "breathing.watch": ("hour", 0.0, MOST_H),
    "breathing.reduce_to": ("dimensionless", 0.0, 1.0),
    "breathing.stale": ("minute", 0.0, 60.0 * MOST_H),
    "breathing.flat": ("minute", 30.0, 60.0 * MOST_H),
    "breathing.flat_other": ("minute", 30.0, 60.0 * MOST_H),
    "breathing.recut": ("hour", 0.25, MOST_H),
    "breathing.rate_jump": ("breath/min", 1.0, 60.0),
    "breathing.saturation_jump": ("percent", 1.0, 100.0),
    "breathing.co2_jump": ("mmHg", 1.0, 200.0),
    "sedation.hold": ("dimensionless", 2.0, 4.0),
    "sedation.lock": ("dimensionless", 2.0, 4.0),
    "circulation.systolic": ("mmHg", 0.0, 200.0),
    "circulation.mean": ("mmHg", 0.0, 200.0),
    "circulation.heart_rate": ("1/min", 0.0, 200.0),
    "circulation.fall": ("dimensionless", 0.0, 1.0),
    "neurology.hold": ("dimensionless", 1.0, 4.0),
    "reservoir.reserve": ("mL", 0.0, 40.0),
    "refill.hold": ("hour", 0.0, MOST_H),
    "refill.pocket_watch": ("hour", 0.0, MOST_H),
    "refill.balance": ("dimensionless", 0.0, 1.0),
    "restart.gap": ("hour", 0.0, MOST_H),
    "restart.share": ("dimensionless", 0.0, 1.0),
    "automation.errors": ("dimensionless", 1.0, 1000.0),
    "automation.lease": ("hour", 0.25, MOST_H),
    "automation.clock": ("second", 1.0, 3600.0),
    "command.age": ("minute", 0.0, 60.0 * MOST_H),
}
# Monitored titration, which a profile states whole or not at all: (unit, lowest, highest, value when absent).
MONITORED: dict[str, tuple[str, float, float, float]] = {
    "monitored.step": ("dimensionless", 0.0, 1.0, 0.0),
    "monitored.interval": ("hour", 0.25, MOST_H, 0.25),
    "monitored.day": ("dimensionless", 0.0, MOST_RISE, 0.0),
    "monitored.fresh": ("minute", 0.0, 60.0 * MOST_H, 0.0),
    "monitored.quiet": ("hour", 0.0, MOST_H, 0.0),
    "monitored.settle": ("hour", 0.0, MOST_H, 0.0),
    "monitored.sedation": ("dimensionless", 1.0, 3.0, 1.0),
    "monitored.near": ("dimensionless", 0.0, 0.999, 0.0),
}
MIXTURES = "mixture"  # table of the admixtures that may be run (1) or not (0), drugs in alphabetical order joined by +
TEXTS = (
    "title",
    "base",
)  # whatever else is no number with its evidence is a mistake, and would be missing where it is needed

# (must not be above, what it would exceed, what the shield would then do)
ORDER = (
    ("breathing.rate_lock", "breathing.rate_warn", "locks before it warns"),
    ("breathing.saturation_lock", "breathing.saturation_warn", "locks before it warns"),
    ("breathing.co2_warn", "breathing.co2_lock", "locks before it warns"),
    ("sedation.hold", "sedation.lock", "locks before it holds"),
    ("breathing.stale", "breathing.flat", "calls a signal motionless before it calls it old"),
    ("circulation.mean", "circulation.systolic", "wants a mean pressure above the systolic one"),
    *((f"{setting}.step", f"{setting}.rise_28d", "refuses the first step of 28 days") for setting in SETTINGS),
    *((f"{setting}.step", f"{setting}.escalation", "takes one step for a loss of effect") for setting in SETTINGS),
)
