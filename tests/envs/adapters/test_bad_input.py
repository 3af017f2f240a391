"""Bad input: unusable actions are held by the shield, unknown names and corrupt files end in one clear sentence."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError, InvalidActionWarning, UnknownNameError
from thecal.envs import ThecalEnv, ThecalVectorEnv, load_task
from thecal.envs.tasks import TaskSpec

FINITE = 1  # bit number of the first invariant: every number is finite


@pytest.mark.parametrize("action", [[np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0], [-np.inf, np.inf]])
def test_a_number_that_is_not_finite_holds_the_rate(action):
    env = ThecalEnv(split="test")
    env.reset(seed=0)
    before = env.step(np.zeros(2))[4]["allowed_rate"]
    info = env.step(np.array(action))[4]
    assert info["allowed_rate"] == before
    assert info["allowed_bolus_ul"] == 0.0
    assert info["binding"] >> FINITE & 1 == 1
    assert np.isfinite(env.step(np.zeros(2))[0]).all()


@pytest.mark.parametrize("action", [None, "up", [0.1], np.zeros((2, 2)), object()])
def test_an_action_of_wrong_shape_holds_the_rate_and_warns(action):
    env = ThecalEnv(split="test")
    env.reset(seed=0)
    before = env.step(np.zeros(2))[4]["allowed_rate"]
    with pytest.warns(InvalidActionWarning, match="held the last safe rate"):
        info = env.step(action)[4]
    assert info["allowed_rate"] == before


def test_one_bad_row_does_not_touch_its_neighbors():
    clean, dirty = (ThecalVectorEnv(num_envs=3, split="test", autoreset=False) for _ in range(2))
    actions = np.full((3, 2), 0.5, np.float32)
    broken = actions.copy()
    broken[1] = np.nan
    for env in (clean, dirty):
        env.reset(seed=1, options={"patients": [0, 1, 2]})
    for _ in range(30):
        a = clean.step(actions)[0]
        b = dirty.step(broken)[0]
    assert np.array_equal(a[[0, 2]], b[[0, 2]])
    assert not np.array_equal(a[1], b[1])


def test_out_of_range_actions_are_read_as_the_nearest_allowed():
    ends = []
    for size in (1.0, 50.0):
        env = ThecalEnv(split="test")
        env.reset(seed=0, options={"patient": 1})
        ends.append(env.step(np.array([size, size]))[0])
    assert np.array_equal(*ends)


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"task": "Nope"}, "unknown task 'Nope'"),
        ({"split": "validation"}, "split: must be 'train', 'tune' or 'test'"),
        ({"difficulty": "insane"}, "difficulty 'insane'"),
        ({"profile": "none_such"}, "none_such"),
    ],
)
def test_unknown_names_are_named(kwargs, text):
    with pytest.raises(ConfigError, match=text):
        ThecalEnv(**kwargs)


def test_unknown_cohort_pump_and_drug_are_named():
    spec = load_task("CancerMorphine").model_dump()
    for key, value in (("cohort", "martians"), ("pump", "bicycle"), ("drugs", ("placebo",))):
        with pytest.raises(UnknownNameError, match=value[0] if isinstance(value, tuple) else value):
            ThecalEnv(task=TaskSpec.model_validate({**spec, key: value})).reset()


def test_a_corrupt_task_file_names_file_key_and_reason(tmp_path):
    good = load_task("CancerMorphine")
    path = tmp_path / "broken.toml"
    path.write_text("name = 3 =")
    with pytest.raises(ConfigError, match=r"broken\.toml: not valid TOML"):
        load_task(path)
    path.write_text('name = "x"\n')
    with pytest.raises(ConfigError, match=r"broken\.toml: \w+: is missing"):
        load_task(path)
    assert good.n_steps == 28 * 24


def test_reset_options_and_patient_counts_are_checked():
    with pytest.raises(ConfigError, match="unknown reset option 'patents'"):
        ThecalEnv().reset(options={"patents": 1})
    with pytest.raises(ConfigError, match="2 patients were given for 3 environments"):
        ThecalVectorEnv(num_envs=3).reset(options={"patients": [1, 2]})
