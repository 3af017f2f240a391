"""The clinician: rises at stage `confirm` run only by an act, of the model by its rules or of a caller by a token."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.devices.monitor_records import Monitor
from thecal.envs import ThecalEnv, ThecalVectorEnv, make_sb3
from thecal.envs.batch import Batch
from thecal.envs.clinician import (
    ALARMED,
    BREATHING,
    BY_TOKEN,
    CLEARED,
    CONFIRMED,
    DECLINED,
    KEPT,
    NIGHT,
    PRESSURE,
    SEDATED,
    SUSPECTED,
    UNCONFIRMED,
    WELL_CONTROLLED,
    clears,
    clinician_parameters,
    confirms,
    words_of,
)  # fmt: skip
from thecal.physiology.sensors import RR, SBP, SPO2
from thecal.safety.gateway import sign

TOKEN = "a phrase that no agent holds"
ROUND, NOON, MIDNIGHT = 4, 16, 64  # ticks of a day that begins at 8 o'clock, with the round at 9


def patient(tick: int = ROUND, **options: Any) -> tuple[Any, Any]:
    """A patient who is awake, breathes well and is in pain, and whose shield is asked to rise."""
    batch = Batch("CancerMorphine", 1, split="test", **{"stage": "confirm", **options})
    batch.restart(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.uint64))
    world, par = batch._world[0].copy(), batch._par[0]
    world["patient"]["tick"] = tick
    world["patient"]["s_valid"] = 0
    world["patient"]["poss_seen"], world["patient"]["nrs_mean"], world["patient"]["nrs_age_h"] = 1, 7.0, 1.0
    return world, par


def asked(world: Any, par: Any, more: int = 100) -> tuple[int, int]:
    """(whether a rise is confirmed, what was decided)."""
    world["episode"]["judged"] = 0
    found = confirms(world, par, int(world["shield"]["prev_rate"]) + more, 0)
    return found, int(world["episode"]["judged"])


def show(world: Any, sensor: int, value: float) -> None:
    world["patient"]["s_valid"][sensor], world["patient"]["s_value"][sensor] = 1, value


SIGNS = {
    "sedated": (lambda w: w["patient"].__setitem__("poss_seen", 3), SEDATED),
    "slow breathing": (lambda w: show(w, RR, 9.9), BREATHING),
    "low saturation": (lambda w: show(w, SPO2, 89.0), BREATHING),
    "low pressure": (lambda w: show(w, SBP, 89.0), PRESSURE),
    "telemetry": (lambda w: w["monitor"].__setitem__("standing", 1 << Monitor.ECHO), SUSPECTED),
    "an alarm": (lambda w: w["pump"].__setitem__("alarms", 4), ALARMED),
    "no pain": (lambda w: w["patient"].__setitem__("nrs_mean", 2.9), WELL_CONTROLLED),
}


def test_a_rise_is_confirmed_on_the_round_in_a_patient_in_need():
    assert asked(*patient()) == (1, CONFIRMED)
    assert asked(*patient(NOON)) == (0, 0), "nobody is there"
    world, par = patient(NOON)
    world["episode"]["present"] = 1
    assert asked(world, par) == (1, CONFIRMED), "a called clinic"
    world["patient"]["tick"] = MIDNIGHT
    assert asked(world, par) == (0, DECLINED | NIGHT)
    assert asked(*patient(), more=0) == (0, 0), "nothing is asked for"
    assert asked(*patient(), more=-10) == (0, 0)


@pytest.mark.parametrize("sign", SIGNS)
def test_every_sign_declines_and_says_why(sign):
    world, par = patient()
    make, bit = SIGNS[sign]
    make(world)
    assert asked(world, par) == (0, DECLINED | bit)
    words = words_of(DECLINED | bit)
    assert words.startswith("the clinician declined the rise: ")
    assert words.count(".") == 0


def test_limits_of_the_rules_are_kept_to_the_digit():
    rules = clinician_parameters()[0]
    for sensor, name in ((RR, "breathing"), (SPO2, "saturation"), (SBP, "pressure")):
        world, par = patient()
        show(world, sensor, float(rules[name]))
        assert asked(world, par) == (1, CONFIRMED)
    world, par = patient()
    world["patient"]["nrs_mean"] = rules["pain"]
    assert asked(world, par)[0] == 1


def test_clearing_is_an_act_in_a_well_patient():
    world, par = patient()
    assert (clears(world, par), int(world["episode"]["judged"])) == (1, CLEARED)
    world, par = patient()
    show(world, RR, 6.0)
    assert (clears(world, par), int(world["episode"]["judged"])) == (0, KEPT | BREATHING)
    for kind in ("none",):
        world, par = patient(clinician=kind)
        assert (clears(world, par), asked(world, par)) == (0, (0, 0)), "nobody acts by the clock"


def stepped(env: Any, days: int, action: float = 1.0) -> dict[str, list[Any]]:
    """What each step reports while a policy asks for the most."""
    rows: dict[str, list[Any]] = {"rate": [], "clinician": [], "hour": [], "words": []}
    for _ in range(days * 24):
        rows["hour"].append(int(env.unwrapped.batch.world["patient"]["tick"][0]) // 4 + 8)
        info = env.step(np.array([action, 0.0], np.float32))[4]
        rows["rate"].append(float(info["allowed_rate"]))
        rows["clinician"].append(int(info["clinician"]))
        rows["words"].append(env.unwrapped.clinician_words)
    return rows


def test_at_stage_confirm_every_rise_has_its_act():
    env = ThecalEnv("CancerMorphine", split="test", stage="confirm")
    env.reset(seed=3)
    rows = stepped(env, 12)
    rises = [k for k in range(1, len(rows["rate"])) if rows["rate"][k] > rows["rate"][k - 1]]
    assert rises
    for k in rises:
        assert rows["clinician"][k] & CONFIRMED
        assert rows["hour"][k] % 24 == 9
        assert "confirmed the rise" in rows["words"][k]
    assert any(bits & DECLINED for bits in rows["clinician"]) or len(rises) > 5


def test_with_nobody_nothing_rises_and_nothing_is_cleared():
    env = ThecalEnv("CancerMorphine", split="test", stage="confirm", clinician="none")
    env.reset(seed=3)
    rows = stepped(env, 5)
    assert max(rows["rate"]) == rows["rate"][0]
    assert not any(rows["clinician"])


def called(**options: Any) -> ThecalEnv:
    env = ThecalEnv(
        "CancerMorphine", split="test", stage="confirm", clinician="caller", clinician_token=TOKEN, **options
    )
    env.reset(seed=3)
    for _ in range(30):
        env.step(np.zeros(2, np.float32))
    return env


def ask(env: ThecalEnv) -> tuple[float, int]:
    before = float(env.batch.world["shield"]["prev_rate"][0])
    info = env.step(np.array([1.0, 0.0], np.float32))[4]
    return float(env.batch.world["shield"]["prev_rate"][0]) - before, int(info["clinician"])


def test_a_token_confirms_exactly_the_next_request():
    env = called()
    assert ask(env) == (0.0, 0)
    env.confirm(TOKEN, rate_ml_per_d=9.0)
    rise, bits = ask(env)
    assert rise > 0
    assert bits == CONFIRMED | BY_TOKEN
    env._batch._world["shield"]["since_increase"] = 10_000
    assert ask(env)[0] == 0.0, "it was used up"
    env.confirm(TOKEN, rate_ml_per_d=9.0)
    env.step(np.zeros(2, np.float32))
    assert ask(env)[0] == 0.0, "a request that holds uses it up too"


def test_a_confirmation_is_bounded_by_rate_bolus_and_age():
    env = called()
    rate = float(env.batch.world["shield"]["prev_rate"][0]) * 96e-6
    env.confirm(TOKEN, rate_ml_per_d=rate)
    assert ask(env) == (0.0, DECLINED | UNCONFIRMED)
    env.confirm(TOKEN, rate_ml_per_d=9.0)
    bits = env.step(np.array([1.0, 1.0], np.float32))[4]["clinician"]
    assert bits == DECLINED | UNCONFIRMED, "a bolus of 0 was confirmed"
    env.confirm(TOKEN, rate_ml_per_d=9.0, within_h=0.0)
    assert ask(env)[0] > 0
    env._batch._world["shield"]["since_increase"] = 10_000
    env.confirm(TOKEN, rate_ml_per_d=9.0, within_h=1.0)
    env._batch._world["episode"]["confirm_until"] = env.batch.world["patient"]["tick"]
    assert ask(env) == (0.0, DECLINED | UNCONFIRMED)
    for wrong in ({"rate_ml_per_d": -1.0}, {"rate_ml_per_d": np.nan}, {"rate_ml_per_d": 1.0, "within_h": True}):
        with pytest.raises(ConfigError, match=r"^confirm: "):
            env.confirm(TOKEN, **wrong)  # type: ignore[arg-type]


def test_wrong_tokens_are_refused_and_counted():
    env = called()
    for wrong in ("", TOKEN + "x", TOKEN.upper(), None, b"bytes", 3):
        with pytest.raises(ConfigError, match="not the one"):
            env.confirm(wrong, rate_ml_per_d=9.0)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not the one"):
        env.clear("another phrase of some length")
    assert env.refused_tokens == 7
    assert ask(env)[0] == 0.0
    bare = ThecalEnv("CancerMorphine", stage="confirm")
    bare.reset(seed=3)
    with pytest.raises(ConfigError, match="was given none"):
        bare.confirm(TOKEN, rate_ml_per_d=9.0)


def test_a_token_clears_once():
    env = called()
    env.clear(TOKEN)
    bits = env.step(np.zeros(2, np.float32))[4]["clinician"]
    assert bits == CLEARED | BY_TOKEN
    assert env.batch.world["shield"]["baseline"][0] == env.batch.world["shield"]["prev_rate"][0]
    assert env.step(np.zeros(2, np.float32))[4]["clinician"] == 0


def test_a_signed_command_is_an_act_for_itself():
    env = called()
    rate = int(env.batch.world["shield"]["prev_rate"][0]) * 11 // 10 // 10 * 10
    head, now = int(env.batch.world["pump"]["events"][0]), int(env.batch.world["patient"]["tick"][0]) * 900
    command = {
        "id": "a", "seen": head, "issued_s": now, "rate": rate, "bolus": 0, "units": {"rate": "nL/tick", "bolus": "nL"},
    }  # fmt: skip
    before = float(env.batch.world["shield"]["prev_rate"][0])
    info = env.step({**command, "signed": sign(command, TOKEN)})[4]  # type: ignore[arg-type]
    assert env.batch.world["shield"]["prev_rate"][0] > before
    assert info["clinician"] == CONFIRMED | BY_TOKEN


def test_an_armed_confirmation_is_in_no_branch():
    env = called()
    env.confirm(TOKEN, rate_ml_per_d=9.0)
    there = env.snapshot()
    assert ask(env)[0] > 0
    env.restore(there)
    assert ask(env)[0] == 0.0


def test_the_token_is_nowhere_to_be_read():
    env = called()
    env.confirm(TOKEN, rate_ml_per_d=9.0)
    info = env.step(np.zeros(2, np.float32))[4]
    made = gym.make("thecal:thecal/CancerMorphine-v0", stage="confirm", clinician="caller", clinician_token=TOKEN)
    assert "clinician_token" not in json.dumps(made.spec.kwargs, default=str) if made.spec else False
    assert "clinician_token" not in made.unwrapped.spec.kwargs  # type: ignore[union-attr]
    assert made.unwrapped.refused_tokens == 0  # type: ignore[attr-defined]
    key = env._token.key  # type: ignore[union-attr]
    for held in (pickle.dumps(env), env.snapshot().to_bytes(), repr(info).encode(), repr(env._token).encode()):
        assert TOKEN.encode() not in held
        assert key not in held
    assert TOKEN not in str(vars(env)) + str(vars(env._token))
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        with pytest.raises(ConfigError, match="was given none"):
            twin.confirm(TOKEN, rate_ml_per_d=9.0)


def test_tokens_are_for_the_single_environment():
    with pytest.raises(ConfigError, match="only the single environment"):
        ThecalVectorEnv("CancerMorphine", 2, clinician_token=TOKEN)
    with pytest.raises(ConfigError, match="only the single environment"):
        make_sb3("CancerMorphine", 2, clinician_token=TOKEN)
    for made in (ThecalVectorEnv, make_sb3, Batch):
        with pytest.raises(ConfigError, match="a caller acts with a clinician_token"):
            made("CancerMorphine", 2, clinician="caller")
    with pytest.raises(ConfigError, match="a caller acts"):
        ThecalEnv("CancerMorphine", clinician="caller")
    with pytest.raises(ConfigError, match="nobody acts"):
        ThecalEnv("CancerMorphine", clinician="none", clinician_token=TOKEN)
    for short in ("short", 12345678901234567890):
        with pytest.raises(ConfigError, match="at least 16 characters"):
            ThecalEnv("CancerMorphine", clinician_token=short)  # type: ignore[arg-type]


def test_the_model_confirms_in_batches_as_in_the_single_one():
    single = ThecalEnv("CancerMorphine", split="test", stage="confirm", patients=[5])
    single.reset(seed=4)
    batch = ThecalVectorEnv("CancerMorphine", 1, split="test", stage="confirm", patients=[5])
    batch.reset(seed=4)
    rises = 0
    for _ in range(96):
        one = single.step(np.array([1.0, 0.0], np.float32))[4]
        all_ = batch.step(np.array([[1.0, 0.0]], np.float32))[4]
        assert all_["clinician"][0] == one["clinician"]
        rises += bool(one["clinician"] & CONFIRMED)
    assert rises
