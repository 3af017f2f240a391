"""The shield harness: the shield alone, for every profile, drug and admixture, with inputs and requests beside its limits.

In a patient most inputs stay far from their limits, and the drugs and doses of the tasks never meet some of them. Here nothing
is simulated but the shield; the auditor judges the same rows as of any audit trail.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ProfileError
from thecal.core.layout import TICKS_PER_DAY
from thecal.core.parameters import ParameterFile, Quantity
from thecal.core.plugins import PROFILES, sound
from thecal.devices.specs import load_pump, pump_names, pump_parameters
from thecal.envs.trails import profile_limits
from thecal.experiments.assurance.harness_inputs import hostile_input, hostile_pump, hostile_requests
from thecal.experiments.assurance.harness_loop import drive
from thecal.experiments.assurance.harness_raw import raw_of
from thecal.experiments.assurance.harness_wires import wired
from thecal.safety.oracle import Findings, audit
from thecal.safety.parameters import shield_parameters
from thecal.safety.profiles import LimitProfile, load_profile, profile_names
from thecal.safety.records import SHIELD_PAR, SHIELD_STATE, TRAIL_ROW
from thecal.safety.shield import new_shield_state

PATIENTS, DAYS = 8, 120  # more than the 13 weeks over which escalation is read
_STABLE_H = 24.0 * 60
_VOLUMES_ML = {"usual": 2.0, "dilute": 40.0}  # a day's volume at the cap; the second is more than any pump runs
# Monitored titration as the harness puts it to the test: short times, so that it acts often, and a score of its own.
_MONITORED = {
    "step": (0.05, "dimensionless"), "interval": (6.0, "hour"), "day": (0.2, "dimensionless"), "fresh": (30.0, "minute"),
    "quiet": (6.0, "hour"), "settle": (4.0, "hour"), "sedation": (1.0, "dimensionless"), "near": (0.5, "dimensionless"),
}  # fmt: skip


@dataclass(frozen=True)
class HarnessCase:
    """Patients in the harness who share a program."""

    profile: str
    drugs: tuple[str, ...]
    setting: str = "cancer"
    pump: str = "synchromed_ii_40"
    solution: str = "usual"
    sedated: bool = False
    stage: str = "auto"
    seed: int = 0
    patients: int = PATIENTS
    loosened: Mapping[str, Any] = field(
        default_factory=dict
    )  # limits the shield gets otherwise, and the auditor does not
    monitored: bool = False  # with monitored titration beside what the profile states
    mode: str = "project"
    wire: str | None = None  # what is wired wrongly between what is shown and what the shield is told, see miswiring.py

    @property
    def label(self) -> dict[str, str]:
        """What tells this case from the others."""
        kind = f"{self.setting}, {self.solution} solution{', sedated' if self.sedated else ''}"
        drugs = "+".join(self.drugs)
        profile = f"{self.profile}{' and monitored titration' if self.monitored else ''}"
        return {"profile": profile, "drugs": drugs, "kind": kind, "pump": self.pump, "stage": self.stage}


def harness_cases(seed: int) -> list[HarnessCase]:
    """Every profile with every drug and listed admixture; settings, solutions, pumps and stages take turns."""
    found: list[HarnessCase] = []
    turns = zip(
        itertools.cycle(("cancer", "noncancer")), itertools.cycle(("usual", "usual", "dilute")),
        itertools.cycle([name for name in pump_names() if load_pump(name).kind != "constant"]),
        itertools.cycle((False, False, False, True)), itertools.cycle(("auto",) * 4 + ("confirm", "lower", "advise")),
    )  # fmt: skip
    for name, profile in sound(PROFILES, profile_names(), load_profile).items():
        for mixture in (*profile.drugs, *sorted(profile.mixtures)):
            drugs = tuple(mixture.split("+"))
            setting, solution, pump, sedated, stage = next(turns)
            case = HarnessCase(name, drugs, setting, pump, solution, sedated, stage, seed + len(found))
            found.append(case if _fits(case, profile) else replace(case, solution="usual", pump="synchromed_ii_40"))
    for drug, setting in (("morphine", "cancer"), ("hydromorphone", "noncancer"), ("ziconotide", "cancer"),
                          ("bupivacaine+morphine", "noncancer")):  # fmt: skip
        drugs = tuple(drug.split("+"))
        found.append(HarnessCase("seed_2025", drugs, setting, seed=seed + len(found), monitored=True))
    return found


def limits_of(case: HarnessCase) -> LimitProfile:
    """The profile of a case, with monitored titration where the case asks for it and the profile states none."""
    profile = load_profile(case.profile)
    if not case.monitored or "monitored.step" in profile.file:
        return profile
    own = {
        f"monitored.{name}": Quantity(value=value, unit=unit, source="none: a limit of the harness", confidence="low",
                                      kind="proposed")
        for name, (value, unit) in _MONITORED.items()
    }  # fmt: skip
    file = profile.file
    return LimitProfile(profile.name, ParameterFile(file.path, {**file, **own}, file.texts), profile.path)


def _fits(case: HarnessCase, profile: LimitProfile) -> bool:
    try:
        program(case, profile)
    except ProfileError:  # too concentrated or too dilute for the pump's lowest rate
        return False
    return True


def program(case: HarnessCase, profile: LimitProfile) -> tuple[Any, dict[str, Any]]:
    """(SHIELD_PAR, what an audit trail says of such a patient).

    Raises:
        ProfileError: the profile does not allow the program on this pump.
    """
    pump = pump_parameters(load_pump(case.pump))[0]
    volume = _VOLUMES_ML[case.solution]
    conc = [float(np.ceil(min(profile.cap_ug(d) / volume, profile.max_concentration(d)))) for d in case.drugs]
    envelope: dict[str, Any] = {
        f"{name}_nl": int(pump[f"{name}_nl"]) for name in ("min_rate", "max_rate", "rate_step", "bolus_step")
    }
    par = shield_parameters(
        profile, drugs=case.drugs, conc_ug_per_ml=conc, setting=case.setting, dead_ml=float(pump["dead_ml"]),
        stable_h=_STABLE_H, sedated=case.sedated, stage=case.stage, mode=case.mode, **envelope,
    )  # fmt: skip
    who = {
        "drugs": list(case.drugs), "conc_ug_per_ml": conc, "setting": case.setting, "sedated": case.sedated,
        "stable_h": _STABLE_H, "dead_ml": float(pump["dead_ml"]), "start_clock_h": 0.0, **envelope,
    }  # fmt: skip
    return par, who


def run_case(case: HarnessCase) -> Findings:
    """Drive the shield through the case's days and audit what it allowed.

    Raises:
        ProfileError: the profile does not allow the program.
    """
    profile = limits_of(case)
    true, who = program(case, profile)
    given = np.empty(1, SHIELD_PAR)
    given[0] = true
    for name, value in case.loosened.items():
        given[name] = value
    rows = np.zeros((case.patients, TICKS_PER_DAY * DAYS), TRAIL_ROW)
    known = {}
    for i in range(case.patients):
        rng = np.random.default_rng([case.seed, i])
        start = _begin(case, true, given, rows[i], rng, i)
        rows[i]["patient"] = i
        known[str(i)] = {**who, "start_rate_nl": start}
    meta = {"mode": case.mode, "stage": case.stage, "limits": profile_limits(profile), "patients": known}
    return audit(meta, rows.reshape(-1))


def _begin(
    case: HarnessCase, true: Any, given: NDArray[np.void], rows: NDArray[np.void], rng: np.random.Generator, i: int
) -> int:
    """Run one patient from a thirtieth, a sixth or most of the capped rate; returns the rate he started with."""
    capped = int((true["cap_pg"][: true["n_caps"]] // (true["conc"][: true["n_caps"]] * TICKS_PER_DAY)).min())
    state = np.empty(1, SHIELD_STATE)
    state[0] = new_shield_state(given[0], capped * (1, 5, 25)[i % 3] // 30)
    start, n = int(state["prev_rate"][0]), len(rows)
    spare = np.where(rng.random(n) < 0.3, rng.integers(0, 2 * int(true["bolus_abs"]) + 100, n), -1)
    moved = hostile_pump(true, rng, n, beyond=i % 2 == 1)
    asked = np.stack([*hostile_requests(true, rng, n, i % 4), spare, *moved]).astype(np.int64)
    shown = hostile_input(true, rng, n)
    told, hidden = wired(case.wire, shown)
    drive(state, given, told, raw_of(shown), asked, hidden, rows)
    return start
