"""The guard around any policy: off it changes no bit, on it cuts and holds down what asks for everything, and it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from thecal.agents import Guarded, find_policies, find_policy, make_policy
from thecal.agents.find import folder_of
from thecal.core.errors import ConfigError, UnknownNameError
from thecal.envs.scenario import Scenario
from thecal.experiments.rollouts.rollout import measured, rollout

from support.agent_toys import SCALE, TARGETS, change, make_context, observe
from support.learned import make_trained
from support.planners import target_task

TASKS: list[dict[str, Any]] = [{}, {"action_names": ("target_dose", "bolus_size", "hold"), "actions": TARGETS}]


class Asks:
    """Asks for the same numbers always."""

    def __init__(self, *numbers: float) -> None:
        self.info = make_policy("max_request").info
        self.numbers = np.array([numbers], np.float32)

    def reset(self, context: Any) -> None:
        self.n = context.n

    def act(self, observation: Any) -> Any:
        return np.repeat(self.numbers, self.n, axis=0)

    def reset_where(self, done: Any) -> None:
        pass


def guarded(*numbers: float, task: dict[str, Any] = TASKS[0], n: int = 1, **settings: Any) -> Guarded:
    policy = Guarded(Asks(*numbers), **settings)
    policy.reset(make_context(n, **task))
    return policy


@pytest.mark.parametrize(("task", "numbers"), [(TASKS[0], (1.0, 1.0)), (TASKS[1], (1.0, 1.0, -1.0))])
def test_without_a_sign_every_bit_passes(task, numbers):
    policy = guarded(*numbers, task=task, n=3)
    rng = np.random.default_rng(2)
    for _ in range(50):
        seen = observe(
            3, rate_ratio_start=rng.uniform(0.5, 6, 3), poss=rng.integers(1, 3, 3), rr=rng.uniform(10.5, 20, 3)
        )
        np.testing.assert_array_equal(policy.act(seen), policy.inner.act(seen))


@pytest.mark.parametrize("task", TASKS)
def test_guard_off_is_the_inner_policy_to_the_bit(task):
    policy = Guarded(make_policy("random", seed=4), active=False)
    alone = make_policy("random", seed=4)
    for one in (policy, alone):
        one.reset(make_context(2, **task))
    for _ in range(60):
        seen = observe(2, poss=4.0, rr=5.0, nausea=9.0, rate_ratio_start=3.0)
        np.testing.assert_array_equal(policy.act(seen), alone.act(seen))


def test_lasting_signs_cut_a_rising_request():
    policy = guarded(1.0, 0.5)
    asked = [change(float(policy.act(observe(rr=9.0))[0, 0])) for _ in range(17)]
    assert asked[0] == pytest.approx(SCALE.max_up)
    assert asked[-1] == pytest.approx(-policy.guard.cut, rel=1e-3)
    assert policy.act(observe(rr=9.0))[0, 1] == pytest.approx(0.5)  # a bolus is the patient's while nobody is sedated


def test_a_target_above_the_ceiling_is_brought_down_to_it():
    policy = guarded(1.0, 0.0, -1.0, task=TASKS[1], recovery_per_day=0.0)
    for _ in range(17):
        asked = policy.act(observe(rr=9.0, rate_ratio_start=2.0))
    assert TARGETS.multiple(asked[0, 0]) == pytest.approx(2.0 * (1.0 - policy.guard.cut), rel=1e-3)
    calm = policy.act(observe(rate_ratio_start=1.6))
    assert TARGETS.multiple(calm[0, 0]) == pytest.approx(1.6, rel=1e-3)


def test_a_dose_that_is_held_is_cut_too():
    policy = guarded(0.3, 0.0, 1.0, task=TASKS[1], recovery_per_day=0.0)
    first = policy.act(observe(rr=9.0, rate_ratio_start=2.0))
    np.testing.assert_array_equal(first, policy.inner.act(None))
    for _ in range(17):
        asked = policy.act(observe(rr=9.0, rate_ratio_start=2.0))
    assert asked[0, 2] == 0.0
    assert TARGETS.multiple(asked[0, 0]) == pytest.approx(1.6, rel=1e-3)


@pytest.mark.parametrize("task", TASKS)
def test_a_sedated_patient_gets_no_rise_and_no_bolus(task):
    policy = guarded(*([1.0, 1.0] if task is TASKS[0] else [1.0, 1.0, -1.0]), task=task)
    asked = policy.act(observe(poss=3.0, rate_ratio_start=2.0))[0]
    wanted = change(float(asked[0])) if task is TASKS[0] else float(TARGETS.multiple(asked[0])) / 2.0 - 1.0
    assert wanted == pytest.approx(0.0, abs=1e-3)
    assert asked[1] == 0.0


def test_what_cannot_be_read_is_cut_all_the_same():
    policy = guarded(np.nan, np.nan)
    for _ in range(17):
        asked = policy.act(observe(rr=9.0))
    assert change(float(asked[0, 0])) == pytest.approx(-policy.guard.cut, rel=1e-3)
    assert asked[0, 1] == 0.0


def test_rows_begin_anew_for_guard_and_policy():
    policy = Guarded(make_policy("pid"))
    policy.reset(make_context(2))
    for _ in range(20):
        policy.act(observe(2, rr=9.0))
    policy.reset_where(np.array([True, False]))
    assert np.isinf(policy.ceiling[0])
    assert np.isfinite(policy.ceiling[1])
    assert np.isnan(policy.inner.first[0])
    assert np.isfinite(policy.inner.first[1])


def test_it_says_what_it_is():
    info = find_policy("guarded:pid").info
    assert (info.name, info.kind, info.privileged) == ("guarded:pid", "rule", False)
    assert info.label.startswith("Guarded")
    assert info.parameters["guard.cut"] == find_policy("pid_guarded").info.parameters["cut"]
    assert info.parameters["gain"] == make_policy("pid").info.parameters["gain"]
    assert find_policy("guarded:oracle").info.privileged


def test_a_trained_policy_stands_beside_its_guarded_self(tmp_path):
    folder = make_trained(tmp_path)
    plain, under = find_policies([folder, f"guarded:{folder}"])
    assert (plain.info.name, under.info.name) == ("ppo", "guarded:ppo")
    assert under.record == plain.record
    assert folder_of(f"guarded:{folder}") == folder_of(folder)
    with pytest.raises(ConfigError, match="twice"):
        find_policies([f"guarded:{folder}", f"guarded:{folder}/policy"])


@pytest.mark.parametrize("name", ["guarded:pid_guarded", "guarded:guarded:pid"])
def test_one_guard_is_enough(name):
    with pytest.raises(ConfigError):
        find_policy(name)


def test_bad_names_and_numbers_are_refused():
    with pytest.raises(UnknownNameError, match="pidd"):
        find_policy("guarded:pidd")
    with pytest.raises(ConfigError, match="no setting 'cutt'"):
        Guarded(make_policy("pid"), cutt=0.2)
    with pytest.raises(ConfigError, match="cut"):
        Guarded(make_policy("pid"), cut=2.0)


def test_guard_off_runs_bitwise_as_the_inner_policy():
    scene = Scenario.of(target_task(2.0), split="tune", seed=3).resolve()
    runs = [
        rollout(policy, scene, range(4))
        for policy in (make_policy("max_request"), Guarded(make_policy("max_request"), active=False))
    ]
    for name in ("rate", "pain_mean", "reward"):
        if name in runs[0].data:
            np.testing.assert_array_equal(runs[0].data[name], runs[1].data[name])
    np.testing.assert_array_equal(runs[0].data["reward"], runs[1].data["reward"])


def test_it_lowers_the_harm_of_asking_for_everything():
    """Hours of depressed breathing and sedation, 40 patients of each of 3 seeds without a shield: most patients come to harm."""
    lower = []
    for seed in (11, 12, 13):
        scene = Scenario.of("CancerDoseFinding", split="tune", seed=seed, cohort_seed=seed, shield_mode="off").resolve()
        hours = []
        for name in ("max_request", "guarded:max_request"):
            found = measured(find_policy(name), scene, np.arange(40), ("sed_hours", "resp_hours"))
            hours.append(found["sed_hours"] + found["resp_hours"])
        saved = hours[0] - hours[1]
        lower.append(saved.mean() / (saved.std(ddof=1) / np.sqrt(len(saved))))
    assert min(lower) > 2.0
