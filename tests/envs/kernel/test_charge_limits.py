"""Two-sided reward, and a bound on what one harm may cost in an episode."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.core.errors import ConfigError
from thecal.envs.batch import Batch
from thecal.envs.kernel.rewards import CHARGES, TERM_NAMES, within_limit
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import TaskSpec, load_task

from support.runs import helpless_task

N = 8
DEADLY = helpless_task()


def limited(task: TaskSpec, **limits: float) -> TaskSpec:
    return task.model_copy(update={"charge_limits": limits})


def begun(task: TaskSpec, **options) -> Batch:
    batch = Batch(Scenario.of(task, split="test", **options), N)
    batch.restart(np.arange(N), np.arange(N), np.arange(N, dtype=np.uint64))
    return batch


def overdose(task: TaskSpec, steps: int = 96, **options) -> np.ndarray:
    """Reports ``[steps, N]`` of patients who get all that they can, without limits; some die."""
    batch = begun(task, shield_mode="off", **options)
    rows = []
    active = np.ones(N, bool)
    for _ in range(steps):
        batch.advance(np.ones((N, 2)), active)
        rows.append(batch.out.copy())
        active &= batch.out["terminated"] == 0
    return np.stack(rows)


@given(
    st.lists(st.floats(-1e3, 1e3), max_size=60),
    st.floats(1e-3, 1e4),
)
def test_charges_never_pass_their_limit_and_pay_stays(values, limit):
    spent, paid = 0.0, []
    for value in values:
        got = within_limit(value, spent, limit)
        assert got >= value
        if value >= 0.0:
            assert got == value
        spent = min(limit, spent + max(0.0, -got))
        paid.append(got)
    charged = -sum(value for value in paid if value < 0.0)
    assert charged <= limit * (1.0 + 1e-12)
    due = -sum(value for value in values if value < 0.0)
    assert charged == pytest.approx(min(due, limit))


def test_an_episode_is_charged_up_to_the_limit_and_no_more():
    names = {"sedation": 6.0, "resp": 5.0}
    free, bound = overdose(helpless_task(4.0)), overdose(limited(helpless_task(4.0), **names))
    for name, limit in names.items():
        due, paid = -free[f"r_{name}"].sum(axis=0), -bound[f"r_{name}"].sum(axis=0)
        assert (due > limit).any(), f"{name}: the limit is felt"
        np.testing.assert_allclose(paid, np.minimum(due, limit), rtol=1e-12)
    np.testing.assert_array_equal(free["r_relief"], bound["r_relief"])
    np.testing.assert_array_equal(free["cost"], bound["cost"])
    total = sum(bound[f"r_{name}"] for name in TERM_NAMES)
    np.testing.assert_allclose(bound["reward"], total, rtol=1e-12, atol=1e-12)


def test_a_death_is_charged_up_to_its_limit():
    free, bound = (overdose(task, 48, drugs="bupivacaine") for task in (DEADLY, limited(DEADLY, terminal=3.0)))
    assert free["terminated"].any()
    np.testing.assert_array_equal(-bound["r_terminal"].sum(axis=0), np.minimum(-free["r_terminal"].sum(axis=0), 3.0))


def test_a_new_episode_begins_with_nothing_spent():
    batch = begun(limited(load_task("CancerMorphine"), adverse=0.01))
    for _ in range(24):
        batch.advance(np.zeros((N, 2)))
    assert (batch.world["episode"]["spent"]["adverse"] == 0.01).any()
    batch.restart(np.arange(N), np.arange(N), np.arange(N, dtype=np.uint64))
    assert not batch.world["episode"]["spent"]["adverse"].any()


def test_without_a_limit_nothing_is_counted_or_changed():
    plain, other = begun(load_task("CancerMorphine")), begun(limited(load_task("CancerMorphine"), adverse=1e9))
    for k in range(48):
        for batch in (plain, other):
            batch.advance(np.full((N, 2), np.sin(k)))
        assert plain.out.tobytes() == other.out.tobytes()
    assert not plain.world["episode"]["spent"].tobytes().strip(b"\0")
    assert other.world["episode"]["spent"]["adverse"].any()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"relieff": 1.0}, "unknown reward term 'relieff'"),
        ({"relief": 1.0}, "relief: the term never charges anything"),
        ({"weakness": 1.0}, "weakness: the term has no weight"),
        ({"resp": 0.0}, "resp: 0 is no positive number"),
        ({"resp": -3.0}, "resp: -3 is no positive number"),
        ({"resp": float("inf")}, "resp: .*"),
        ({"resp": float("nan")}, "resp: .*"),
    ],
)
def test_limits_that_mean_nothing_are_refused(limits, words):
    with pytest.raises(ConfigError, match=words):
        load_task(limited(load_task("CancerMorphine"), **limits))


def test_the_hash_knows_limits_only_where_there_are_any():
    task = load_task("CancerMorphine")
    assert limited(task).hash == task.hash
    assert limited(task, resp=200.0).hash != task.hash
    assert {"resp", "terminal", "calls", "harm"} <= set(CHARGES)
    assert not {"relief", "well"} & set(CHARGES)


def test_well_harm_and_lost_goal_share_the_time_alive():
    task = load_task("CancerMorphine").model_copy(update={"weights": {"well": 1.0, "harm": 1.0, "withdrawal": 1.0}})
    batch = begun(task, shield_mode="off")
    seen = np.zeros(2)
    for _ in range(120):
        batch.advance(np.ones((N, 2)))
        out = batch.out
        parts = out["r_well"] - out["r_harm"] + (out["lost_pain"] + out["lost_spasticity"]) / task.tick_h
        np.testing.assert_allclose(parts, out["alive_h"] / task.tick_h, rtol=1e-12)
        np.testing.assert_allclose(out["r_withdrawal"], -out["withdrawal_h"] / task.tick_h)
        seen += [out["r_well"].sum(), -out["r_harm"].sum()]
    assert (seen > 0.0).all()
