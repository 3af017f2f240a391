"""What each action field asks for: a dose to reach, a lockout, a call of the clinic, holding, and what a 0 leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.devices.fault_records import Fault
from thecal.devices.monitor_records import Monitor
from thecal.envs import ThecalEnv, ThecalVectorEnv
from thecal.envs.adapters.masks import action_table
from thecal.envs.batch import Batch
from thecal.envs.clinician import clears
from thecal.envs.scenario import Scenario

from support.task_files import written

N = 12
FIELDS = ("target_dose", "bolus_size", "lockout", "mixture", "call_clinic", "hold")
MONITORED = ('setting = "noncancer"', 'setting = "cancer"')
DELAY = 6  # steps of an hour until a called clinic comes, as the file says


def begun(folder: Path, *changes: tuple[str, str], n: int = N, **options: Any) -> Batch:
    batch = Batch(Scenario.of(written(folder, "Everything", *changes), split="test", **options), n)
    batch.restart(np.arange(n), np.arange(n), np.arange(n, dtype=np.uint64))
    return batch


def asked(n: int = N, **components: float) -> np.ndarray:
    """Actions ``[n, fields]``; what is not named is 0."""
    return np.tile([components.get(name, 0.0) for name in FIELDS], (n, 1))


def run(batch: Batch, steps: int, **components: float) -> dict[str, np.ndarray]:
    """Ask for the same in every step; ``[steps, n]`` of every field of the report."""
    rows = []
    for _ in range(steps):
        batch.advance(asked(batch.n, **components))
        rows.append(batch.out.copy())
    log = np.stack(rows)
    return {name: log[name] for name in log.dtype.names}


def target_nl(batch: Batch, a: float) -> np.ndarray:
    """The rate that a target asks for, on the pump's grid of 10 nL: 0.5 to 2 times the start, evenly in the logarithm."""
    return np.floor(batch.par["task"]["start_rate_nl"] * 0.5 * 4.0 ** (0.5 * (a + 1.0))) // 10 * 10


@pytest.mark.parametrize("a", [-1.0, -0.2, 0.5, 1.0])
def test_a_target_is_reached_at_once_without_a_shield(tmp_path, a):
    batch = begun(tmp_path, shield_mode="off")
    run(batch, 1, target_dose=a)
    np.testing.assert_array_equal(batch.world["shield"]["prev_rate"], target_nl(batch, a))


def test_a_target_is_pursued_step_by_step_through_the_shield(tmp_path):
    batch = begun(tmp_path, MONITORED, difficulty="real")
    start = batch.par["task"]["start_rate_nl"].astype(float)
    log = run(batch, 7 * 24, target_dose=1.0)
    rates = np.vstack([start, np.round(log["allowed_rate"] * 1e6 / 96.0)])
    assert (rates <= target_nl(batch, 1.0)).all()
    assert (rates[1:] <= np.floor(1.2 * rates[:-1])).all()
    assert (rates[-1] == target_nl(batch, 1.0)).sum() > N // 2
    asked_for = log["requested_rate"] * 1e6 / 96.0
    np.testing.assert_allclose(asked_for, np.broadcast_to(np.floor(2.0 * start), asked_for.shape))
    rises = (np.diff(rates, axis=0) > 0).argmax(axis=0)
    assert (np.diff(rates, axis=0) > 0).sum(axis=0).max() <= 7, "one rise a day"
    assert rises.max() < 48


def test_a_lower_target_is_pursued_downwards(tmp_path):
    batch = begun(tmp_path)
    rates = np.round(run(batch, 7 * 24, target_dose=-1.0)["allowed_rate"] * 1e6 / 96.0)
    assert (np.diff(rates, axis=0) <= 0).all()
    assert (rates[-1] <= np.maximum(target_nl(batch, -1.0), batch.par["pump"]["min_rate_nl"])).all()


def test_alone_and_in_a_batch_every_field_gives_the_same_bits(tmp_path):
    path = written(tmp_path, "Everything")
    n = 70  # enough for the parallel kernel
    alone = ThecalEnv(path, split="test")
    many = ThecalVectorEnv(path, n, split="test", autoreset=False)
    seen = [alone.reset(seed=3, options={"patient": 41})[0], many.reset(seed=3, options={"patients": np.arange(n)})[0]]
    rng = np.random.default_rng(0)
    for k in range(48):
        assert seen[0].tobytes() == seen[1][41].tobytes()
        action = rng.uniform(-1.0, 1.0, (n, len(FIELDS))).astype(np.float32)
        action[k % 3 :: 3, 2:] = 0.0
        seen = [alone.step(action[41])[0], many.step(action)[0]]
        assert alone.batch.out.tobytes() == many.batch.out[41:42].tobytes()
        assert alone.batch.world.tobytes() == many.batch.world[41:42].tobytes()


