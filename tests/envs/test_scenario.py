"""A scenario: stated once, refused in one sentence, resolved once, hashed by content, carried by every way in."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from thecal.agents.registry import make_policy
from thecal.core.errors import ConfigError, ThecalError, UnknownNameError
from thecal.core.seeds import SEED_LIMIT
from thecal.devices.fault_presets import FaultSpec
from thecal.envs import ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario, resolved
from thecal.envs.task_parts import Primary
from thecal.envs.tasks import load_task
from thecal.experiments.rollouts.rollout import rollout
from thecal.safety.certificate import UnprovedShieldError
from thecal.safety.invariants import ShieldMode

from support.runs import short_task
from support.task_files import written

# One value of every field that is not its default, and what decides about it.
OTHER: dict[str, Any] = {
    "task": "NonCancerMorphine", "split": "tune", "difficulty": "shift", "cohort": "elderly", "profile": "label_us",
    "pump": "prometra_ii_20", "faults": "stress", "shield_mode": "replace", "stage": "lower", "cohort_seed": 5, "seed": 6,
    "drugs": "hydromorphone", "horizon_d": 5.0, "clinician": "none", "life": "cancer_month",
}  # fmt: skip
OPTIONS = {name: value for name, value in OTHER.items() if name != "task"}


def shipped_profile(name: str) -> str:
    return files("thecal.safety").joinpath("data", "profiles", f"{name}.toml").read_text(encoding="utf-8")


def test_every_field_is_tried_here():
    assert set(OTHER) == set(Scenario.model_fields) - {"allow_unproved", "allow_wide"}
    default = Scenario()
    assert all(getattr(default, name) != value for name, value in OTHER.items())


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(),
        Scenario.of(**OTHER, allow_unproved=True, allow_wide=True),
        Scenario.of(short_task(3.0), split="test"),
        Scenario.of("NonCancerMix", faults=FaultSpec(preset="stress", hazards=False, wrong_drug="baclofen")),
    ],
)
def test_json_gives_a_scenario_back(scenario):
    again = Scenario.model_validate_json(scenario.model_dump_json())
    assert again == scenario
    assert again.resolve().hash == scenario.resolve().hash


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cohrt": "cancer"}, "unknown option 'cohrt'"),
        ({"split": "all"}, "split: must be 'train', 'tune' or 'test'"),
        ({"shield_mode": "none"}, "shield_mode: .*'project', 'replace', 'mask', 'monitor' or 'off'"),
        ({"stage": "full"}, "stage: .*'advise', 'confirm', 'lower' or 'auto'"),
        ({"seed": -1}, "seed: .*at least 0"),
        ({"seed": SEED_LIMIT}, "seed: .*below"),
        ({"seed": 0.5}, "seed: must be a whole number"),
        ({"cohort_seed": 2**64}, "cohort_seed: .*below"),
        ({"allow_unproved": "perhaps"}, "allow_unproved: must be true or false"),
        ({"cohort": 7}, "cohort: must be text"),
        ({"faults": 7}, "faults"),
        ({"faults": {"preset": "reference", "hazard": True}}, "faults: hazard: .*unknown"),
        ({"task": 7}, "task"),
        ({"task": {"name": "Mine"}}, "task: version: is missing"),
        ({"task": load_task("CancerMorphine").model_copy(update={"weights": {"joy": 1.0}})}, "task: weights: .* 'joy'"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(options, words):
    with pytest.raises(ConfigError, match=words) as found:
        Scenario.of(**options)
    assert "\n" not in str(found.value)
    with pytest.raises(ConfigError, match=words):
        ThecalEnv(**options)


def test_an_unknown_option_is_a_wrong_keyword_too():
    """Libraries try a keyword and leave it out where a TypeError names it; Gymnasium raises it anew with more words."""
    for make in (Scenario.of, ThecalEnv, lambda **given: gym.make("thecal:thecal/CancerMorphine-v0", **given)):
        with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'") as found:
            make(frameskip=1)
        assert isinstance(found.value, ConfigError)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "Headache"}, "unknown task 'Headache'; known: BaclofenSpasticity"),
        ({"difficulty": "insane"}, "unknown difficulty 'insane'; known: easy, real, shift"),
        ({"pump": "bicycle"}, "unknown pump 'bicycle'"),
        ({"profile": "loose"}, "unknown profile 'loose'"),
        ({"cohort": "martians"}, "unknown cohort 'martians'"),
        ({"faults": "rain"}, "unknown fault preset 'rain'; known: none"),
    ],
)
def test_a_name_that_nobody_knows_is_refused_before_any_run(options, words):
    with pytest.raises(UnknownNameError, match=words):
        Scenario.of(**options).resolve()


@pytest.mark.parametrize(
    ("field", "text"),
    [("task", "name = 3 ="), ("cohort", "[age"), ("profile", "[morphine"), ("pump", "= 1"), ("faults", "x")],
)
def test_a_corrupt_file_is_refused_before_any_run(tmp_path, field, text):
    (tmp_path / "broken.toml").write_text(text)
    with pytest.raises(ThecalError, match=r"broken\.toml") as found:
        Scenario.of(**{field: tmp_path / "broken.toml"}).resolve()
    assert "Traceback" not in str(found.value)


def test_an_unproved_profile_is_refused_unless_allowed(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(shipped_profile("seed_2025").replace('value = 0.5, unit = "mg"', 'value = 0.4, unit = "mg"'))
    with pytest.raises(UnprovedShieldError):
        Scenario.of(profile=mine).resolve()
    assert not Scenario.of(profile=mine, allow_unproved=True).resolve().proved
    assert Scenario.of().resolve().proved


def test_resolving_loads_what_the_options_name():
    found = Scenario.of(**OTHER).resolve()
    assert (found.cohort.name, found.profile.name, found.pump.name) == ("elderly", "label_us", "prometra_ii_20")
    assert found.faults == FaultSpec(preset="stress")
    assert found.mode is ShieldMode.REPLACE
    assert (found.task.cohort, found.task.profile, found.task.pump) == ("elderly", "label_us", "prometra_ii_20")
    assert (found.base.drugs, found.base.horizon_d) == (("hydromorphone",), 5.0)
    plain = Scenario.of(**OTHER | {"drugs": None, "horizon_d": None})
    assert plain.resolve().base == load_task("NonCancerMorphine")
    assert resolved(found) is found
    assert resolved(found, seed=9).scenario == Scenario.of(**OTHER | {"seed": 9})


@pytest.mark.parametrize("field", OTHER)
def test_every_field_that_decides_changes_the_hash(field):
    base = Scenario.of("CancerMorphine").resolve().hash
    assert Scenario.of(**{"task": "CancerMorphine", field: OTHER[field]}).resolve().hash != base


def test_content_is_hashed_whatever_its_name(tmp_path):
    base = Scenario.of("CancerMorphine").resolve().hash
    data = files("thecal")
    copies = {
        "task": data.joinpath("envs", "data", "tasks", "CancerMorphine.toml"),
        "profile": data.joinpath("safety", "data", "profiles", "seed_2025.toml"),
        "cohort": data.joinpath("physiology", "data", "cohorts", "cancer.toml"),
    }
    for field, source in copies.items():
        Path(tmp_path / f"{field}.toml").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    same = [
        Scenario.of("thecal/CancerMorphine-v0"),
        Scenario.of(load_task("CancerMorphine")),
        Scenario.of(task=tmp_path / "task.toml"),
        Scenario.of(cohort="cancer", pump="synchromed_ii_40", profile="seed_2025", faults="none"),
        Scenario.of(allow_unproved=True),
        Scenario.of(allow_wide=True),
        Scenario.of(load_task("CancerMorphine").model_copy(update={"title": "Another title", "evidence": "Another"})),
        Scenario.of(profile=tmp_path / "profile.toml", allow_unproved=True),
    ]
    for scenario in same:
        assert scenario.resolve().hash == base, scenario
    named = Scenario.of(cohort=tmp_path / "cohort.toml").resolve()
    assert named.cohort.hash == Scenario.of().resolve().cohort.hash
    assert named.hash == base


@pytest.mark.parametrize(
    "changes",
    [
        {"horizon_d": 3.0},
        {"monitored": False},
        {"costs": ("resp",)},
        {"start_clock_h": 9.0},
        {"weights": {"dose": 1.0}},
    ],
)
def test_any_content_of_the_task_changes_the_hash(changes):
    assert Scenario.of(short_task(2.0, **changes)).resolve().hash != Scenario.of(short_task(2.0)).resolve().hash


def test_bounds_of_the_observation_are_part_of_the_hash():
    """They follow the task's own profile where the task states none, so the profile counts where it binds nobody."""
    tasks = [
        short_task(
            2.0, profile=name, observation=load_task("CancerMorphine").observation.model_copy(update={"bounds": {}})
        )
        for name in ("seed_2025", "research_wide")
    ]
    found = [Scenario.of(task, profile="label_us").resolve() for task in tasks]
    assert found[0].profile.name == found[1].profile.name == "label_us"
    assert (found[0].hash == found[1].hash) == (found[0].lens.high.tolist() == found[1].lens.high.tolist())


