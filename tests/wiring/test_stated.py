"""What a scenario states is what is loaded, checked in a fixed order, and carried on under the right name."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from thecal.core.errors import ConfigError, UnexpectedOptionError
from thecal.devices.fault_presets import FaultSpec
from thecal.envs import scenario as stated
from thecal.envs.scenario import Resolved, Scenario, resolved
from thecal.envs.tasks import load_task
from thecal.safety.invariants import ShieldMode

from support.distinct import distinct_profile

CALLED = (
    "load_task", "adapted", "check_difficulty", "load_profile", "load_faults", "require_narrow", "check_start", "check_history",
    "check_faults", "load_cohort_spec", "load_pump", "load_life", "require_proof", "_drugs_in_play",
)  # fmt: skip


@pytest.fixture(scope="module")
def plain() -> Resolved:
    return Scenario.of().resolve()


def test_paths_lists_and_modes_become_texts() -> None:
    for name in ("cohort", "profile", "pump", "faults", "life", "task"):
        if name != "task":
            assert getattr(Scenario.of(**{name: Path("a/b.toml")}), name) == "a/b.toml"
        assert getattr(Scenario.of(**{name: "c.toml"}), name) == "c.toml"
    assert Scenario.of(Path("a/b.toml")).task == "a/b.toml"
    for given, text in (
        ({"morphine": 1.0, "bupivacaine": 2.5, "clonidine": 0.5}, "morphine+bupivacaine:2.5+clonidine:0.5"),
        (["morphine", "bupivacaine:2"], "morphine+bupivacaine:2"),
        (("morphine", "bupivacaine:3"), "morphine+bupivacaine:3"),
        ("hydromorphone", "hydromorphone"),
        (None, None),
    ):
        assert Scenario.of(drugs=given).drugs == text
    for given in (ShieldMode.REPLACE, "replace"):
        assert Scenario.of(shield_mode=given).shield_mode == "replace"


def test_specs_are_checked_as_what_they_are() -> None:
    spec = load_task("NonCancerMorphine")
    assert Scenario.of(task=spec.model_dump()).task == spec
    assert Scenario.of(spec).task == spec
    assert Scenario.of(faults={"preset": "stress", "hazards": False}).faults == FaultSpec(
        preset="stress", hazards=False
    )
    assert Scenario.of(faults=FaultSpec(serviced=False)).faults == FaultSpec(serviced=False)
    for options, words in (
        ({"faults": {"preset": "stress", "hazard": True}}, "faults: hazard: "),
        ({"task": {**spec.model_dump(), "tick": 1.0}}, "task: tick: "),
    ):
        with pytest.raises(ConfigError, match=words):
            Scenario.of(**options)


def test_a_scenario_is_stated_on_top_of_another(plain: Resolved) -> None:
    base = Scenario.of("NonCancerMorphine", split="tune", seed=8)
    assert (base.task, base.split, base.seed) == ("NonCancerMorphine", "tune", 8)
    assert Scenario.of(base) == base
    assert Scenario.of(base, seed=9) == Scenario.of("NonCancerMorphine", split="tune", seed=9)
    assert Scenario.of(base.resolve()) == base
    assert Scenario.of(base.resolve(), split="test").split == "test"
    assert Scenario.of() == Scenario.of(None) == Scenario()
    assert Scenario.of(split="test") == Scenario(split="test")
    with pytest.raises(
        UnexpectedOptionError, match=r"unknown option 'splitt' \(did you mean 'split'\?\); known: allow_unproved"
    ):
        Scenario.of(base, split="test", splitt="test")
    scene = base.resolve()
    assert resolved(scene) is scene
    again = resolved(scene, seed=9)
    assert (again.scenario.seed, again.scenario.task, again.task) == (9, "NonCancerMorphine", scene.task)
    assert resolved("NonCancerMorphine").scenario == Scenario.of("NonCancerMorphine")
    assert resolved(base, split="test").scenario.split == "test"
    assert resolved(base).scenario == base


def test_each_check_is_asked_of_what_was_stated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[Any] = []
    answers: dict[str, Any] = {}
    for name in CALLED:
        own = getattr(stated, name)

        def called(*given: Any, name: str = name, own: Any = own, **words: Any) -> Any:
            calls.append((name, given, words))
            return answers.setdefault(name, own(*given, **words))

        monkeypatch.setattr(stated, name, called)
    profile = str(distinct_profile(tmp_path))
    for mine, theirs in ((profile, profile), (None, "seed_2025")):
        calls.clear()
        answers.clear()
        given = Scenario.of(
            "NonCancerMorphine", drugs="morphine+bupivacaine:2", horizon_d=5.0, profile=mine, difficulty="easy",
            cohort="elderly", pump="synchromed_ii_20", faults={"preset": "stress", "wrong_drug": "clonidine"},
            life="cancer_month", shield_mode="replace", allow_unproved=True, allow_wide=True,
        )  # fmt: skip
        found = given.resolve()
        task, base, faults = found.task, answers["adapted"], answers["load_faults"]
        loaded = load_task("NonCancerMorphine")
        due: list[Any] = [
            ("load_task", ("NonCancerMorphine",), {}),
            ("adapted", (loaded, "morphine+bupivacaine:2", 5.0, theirs), {}),
            ("check_difficulty", (base, "easy"), {}),
            ("load_profile", (theirs,), {}),
            ("load_faults", (given.faults,), {}),
            ("require_narrow", (answers["load_profile"],), {"allow_wide": True}),
            ("check_start", (task, answers["load_profile"]), {}),
            ("check_history", (task, answers["load_profile"]), {}),
            ("check_faults", (task, faults), {}),
            ("load_cohort_spec", ("elderly",), {}),
            ("load_pump", ("synchromed_ii_20",), {}),
            ("load_life", ("cancer_month",), {}),
            ("require_proof", (answers["load_profile"],), {"allow_unproved": True}),
            ("_drugs_in_play", (("morphine", "bupivacaine"), faults), {}),
        ]
        assert calls == due
        assert found.scenario is given
        assert found.base is base
        assert (found.cohort, found.pump) == (answers["load_cohort_spec"], answers["load_pump"])
        assert (found.profile, found.faults) == (answers["load_profile"], faults)
        assert found.life is answers["load_life"]
        assert faults == FaultSpec(preset="stress", wrong_drug="clonidine")
        assert found.mode is ShieldMode.REPLACE
        assert (found.proved, found.wide) == ((mine is None), (mine is not None and answers["require_narrow"]))
        assert found.drugs == ("morphine", "bupivacaine", "clonidine")
        assert (base.horizon_d, base.pump, base.cohort, base.profile) == (
            5.0,
            loaded.pump,
            loaded.cohort,
            loaded.profile,
        )
        own = {"cohort": "elderly", "profile": theirs, "pump": "synchromed_ii_20", "faults": given.faults}
        own["life"] = "cancer_month"
        assert {name: getattr(task, name) for name in own} == own
        named = f"cohort elderly, profile {mine}, pump" if mine else "cohort elderly, pump"
        assert task.title == f"{base.title} ({named} synchromed_ii_20, faults planned, life cancer_month)"
        assert {k: v for k, v in task if k not in own and k != "title"} == {
            k: v for k, v in base if k not in own and k != "title"
        }


def test_a_task_that_nothing_changes_is_itself(plain: Resolved) -> None:
    assert plain.task == plain.base == load_task("CancerMorphine")
    assert plain.drugs == ("morphine",)
    assert plain.faults is plain.life is None
    assert (plain.proved, plain.wide, plain.mode) == (True, False, ShieldMode.PROJECT)
    assert Scenario.of(pump="synchromed_ii_20").resolve().base == plain.base


def test_what_does_not_follow_is_refused(plain: Resolved, tmp_path: Path) -> None:
    loose = Scenario.of(profile=str(distinct_profile(tmp_path)), allow_unproved=True, allow_wide=True).resolve()
    assert not loose.proved
    for scene, changes, words in (
        (plain, {"mode": ShieldMode.OFF}, "mode: off does not follow from shield_mode 'project'"),
        (plain, {"scenario": Scenario.of(shield_mode="mask")}, "mode: project does not follow from shield_mode 'mask'"),
        (loose, {"proved": True}, "proved: no proof covers profile distinct and this shield"),
        (plain, {"wide": True}, "wide: it does not follow from profile seed_2025"),
        (loose, {"wide": not loose.wide}, "wide: it does not follow from profile distinct"),
    ):
        with pytest.raises(ConfigError) as found:
            dataclasses.replace(scene, **changes)
        assert str(found.value) == f"scenario: {words}"
    assert not dataclasses.replace(plain, proved=False).proved


def test_a_difficulty_says_what_is_multiplied(plain: Resolved) -> None:
    tables = {"real": {"ec50": 1.5, "structure": 1.0, "ou_sd": 0.5}, "easy": {"ec50": 0.5}}
    task = plain.task.model_copy(update={"difficulty": tables})
    for name, factors, structure in (("real", {"ec50": 1.5, "ou_sd": 0.5}, 1), ("easy", {"ec50": 0.5}, 0)):
        scene = dataclasses.replace(plain, task=task, scenario=Scenario.of(difficulty=name))
        assert (scene.factors, scene.structure, type(scene.structure)) == (factors, structure, int)


def test_the_clinic_comes_when_the_task_says(plain: Resolved) -> None:
    for monitored, visits, call, rescue in (
        (True, {}, 24.0, 0.25), (False, {}, 24.0, 1.0), (True, {"call_delay_h": 6.0}, 6.0, 0.25),
        (False, {"rescue_delay_h": 3.0}, 24.0, 3.0),
    ):  # fmt: skip
        changes = {"monitored": monitored, "visits": plain.task.visits.model_copy(update=visits)}
        scene = dataclasses.replace(plain, task=plain.task.model_copy(update=changes))
        assert (scene.call_delay_h, scene.rescue_delay_h) == (call, rescue)


def test_a_mix_up_takes_a_free_slot_and_another_drug() -> None:
    def of(drugs: tuple[str, ...], wrong: str | None) -> Any:
        return stated._drugs_in_play(drugs, SimpleNamespace(wrong_drug=wrong))  # type: ignore[arg-type]

    assert stated._drugs_in_play(("a", "b"), None) == ("a", "b")
    assert of(("a", "b", "c"), None) == ("a", "b", "c")
    assert of(("a",), "d") == ("a", "d")
    assert of(("a", "b"), "d") == ("a", "b", "d")
    for drugs, wrong, words in (
        (("a", "b"), "b", "wrong_drug b is a drug of the task"),
        (("a", "b", "c"), "c", "wrong_drug c is a drug of the task"),
        (("a", "b", "c"), "d", "wrong_drug needs a free slot, and the task has 3 drugs"),
    ):
        with pytest.raises(ConfigError) as found:
            of(drugs, wrong)
        assert str(found.value) == f"faults: {words}"


def test_the_hash_of_a_scenario_is_of_its_content(plain: Resolved) -> None:
    texts = {"cohort", "profile", "pump", "faults", "life", "observation", "title", "evidence"}
    due = {
        "schema": 1, "task": plain.task.model_dump(mode="json", exclude_defaults=True, exclude=texts),
        "observation": [[field.name, field.low, field.high] for field in plain.lens.fields], "cohort": plain.cohort.hash,
        "profile": plain.profile.hash, "pump": plain.pump.model_dump(), "faults": None, "split": "train", "difficulty": "real",
        "shield_mode": "project", "stage": "auto", "cohort_seed": 0, "seed": 0,
    }  # fmt: skip
    assert plain.hash == hashlib.sha256(json.dumps(due, sort_keys=True).encode()).hexdigest()
    living = Scenario.of(life="cancer_month").resolve()
    assert living.life is not None
    due["life"] = living.life.hash
    assert living.hash == hashlib.sha256(json.dumps(due, sort_keys=True).encode()).hexdigest()
