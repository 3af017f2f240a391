"""A task is one TOML file: it picks drugs, actions, observations, rewards, costs and outcomes, and says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.envs import ThecalEnv, ThecalVectorEnv
from thecal.envs.kernel.observation import STANDARD_FIELDS
from thecal.envs.outcomes import STANDARD
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec, load_task
from thecal.experiments.cli import run
from thecal.safety.profiles import load_profile

from support.task_files import FILES, written

# Weights of the tasks of version 0, which never change.
FIRST = {
    "relief": 1.0, "sedation": 4.0, "adverse": 0.5, "resp": 8.0, "dose": 0.15, "oih": 0.5, "change": 0.05, "shield": 0.005,
    "terminal": 1.0,
}  # fmt: skip
WEIGHTS = {"CancerMorphine": FIRST | {"dose": 0.05, "oih": 0.2}, "NonCancerMorphine": FIRST, "NonCancerMix": FIRST}
OWN_OUTCOMES = {
    "Baclofen": ("mean_ashworth", "mean_distress", "mean_weakness", "visits"),
    "Ziconotide": ("mean_nrs", "time_controlled", "dose_mg_per_day", "mean_cognition"),
    "Function": ("mean_function", "mean_nrs", "resp_hours", "mean_distress", "visits"),
}


def outcomes_of(path: Any, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["evaluate", "fixed", "-n", "2", "--task", str(path), "--no-track", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["outcomes"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", OWN_OUTCOMES)
def test_a_task_of_one_file_runs_alone_and_in_a_batch(tmp_path, name):
    path = written(tmp_path, name)
    alone, many = ThecalEnv(path, split="test"), ThecalVectorEnv(path, 3, split="test", autoreset=False)
    seen = [alone.reset(seed=3, options={"patient": 1})[0], many.reset(seed=3, options={"patients": [0, 1, 2]})[0][1]]
    n = len(load_task(path).action.fields)
    assert alone.action_space.shape == (n,)
    rng = np.random.default_rng(0)
    for _ in range(alone.spec_task.n_steps):
        np.testing.assert_array_equal(*seen)
        action = rng.uniform(-1, 1, n).astype(np.float32)
        first, second = alone.step(action), many.step(np.tile(action, (3, 1)))
        assert (np.isfinite(first[0]) & (np.abs(first[0]) <= 1.0)).all()
        assert first[1] == second[1][1]
        seen = [first[0], second[0][1]]
    assert alone.spec_task.drugs[0] in ("baclofen", "ziconotide", "morphine")


@pytest.mark.parametrize("name", OWN_OUTCOMES)
def test_bounds_of_the_dose_follow_the_drugs_cap(tmp_path, name):
    env = ThecalEnv(written(tmp_path, name), split="test")
    cap_mg = load_profile("seed_2025").cap_ug(env.spec_task.drugs[0]) / 1000.0
    for field in ("dose_mg_per_d", "dose24_mg"):
        k = env.observation_names.index(field)
        assert (env.observation_low[k], env.observation_high[k]) == (0.0, cap_mg)
    env.reset(seed=0, options={"patient": 0})
    before = env.decode(env.batch.observations[0])["dose_mg_per_d"]
    assert 0.02 * cap_mg < before < cap_mg, "a dose of this drug can be seen"


def test_bounds_follow_the_tasks_profile_and_not_the_scenarios(tmp_path):
    path = written(tmp_path, "Function")
    own, other = (Scenario.of(path, profile=name).resolve().lens for name in (None, "label_us"))
    assert other.high.tolist() == own.high.tolist()


@pytest.mark.parametrize("name", OWN_OUTCOMES)
def test_a_task_reports_its_own_outcomes_the_primary_first(tmp_path, name, capsys):
    path = written(tmp_path, name)
    assert load_task(path).outcomes == OWN_OUTCOMES[name]
    assert tuple(outcomes_of(path, capsys)) == OWN_OUTCOMES[name]


def test_a_start_dose_is_the_files_and_spreads_as_it_says(tmp_path):
    env = ThecalVectorEnv(written(tmp_path, "Baclofen"), 64, split="test", autoreset=False)
    env.reset(seed=0, options={"patients": np.arange(64)})
    doses = env.decode(env.batch.observations)["dose_mg_per_d"] * 1000.0
    assert 48.0 < doses.min() < 60.0
    assert 135.0 < doses.max() < 152.0
    assert len(np.unique(doses)) > 30


BAD = [
    ("Baclofen", ("spasticity = 1.0", "joy = 1.0"), r"weights: unknown reward term 'joy'; known: relief"),
    ("Baclofen", ("spasticity = 1.0", "spasticity = -1.0"), r"weights: spasticity: -1 is negative"),
    ("Baclofen", ('"weakness", "sedation"]', '"weakness", "fame"]'), r"costs: unknown channel 'fame'; known: resp"),
    ("Baclofen", ('"weakness", "sedation"]', '"weakness", "weakness"]'), r"costs: a channel stands twice"),
    ("Baclofen", ('outcome = "mean_ashworth"', 'outcome = "luck"'), r"unknown outcome 'luck'"),
    ("Baclofen", ('outcome = "mean_ashworth"', 'outcome = "visits"'), r"'visits' has no better side"),
    ("Baclofen", ('"mean_weakness",', '"luck",'), r"unknown outcome 'luck'"),
    ("Baclofen", ('"spasms",', '"mood",'), r"observation: unknown observation field 'mood'"),
    ("Baclofen", ('"spasms",', '"poss",'), r"observation: an observation field stands twice"),
    ("Baclofen", ('"hold"]', '"dance"]'), r"action: unknown action field 'dance'; known: relative_rate"),
    ("Baclofen", ('"hold"]', '"relative_rate"]\nmax_up = 0.2\nmax_down = 0.2'), r"action: an action needs one of .* not 2"),
    ("Baclofen", ('["target_dose", "hold"]', '["hold"]'), r"action: an action needs one of .* not 0"),
    ("Baclofen", ("target_high = 5.0", ""), r"action: the action field 'target_dose' needs target_high"),
    ("Baclofen", ("target_low = 0.25", "target_low = 0.0"), r"action\.target_low: .*above 0"),
    ("Baclofen", ("dose_ug_per_d = 100.0", ""), r"start: dose_ug_per_d goes with the rule 'fixed'"),
    ("Baclofen", ("low = 0.5\nhigh = 1.5", "low = 2.0\nhigh = 1.5"), r"start: low 2 is above high 1\.5"),
    ("Baclofen", ("tick_h = 4.0", "tick_h = 0.3"), r"tick_h 0\.3 is not a multiple"),
    ("Baclofen", ("tick_h = 4.0", "tick_h = 1e-12"), r"tick_h 1e-12 is not a multiple"),
    ("Baclofen", ("horizon_d = 2", "horizon_d = 0.01"), r"horizon_d 0\.01 is not a whole number of steps of 4\.0 h"),
    ("Baclofen", ("horizon_d = 2", "horizon_d = 2.1"), r"horizon_d 2\.1 is not a whole number of steps"),
    ("Baclofen", ("horizon_d = 2", "horizon_d = 1e300"), r"horizon_d: .*at most 3660"),
    ("Baclofen", ('"mean_weakness",', '"visits",'), r"secondary: an outcome stands twice"),
    ("Baclofen", ('"mean_weakness",', '"mean_ashworth",'), r"secondary: 'mean_ashworth' is the primary outcome already"),
    ("Baclofen", ("[difficulty.real]", "[difficulty.hard]"), r"difficulty needs an entry 'real'"),
    ("Baclofen", ("[difficulty.real]", "[difficulty.real]\nluck = 2.0"), r"difficulty\.real: 'luck' is not a parameter"),
    ("Baclofen", ("version = 0", "version = 0\nmood = 1"), r"mood: unknown .*; known: name, version"),
    ("Function", ("max_up = 0.2\n", ""), r"action: the action field 'relative_rate' needs max_up"),
    ("Function", ("lockout_low_h = 2.0\n", ""), r"action: the action field 'lockout' needs lockout_low_h"),
    ("Function", ("lockout_low_h = 2.0", "lockout_low_h = 13.0"), r"action: lockout_low_h is above lockout_high_h"),
    ("Everything", ("mixtures = [[0.5], [1.0], [1.2], [3.0]]\n", ""), r"'mixture' needs at least two solution\.mixtures"),
    ("Everything", ("ratios = [1.0]", "ratios = [0.7]"), r"solution\.ratios among them"),
    ("Everything", ("[1.2], [3.0]]", "[1.2], [3.0, 1.0]]"), r"solution\.mixtures needs 1 numbers"),
    ("Everything", ("ratios = [1.0]", "ratios = []"), r"solution\.ratios needs 1 numbers for morphine, bupivacaine"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "words"), BAD)
def test_a_bad_file_is_refused_by_file_and_key(tmp_path, name, change, words):
    path = written(tmp_path, name, change)
    with pytest.raises(ConfigError, match=rf"^{name}\.toml: .*{words}") as found:
        load_task(path)
    assert "\n" not in str(found.value)


def test_bounds_of_an_observation_are_checked(tmp_path):
    path = written(tmp_path, "Function", ("[weights]", "[observation.bounds]\nrr = [30.0, 0.0]\n\n[weights]"))
    with pytest.raises(ConfigError, match=r"Function\.toml: observation: bounds of rr: 30 is not below 0"):
        load_task(path)


def test_a_drug_that_nobody_knows_is_named(tmp_path):
    with pytest.raises(ConfigError, match="placebo"):
        ThecalEnv(written(tmp_path, "Baclofen", ("['baclofen']", "['placebo']"))).reset()


def test_a_version_that_is_not_there_is_refused():
    assert load_task("thecal:thecal/CancerMorphine-v0").name == "CancerMorphine"
    with pytest.raises(ConfigError, match="there is no version 3 of CancerMorphine, only 0"):
        load_task("thecal/CancerMorphine-v3")
    for name in (
        "evil:CancerMorphine-v0",
        "thecal/CancerMorphine-v",
        "thecal/",
        "CancerMorphine-v0 ",
        "a/CancerMorphine",
    ):
        with pytest.raises(UnknownNameError, match="unknown task"):
            load_task(name)
    with pytest.raises(UnknownNameError, match="unknown task 'Headache'"):
        load_task("Headache")


@pytest.mark.parametrize("name", ["CancerMorphine", "NonCancerMix", "NonCancerMorphine"])
def test_tasks_of_version_0_stay_what_they_were(name):
    spec = load_task(name)
    lens = Scenario.of(name).resolve().lens
    assert lens.names == STANDARD_FIELDS
    bounds = dict(zip(lens.names, zip(lens.low.tolist(), lens.high.tolist(), strict=True), strict=True))
    assert bounds["dose_mg_per_d"] == bounds["dose24_mg"] == (0.0, 15.0)
    assert spec.action.fields == ("relative_rate", "bolus_size")
    assert (spec.action.max_up, spec.action.max_down, spec.action.deadband) == (0.2, 0.1, 0.25)
    assert spec.weights == WEIGHTS[name]
    assert spec.costs == ("resp", "sedation", "withdrawal")
    assert (spec.primary.outcome, spec.outcomes) == ("time_controlled", STANDARD)
    assert spec.monitored == (spec.setting == "cancer")


def test_a_new_field_at_its_default_leaves_the_hash():
    class Later(TaskSpec):
        color: str = "none"

    now = load_task("CancerMorphine")
    data = now.model_dump()
    assert Later.model_validate(data).hash == now.hash
    assert Later.model_validate(data | {"color": "red"}).hash != now.hash


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"}, {"drugs": ("hydromorphone",)}, {"monitored": False}, {"horizon_d": 29.0},
        {"costs": ("resp",)}, {"secondary": ("mean_nrs",)}, {"weights": FIRST | {"dose": 1.0}}, {"start": {"low": 0.5}},
        {"visits": {"call_delay_h": 3.0}}, {"observation": {"fields": ("rr",)}}, {"difficulty": {"real": {}}},
        {"faults": "stress"},
    ],
)  # fmt: skip
def test_any_content_changes_the_hash(change):
    now = load_task("CancerMorphine")
    assert TaskSpec.model_validate(now.model_dump() | change).hash != now.hash


@pytest.mark.parametrize(("setting", "monitored"), [("cancer", True), ("noncancer", False)])
def test_a_task_of_the_first_version_is_read_as_it_was(setting, monitored):
    now = load_task("CancerMorphine").model_copy(update={"setting": setting}).model_dump(mode="json")
    first = {
        name: value
        for name, value in now.items()
        if name not in ("monitored", "costs", "secondary", "start", "visits", "observation")
    }
    first["action"] = {name: now["action"][name] for name in ("max_up", "max_down", "deadband", "bolus_trigger")}
    first["solution"] = {name: value for name, value in now["solution"].items() if name != "mixtures"}
    read = TaskSpec.model_validate(first)
    assert read.monitored is monitored
    assert (read.costs, read.outcomes) == (("resp", "sedation", "withdrawal"), STANDARD)
    assert read.action.fields == ("relative_rate", "bolus_size")
    assert read.weights == WEIGHTS["CancerMorphine"]


def test_every_written_task_is_read(tmp_path):
    for name in FILES:
        assert load_task(written(tmp_path, name)).name == name