MADE = {
    "batch": lambda scenario, **options: Batch(scenario, 2, **options),
    "single": lambda scenario, **options: ThecalEnv(scenario, **options).batch,
    "vector": lambda scenario, **options: ThecalVectorEnv(scenario, 2, **options).batch,
    "sb3": lambda scenario, **options: make_sb3(scenario, 2, pool=2, **options).batch,
}


@pytest.mark.parametrize("way", MADE)
def test_every_environment_takes_and_carries_a_scenario(way):
    wanted = Scenario.of(**OTHER)
    assert MADE[way](wanted).scenario == wanted
    assert MADE[way](wanted.resolve()).scene.hash == wanted.resolve().hash
    # The two batches of many patients have a seed of their own, of the order in which they draw them.
    own = {"seed"} if way in ("vector", "sb3") else set()
    given = {name: value for name, value in OPTIONS.items() if name not in own}
    assert MADE[way]("NonCancerMorphine", **given).scenario == Scenario.of("NonCancerMorphine", **given)
    assert MADE[way](wanted, pump="prometra_ii_40", stage="auto").scenario == Scenario.of(
        wanted, pump="prometra_ii_40", stage="auto"
    )


def test_options_reach_an_environment_made_by_gymnasium():
    wanted = Scenario.of("NonCancerMorphine", **OPTIONS)
    made = gym.make("thecal:thecal/NonCancerMorphine-v0", **OPTIONS)
    assert resolved(made.unwrapped.batch.scene).hash == wanted.resolve().hash
    given = {name: value for name, value in OPTIONS.items() if name != "seed"}
    many = gym.make_vec(
        "thecal:thecal/NonCancerMorphine-v0", num_envs=2, vectorization_mode="vector_entry_point", **given
    )
    assert many.unwrapped.batch.scene.hash == Scenario.of(wanted, seed=0).resolve().hash