def test_holding_keeps_the_rate_whatever_else_is_asked(tmp_path):
    batch = begun(tmp_path, shield_mode="off")
    start = batch.world["shield"]["prev_rate"].copy()
    run(batch, 3, target_dose=1.0, hold=1.0)
    np.testing.assert_array_equal(batch.world["shield"]["prev_rate"], start)
    run(batch, 1, target_dose=1.0, hold=0.4)
    np.testing.assert_array_equal(batch.world["shield"]["prev_rate"], target_nl(batch, 1.0))


def test_a_lockout_denies_presses_until_it_is_over(tmp_path):
    """Patients who press in every tick; a bolus every 4 h is what the shield gives, every 12 h what the policy gives."""
    given = {}
    for name, lockout in (("short", -1.0), ("long", 1.0)):
        batch = begun(tmp_path)
        batch._par["patient"]["press_nrs"] = -1.0
        batch._par["patient"]["press_every_h"] = 0.0
        log = run(batch, 6 * 24, bolus_size=1.0, lockout=lockout, hold=1.0)
        assert (batch.world["episode"]["lockout"] == {"short": 8, "long": 48}[name]).all()
        given[name] = log
    assert (given["long"]["demands"] > 0).any()
    for b in range(N):
        hours = {name: np.flatnonzero(log["demands_given"][:, b]) for name, log in given.items()}
        assert (np.diff(hours["long"]) >= 12).all()
        assert (np.diff(hours["short"]) >= 4).all()
    assert given["long"]["demands_given"].sum() < given["short"]["demands_given"].sum()
    assert given["long"]["demands_denied"].sum() > given["short"]["demands_denied"].sum()


def test_a_zero_leaves_lockout_and_ordered_mixture_alone(tmp_path):
    batch = begun(tmp_path)
    episode = batch.world["episode"]
    assert (episode["lockout"] == 0).all()
    assert (episode["mixture_asked"] == 1).all(), "the first fill is the second of the file's mixtures"
    run(batch, 1, lockout=0.0, mixture=0.0)
    assert (episode["lockout"] == 0).all()
    assert (episode["mixture_asked"] == 1).all()
    run(batch, 1, lockout=1.0, mixture=0.9)
    run(batch, 2)
    assert (episode["lockout"] == 48).all()
    assert (episode["mixture_asked"] == 3).all()


@pytest.mark.parametrize(
    ("a", "k"), [(-1.0, 0), (-0.6, 0), (-0.4, 1), (-0.01, 1), (0.01, 2), (0.6, 3), (1.0, 3), (9.0, 3)]
)
def test_a_mixture_is_named_by_its_quarter_of_the_range(tmp_path, a, k):
    batch = begun(tmp_path, n=1)
    run(batch, 1, mixture=a)
    assert batch.world["episode"]["mixture_asked"].tolist() == [k]


def test_a_called_clinic_comes_late_and_counts_as_a_visit(tmp_path):
    batch = begun(tmp_path)
    seen = []
    log = {name: [] for name in ("calls", "visits", "r_calls")}
    for k in range(DELAY + 3):
        batch.advance(asked(call_clinic=1.0 if k < 2 else 0.0))  # the second call finds it on its way
        seen.append(batch.lens.decode(batch.observations)["clinic_on_its_way"])
        for name, rows in log.items():
            rows.append(batch.out[name].copy())
    calls, visits, reward = (np.array(log[name]) for name in ("calls", "visits", "r_calls"))
    assert calls.tolist() == [[1.0] * N] + [[0.0] * N] * (DELAY + 2)
    assert visits.sum(axis=0).tolist() == [1.0] * N
    assert (visits[DELAY - 1] == 1.0).all()
    np.testing.assert_array_equal(reward, -0.25 * calls)
    assert (np.array(seen) > 0.5).all(axis=1).tolist() == [True] * (DELAY - 1) + [False] * 4
    run(batch, 1, call_clinic=1.0)
    assert (batch.out["calls"] == 1.0).all(), "once it came, it can be called anew"


def test_half_a_switch_calls_nobody(tmp_path):
    batch = begun(tmp_path)
    assert not run(batch, 2, call_clinic=0.5)["calls"].any()


def locked(folder: Path) -> Batch:
    """Patients well by themselves, locked an hour after the round with the watch behind them."""
    batch = begun(folder)
    run(batch, 3, hold=1.0)
    shield = batch._world["shield"]
    for name, value in (("lock_resp", 1), ("lock_age", 1_000), ("lock_rate", 0)):
        shield[name] = value
    return batch


