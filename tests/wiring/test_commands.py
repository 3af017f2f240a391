"""Typed commands, the parts of an action and the choice of a patient: each reaches what it is meant for, and nothing else."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.envs.adapters.single import Command, ThecalEnv

from support.task_files import written
from support.wiring import asking


def command(env: ThecalEnv, **changes: Any) -> dict[str, Any]:
    """A command that fits what stands."""
    world = env.batch.world[0]
    found = {
        "id": f"{world['patient']['tick']}", "seen": int(world["pump"]["events"]),
        "issued_s": 900.0 * int(world["patient"]["tick"]), "rate": float(world["shield"]["prev_rate"]),
        "bolus": 0.0, "units": {"rate": "nL/tick", "bolus": "nL"},
    }  # fmt: skip
    return {**found, **changes}


def test_a_typed_command_reaches_the_shield_as_it_was_written() -> None:
    env = ThecalEnv(asking(), trail=True, split="test")
    env.reset(seed=3)
    env.step(np.zeros(2))
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    info = env.step(command(env, rate=rate - 57.0, bolus=420.0))[4]
    row = env.batch.trail[0, 0]
    assert (row["request"], row["bolus_request"], row["valid"]) == (rate - 57, 420, 1)
    assert info["command"] == Command.TAKEN
    assert env.command_words == "taken"
    assert info["requested_rate"] == pytest.approx((rate - 57) * 96e-6)
    assert info["requested_bolus_ul"] == pytest.approx(0.42)
    conc = float(env.batch.par["ordered_conc"][0, 0])
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    info = env.step(command(env, dose_ug_per_d=rate * 96e-6 * conc))[4]
    assert info["command"] == Command.TAKEN
    cases = (
        ({"id": "1"}, Command.STALE, -2),
        ({"seen": -1}, Command.STALE, -2),
        ({"issued_s": 900.0}, Command.STALE, -2),
        ({"issued_s": 1e6}, Command.STALE, -2),
        ({"units": {"rate": "mg", "bolus": "nL"}}, Command.UNITS, -1),
        ({"dose_ug_per_d": 1.0}, Command.UNITS, -1),
        ({"rate": 10.0 * rate}, Command.UNITS, -1),
        ({"rate": -1.0}, Command.MALFORMED, 0),
    )
    for changes, became, valid in cases:
        info = env.step(command(env, **changes))[4]
        row = env.batch.trail[0, 0]
        assert (info["command"], row["valid"]) == (became, valid), changes
        assert row["rate"] <= row["prev_rate"]
        assert env.command_words not in ("", "taken")
        assert env.step(np.zeros(2))[4]["command"] == Command.NONE
        assert env.command_words == ""


def test_a_command_acts_once_also_after_a_snapshot() -> None:
    env = ThecalEnv(asking(), trail=True, split="test")
    env.reset(seed=3)
    env.step(command(env, id="once"))
    kept = env.snapshot()
    assert kept.commands == (("once",),)
    assert env.step(command(env, id="once"))[4]["command"] == Command.STALE
    other = ThecalEnv(asking(), trail=True, split="test")
    other.reset(seed=9)
    other.restore(kept)
    assert other.batch.world["episode"]["step"][0] == other._steps == 1
    assert other.step(command(other, id="once"))[4]["command"] == Command.STALE
    other.reset(seed=9)
    assert other.step(command(other, id="once"))[4]["command"] == Command.TAKEN


def test_every_component_of_an_action_asks_its_own(tmp_path: Path) -> None:
    env = ThecalEnv(written(tmp_path, "Everything"), split="test")
    env.reset(seed=1)
    par, episode = env.batch.par[0], env.batch.world[0]["episode"]
    start = int(par["task"]["start_rate_nl"])
    for target, lockout, mixture, call, hold in (
        (1.0, -1.0, -1.0, 0.0, 0.0), (-1.0, 1.0, 1.0, 0.4, 0.0), (0.0, 0.5, 0.3, 0.0, 0.4), (1.0, 0.0, 0.0, 1.0, 1.0),
    ):  # fmt: skip
        before, rate = episode.copy(), int(env.batch.world["shield"]["prev_rate"][0])
        env.step(np.array([target, 0.0, lockout, mixture, call, hold]))
        due = rate if hold > 0.5 else math.floor(start * 0.5 * 4.0 ** (0.5 * (target + 1.0)) + 1e-9)
        assert env.batch.out["requested_rate"][0] == pytest.approx(due * 96e-6, abs=96e-6)
        ticks = math.ceil(8 + 0.5 * (lockout + 1.0) * 40) if lockout else before["lockout"]
        assert episode["lockout"] == ticks
        asked_for = min(3, math.floor(0.5 * (mixture + 1.0) * 4)) if mixture else before["mixture_asked"]
        assert episode["mixture_asked"] == asked_for
        assert episode["called"] == before["called"] + (call > 0.5)
    env.batch.keep_rate()
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    env.step(np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert env.batch.out["requested_rate"][0] == pytest.approx(rate * 96e-6)
    env.step(np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert env.batch.out["requested_rate"][0] > rate * 96e-6, "once"


def test_a_reset_begins_the_patient_and_the_days_asked_for() -> None:
    env: gym.Env[Any, Any] = ThecalEnv(asking(), split="test", patients=[7, 8])
    batch = env.batch  # type: ignore[attr-defined]
    env.reset(seed=5)
    assert batch.patients[0] in (7, 8)
    assert batch.par["patient"]["seed"][0] == batch.par["fault"]["seed"][0] == 5
    env.step(np.zeros(2))
    env.reset(options={"patient": 2, "seed": 6})
    assert batch.patients[0] == 2
    assert batch.par["patient"]["seed"][0] == batch.par["fault"]["seed"][0] == 6
    assert batch.world["patient"]["tick"][0] == 0
    assert not batch.world["shield"]["ledger"].any()
    own = batch._known[2].par["patient"]["patient"]
    assert batch.par["patient"]["patient"][0] == own