def test_a_trail_is_refused_where_a_patient_may_change_mixtures(tmp_path):
    with pytest.raises(ConfigError, match="Everything: an audit trail knows one mixture"):
        Batch(written(tmp_path, "Everything"), 1, trail=True)


def test_a_rollout_takes_and_carries_a_scenario():
    task = short_task(0.25)
    wanted = Scenario.of(task, **OPTIONS)
    for scenario in (wanted, wanted.resolve()):
        run = rollout(make_policy("fixed"), scenario, [0])
        assert run.scenario == wanted
        assert run.scenario_hash == wanted.resolve().hash
    run = rollout(make_policy("fixed"), task, [0], seed=6)
    assert (run.split, run.seed) == ("test", 6), "a task by itself runs on the test split"
    assert rollout(make_policy("fixed"), wanted, [0], seed=9, stage="auto").scenario == Scenario.of(
        wanted, seed=9, stage="auto"
    )


def test_a_start_dose_above_the_cap_is_refused(tmp_path):
    path = written(tmp_path, "Baclofen", ("dose_ug_per_d = 100.0", "dose_ug_per_d = 1.0e6"))
    with pytest.raises(ConfigError, match="starting doses up to .* of baclofen are above the cap"):
        Scenario.of(path).resolve()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"primary": Primary(outcome="happiness", text="")}, "unknown outcome 'happiness'"),
        ({"primary": {"outcome": "happiness", "text": ""}}, "unknown outcome 'happiness'"),
        ({"primary": Primary(outcome="dose_mg_per_day", text="")}, "cannot be primary"),
        ({"secondary": ("mean_nrs", "wealth")}, "unknown outcome 'wealth'"),
        ({"weights": {"joy": 1.0}}, "joy"),
        ({"costs": ("rent",)}, "rent"),
        ({"horizon_d": -1.0}, "horizon_d"),
        ({"tick_h": "often"}, "tick_h"),
    ],
)
def test_a_task_changed_in_a_copy_is_checked_anew(changes, text):
    spoilt = load_task("CancerMorphine").model_copy(update=changes)
    stated = Scenario.of("CancerMorphine").model_copy(update={"task": spoilt})
    for use in (lambda: Scenario.of(spoilt), lambda: load_task(spoilt), stated.resolve, lambda: ThecalEnv(spoilt)):
        with pytest.raises(ConfigError, match=text):
            use()


def test_checking_anew_changes_nothing():
    for task in (load_task("CancerMorphine"), short_task(2.0), load_task("NonCancerMix")):
        assert load_task(task) is task
        assert Scenario.of(task).resolve().task == task
        assert Scenario.of(task).resolve().base.hash == task.hash