def test_a_called_clinic_opens_a_latched_lock(tmp_path):
    alone, called = locked(tmp_path), locked(tmp_path)
    run(alone, DELAY + 2, hold=1.0)
    run(called, 1, hold=1.0, call_clinic=1.0)
    assert (called.world["shield"]["lock_resp"] == 1).all(), "it is not there yet"
    run(called, DELAY + 1, hold=1.0)
    assert (alone.world["shield"]["lock_resp"] == 1).all(), "the next round is tomorrow"
    assert (called.world["shield"]["lock_resp"] == 0).mean() > 0.7


def test_nothing_is_cleared_in_a_patient_who_cannot_be_roused(tmp_path):
    batch = begun(tmp_path, n=1)
    world, par = batch._world[0], batch._par[0]

    def found() -> list[int]:
        scores = []
        for poss in (1, 2, 3, 4):
            world["patient"]["poss_seen"] = poss
            scores.append(clears(world, par))
        return scores

    world["patient"]["s_valid"] = 0
    world["patient"]["tick"] = 36
    assert found() == [0, 0, 0, 0], "nobody is there"
    world["episode"]["present"] = 1
    assert found() == [1, 1, 0, 0]
    world["patient"]["tick"] = 60
    assert found() == [0, 0, 0, 0], "at 23 o'clock nobody decides"
    world["episode"]["present"] = 0
    world["patient"]["tick"] = 4  # the round at 9 o'clock of a day that began at 8
    assert found() == [1, 1, 0, 0]


def test_a_called_clinic_answers_an_alarm_that_stands(tmp_path):
    """A leak whose monitor rose unheard: without a call nobody looks again, with one it is found and mended."""
    plan = {"hazards": False, "serviced": True, "planned": [{"fault": "leak", "at_h": 0.5, "size": 0.5}]}
    found = {}
    for name, call in (("silence", 0.0), ("call", 1.0)):
        batch = begun(tmp_path, faults=plan)
        run(batch, 2, hold=1.0)
        assert (batch.world["fault"]["active"] >> Fault.LEAK & 1 == 1).all()
        batch._world["monitor"]["standing"] |= 1 << Monitor.EFFECT_LOSS
        batch._world["monitor"]["last_h"][:, Monitor.EFFECT_LOSS] = batch._world["pump"]["age_h"]
        run(batch, 1, hold=1.0, call_clinic=call)
        run(batch, DELAY, hold=1.0)
        found[name] = batch.world["fault"]["detected"][:, Fault.LEAK].copy()
        if call:
            assert np.isfinite(batch.world["fault"]["repair_at_h"][:, Fault.LEAK]).all()
    assert not found["silence"].any()
    assert (found["call"] == 1).all()


def test_unusable_numbers_hold_and_change_no_switch(tmp_path):
    batch = begun(tmp_path)
    before = batch.world["shield"]["prev_rate"].copy()
    actions = asked(target_dose=-1.0, lockout=1.0, mixture=1.0, call_clinic=1.0)
    actions[:, 1] = np.nan
    batch.advance(actions)
    np.testing.assert_array_equal(batch.world["shield"]["prev_rate"], before)
    episode = batch.world["episode"]
    assert (episode["lockout"] == 0).all()
    assert (episode["mixture_asked"] == 1).all()
    assert not batch.out["calls"].any()


def test_a_kept_rate_stays_where_a_target_would_move_it(tmp_path):
    batch = begun(tmp_path)
    start = batch.par["task"]["start_rate_nl"].copy()
    batch.keep_rate()
    batch.advance(asked(target_dose=-1.0))
    np.testing.assert_allclose(batch.world["shield"]["prev_rate"], start, atol=10)  # the pump's smallest step
    batch.advance(asked(target_dose=-1.0))  # it lasts for one step
    assert (batch.world["shield"]["prev_rate"] < start - 10).all()


def test_the_discrete_hold_of_a_full_task_changes_nothing(tmp_path):
    table, hold = action_table(fields=FIELDS)
    assert len(table) == 16
    batch = begun(tmp_path)
    before = batch.world["shield"]["prev_rate"].copy(), batch.world["episode"].copy()
    batch.advance(np.tile(table[hold], (N, 1)))
    np.testing.assert_allclose(batch.world["shield"]["prev_rate"], before[0], atol=10)
    for name in ("lockout", "mixture_asked", "call_left"):
        np.testing.assert_array_equal(batch.world["episode"][name], before[1][name])
    batch.advance(np.tile(table[0], (N, 1)))  # any other row orders no mixture and no lockout either
    for name in ("lockout", "mixture_asked", "call_left"):
        np.testing.assert_array_equal(batch.world["episode"][name], before[1][name])


def test_a_table_of_targets_needs_the_hold_field():
    with pytest.raises(ConfigError, match="needs the action field hold"):
        action_table(fields=("target_dose", "bolus_size"))
