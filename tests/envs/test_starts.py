"""The dose at the implant under the limits: never above a share of the oral dose, said where it was lowered; earlier drugs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.core.layout import NL_PER_ML, TICKS_PER_DAY
from thecal.devices.specs import pump_names
from thecal.envs import ThecalEnv
from thecal.envs.assembly import assemble, highest_starts
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import load_task
from thecal.physiology.cohort import draw
from thecal.safety.profiles import load_profile

from support.runs import short_task

PATIENTS = np.arange(40)


def _started(found: list, ratio: float = 1.0) -> np.ndarray:
    """The dose that the pump starts at, µg/d."""
    conc = np.array([one.par["ordered_conc"][0] for one in found])
    rate = np.array([one.par["task"]["start_rate_nl"] for one in found])
    return conc * ratio * rate * TICKS_PER_DAY / NL_PER_ML


@pytest.mark.parametrize("cohort", ["noncancer", "elderly", "opioid_tolerant", "spasticity"])
@pytest.mark.parametrize("pump", ["synchromed_ii_40", "prometra_ii_20", "constant_0p5"])
def test_no_start_is_above_its_share_of_the_oral_dose(cohort: str, pump: str) -> None:
    assert pump in pump_names()
    scene = Scenario.of("NonCancerMorphine", cohort=cohort, pump=pump).resolve()
    oral = np.asarray(draw(scene.cohort, scene.drugs, PATIENTS, "train", 0).covariates["medd_mg_per_d"])
    found = assemble(scene, PATIENTS)
    highest = np.where(oral > 0.0, 1000.0 * oral / 300.0, 100.0)
    assert (_started(found) <= highest * (1.0 + 1e-9)).all()
    lowered = np.array([one.lowered_from for one in found])
    assert ((lowered > 0.0) == (lowered > highest)).all()
    assert (lowered[lowered > 0.0] == 200.0).all(), "the floor of the cohort is what had lifted them"
    # Below the limit nothing changes: a start that was within it keeps its dose, up to a notch of the pump.
    assert (_started(found) >= 0.9 * np.minimum(highest, np.where(lowered > 0.0, lowered, 0.0))).all()


def test_who_took_nothing_by_mouth_begins_with_the_consensus() -> None:
    strict, label = load_profile("seed_2025"), load_profile("label_us")
    assert strict.highest_start("morphine", 0.0) == pytest.approx(100.0)
    assert strict.highest_start("morphine", 60.0) == pytest.approx(200.0)
    assert strict.highest_start("morphine", 9_000.0) == pytest.approx(10_000.0), "the label's highest start"
    assert strict.highest_start("hydromorphone", 60.0) == pytest.approx(60_000.0 / 1800.0)
    assert strict.highest_start("ziconotide", 60.0) == pytest.approx(1.2)
    assert label.highest_start("morphine", 0.0) == pytest.approx(1000.0)
    assert label.highest_start("morphine", 60.0) == pytest.approx(10_000.0)
    assert load_profile("research_wide").highest_start("morphine", 60.0) == pytest.approx(30_000.0), "its cap"


def test_a_fixed_start_is_lowered_and_said_so() -> None:
    start = load_task("NonCancerMorphine").start.model_copy(update={"rule": "fixed", "dose_ug_per_d": 5_000.0})
    env = ThecalEnv(short_task(1.0, name="NonCancerMorphine", start=start))
    env.reset(options={"patient": 0})
    batch = env.unwrapped.batch
    assert batch.lowered_start(0) == pytest.approx(5_000.0)
    assert "5000 ug/d" in batch.start_words(0)
    plain = ThecalEnv("CancerMorphine")
    plain.reset(options={"patient": 0})
    assert plain.unwrapped.batch.lowered_start(0) == 0.0
    assert plain.unwrapped.batch.start_words(0) == ""


def test_every_drug_of_a_mixture_counts_at_the_start() -> None:
    """Bupivacaine at 30 mg for each mg of morphine would begin above the consensus start long before morphine does."""
    task = load_task("NonCancerMix")
    solution = task.solution.model_copy(update={"ratios": (30.0,), "mixtures": ()})
    scene = Scenario.of(task.model_copy(update={"solution": solution})).resolve()
    cohort = draw(scene.cohort, scene.drugs, PATIENTS, "train", 0)
    assert (highest_starts(scene, cohort) <= 4_000.0 / 30.0 + 1e-9).all()


def test_steps_of_baclofen_follow_where_spasticity_comes_from() -> None:
    batch = Batch(_baclofen(), 24)
    batch.restart(np.arange(24), np.arange(24), np.zeros(24, np.uint64))
    steps = {"spinal": 300, "cerebral": 150}
    where = [batch.indication(patient) for patient in range(24)]
    assert set(where) == set(steps)
    assert batch.par["shield"]["step_permille"].tolist() == [steps[name] for name in where]


def _baclofen() -> Scenario:
    return Scenario.of("NonCancerMorphine", cohort="spasticity", drugs="baclofen", profile="seed_2025")


def test_ziconotide_moves_at_the_pace_of_the_review() -> None:
    """Half a µg a day each week from 0.5 µg/d on: neither a share of the dose, 28 days nor an escalation binds below it."""
    batch = Batch(Scenario.of("NonCancerMorphine", drugs="ziconotide"), 1)
    batch.restart(np.arange(1), np.arange(1), np.zeros(1, np.uint64))
    par = batch.par["shield"][0]
    half = par["step_abs"]
    assert half * par["conc"][0] * TICKS_PER_DAY <= 500_000 < (half + 1) * par["conc"][0] * TICKS_PER_DAY
    start = batch.par["task"]["start_rate_nl"][0]
    assert start * par["step_permille"] // 1000 >= half
    assert start * (1000 + par["rise_permille"]) // 1000 >= start + 4 * half
    assert start * (1000 + par["escalation_permille"]) // 1000 >= start + 13 * half
    assert par["interval"] == 7 * TICKS_PER_DAY


def test_clonidine_comes_after_two_other_classes(tmp_path: Path) -> None:
    task = load_task("NonCancerMorphine").model_copy(update={"drugs": ("morphine", "clonidine")})
    task = task.model_copy(update={"solution": task.solution.model_copy(update={"ratios": (0.1,)})})
    words = "clonidine is given only after 2 other classes .*clonidine.classes_before of profile seed_2025.*had "
    with pytest.raises(ConfigError, match=f"{words}none"):
        Scenario.of(task).resolve()
    for earlier in (("morphine",), ("morphine", "fentanyl"), ("morphine", "clonidine")):
        with pytest.raises(ConfigError, match=words + ", ".join(earlier)):
            Scenario.of(task.model_copy(update={"earlier": earlier})).resolve()
    had = task.model_copy(update={"earlier": ("morphine", "bupivacaine")})
    assert Scenario.of(had).resolve().task.earlier == ("morphine", "bupivacaine")
    assert Scenario.of(task, profile="research_wide").resolve().profile.name == "research_wide"
    with pytest.raises(ConfigError, match="earlier: unknown drug 'morphin'"):
        Scenario.of(task.model_copy(update={"earlier": ("morphin",)}))
