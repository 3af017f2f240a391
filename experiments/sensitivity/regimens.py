"""Regimens under which sensitivity is asked for, each with the outcomes a reader cares about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.core.layout import NODES, TICK_H
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.fields import CHANNEL_FIELDS, FIELDS
from thecal.physiology.population import receptor_of, shipped
from thecal.physiology.regimen import advance, begin

Outcomes = dict[str, NDArray[np.float64]]
_DAY_H = 24.0


@dataclass(frozen=True)
class Regimen:
    """A regimen on the cohort's reference patient, and its outcomes ``{name: [N]}``."""

    title: str
    drugs: tuple[str, ...]
    cohort: str
    run: Callable[[NDArray[np.void]], Outcomes]


def reference_patient(cohort: str, drugs: tuple[str, ...]) -> NDArray[np.void]:
    """The patient ``[1]`` of 201 nearest to the medians of what sets dose and harm, every other number at its file's median."""
    spec = load_cohort_spec(cohort)
    par = draw(spec, drugs, list(range(201)), "test", 2025).par
    drug, channel = par["drug"][:, 0], par["channel"][:, 0]
    traits = np.stack(
        [
            np.log(drug["ec50"]) + channel["tol_prior"],
            np.log(drug["ec50_bs"]),
            np.log(drug["k_csf_loss"]),
            channel["emax_noci"],
            par["neuropathic"],
            par["pain_base"],
            np.log(par["v_node"].sum(axis=1)),
            np.abs(par["tip_node"] - NODES.index("T10")).astype(np.float64),
        ]
    )
    spread = traits.std(axis=1, keepdims=True)
    away = (traits - np.median(traits, axis=1, keepdims=True)) / np.where(spread > 0.0, spread, 1.0)
    one = par[[int((away**2).sum(axis=0).argmin())]]
    for field, (source, key, unit, _) in FIELDS.items():
        file = spec.file if source == "cohort" or key in spec.file else shipped(source)
        one[field] = file[key].to(unit)
    for slot, receptor in enumerate(dict.fromkeys(receptor_of(name) for name in drugs)):
        file = shipped(f"receptors/{receptor}")
        for field, (key, unit, *_) in CHANNEL_FIELDS.items():
            if key in file and field not in ("emax_noci", "emax_neuro"):
                one["channel"][field][:, slot] = file[key].to(unit)
    return one


def _infuse(par: NDArray[np.void], days: int, ug_per_d: tuple[float, ...]) -> tuple[Outcomes, Outcomes]:
    """Means over the last day, and extremes over the whole run, of an infusion; day by day, so that memory stays small."""
    state = begin(par)
    rate = np.zeros((len(par), 3))
    rate[:, : len(ug_per_d)] = np.array(ug_per_d) / _DAY_H
    most: Outcomes = {}
    for _ in range(days):
        course = advance(par, state, _DAY_H, rate_ug_per_h=rate)
        for name in ("nausea", "sedation", "cognition", "motor_block", "withdrawal"):
            peak = course[name].max(axis=0)
            most[name] = np.maximum(most.get(name, peak), peak)
        lowest = course["vent"].min(axis=0)
        most["vent"] = np.minimum(most.get("vent", lowest), lowest)
    return {name: values.mean(axis=0) for name, values in course.items()}, most


def morphine_infusion(par: NDArray[np.void]) -> Outcomes:
    """Four weeks of 1.5 mg/d."""
    last, most = _infuse(par, 28, (1500.0,))
    return {
        "pain, day 28 (NRS)": last["pain"],
        "tolerance, day 28 (log EC50)": last["tolerance"],
        "lowest ventilation": most["vent"],
        "worst nausea (0-10)": most["nausea"],
        "sedation, day 28": last["sedation"],
    }


def morphine_bolus(par: NDArray[np.void]) -> Outcomes:
    """One bolus of 0.3 mg."""
    course = advance(par, begin(par), 24.0, bolus_ug=300.0, bolus_ml=1.0)
    return {
        "lumbar CSF at 1 h (ug/mL)": course["lumbar"][3],
        "hours with 30 % relief": (course["relief"] >= 0.3).sum(axis=0) * TICK_H,
        "lowest ventilation": course["vent"].min(axis=0),
        "time of lowest ventilation (h)": (course["vent"].argmin(axis=0) + 1) * TICK_H,
    }


def baclofen_stop(par: NDArray[np.void]) -> Outcomes:
    """Two weeks of 250 µg/d, then three days without."""
    state = begin(par)
    for _ in range(14):
        course = advance(par, state, _DAY_H, rate_ug_per_h=250.0 / _DAY_H)
    off = advance(par, state, 3 * _DAY_H)
    return {
        "Ashworth, day 14": course["ashworth"].mean(axis=0),
        "sedation, day 14": course["sedation"].mean(axis=0),
        "withdrawal after the stop": off["withdrawal"].max(axis=0),
        "temperature after the stop (degree C)": off["temperature"].max(axis=0),
    }


def ziconotide_infusion(par: NDArray[np.void]) -> Outcomes:
    """Four weeks of 7 µg/d."""
    last, most = _infuse(par, 28, (7.0,))
    return {"pain, day 28 (NRS)": last["pain"], "cognition, worst": most["cognition"], "nausea, worst": most["nausea"]}


def mixture(par: NDArray[np.void]) -> Outcomes:
    """Two weeks of 1 mg/d of morphine with 5 mg/d of bupivacaine."""
    last, most = _infuse(par, 14, (1000.0, 5000.0))
    return {
        "pain, day 14 (NRS)": last["pain"],
        "motor block, worst": most["motor_block"],
        "fall of blood pressure, day 14": last["bp_fall"],
    }


REGIMENS: dict[str, Regimen] = {
    "morphine_infusion": Regimen("Morphine 1.5 mg/d for four weeks", ("morphine",), "noncancer", morphine_infusion),
    "morphine_bolus": Regimen("One bolus of 0.3 mg of morphine", ("morphine",), "noncancer", morphine_bolus),
    "baclofen_stop": Regimen(
        "Baclofen 250 ug/d for two weeks, then a stop", ("baclofen",), "spasticity", baclofen_stop
    ),
    "ziconotide_infusion": Regimen(
        "Ziconotide 7 ug/d for four weeks", ("ziconotide",), "noncancer", ziconotide_infusion
    ),
    "mixture": Regimen(
        "Morphine 1 mg/d with bupivacaine 5 mg/d for two weeks", ("morphine", "bupivacaine"), "noncancer", mixture
    ),
}
