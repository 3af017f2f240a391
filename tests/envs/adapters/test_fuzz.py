"""Thousands of malformed actions, commands and observations through every environment: none raises, none loosens a limit."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thecal.core.errors import InvalidActionWarning
from thecal.envs import ThecalVectorEnv
from thecal.envs.adapters.make import make_sb3
from thecal.envs.adapters.masks import DiscreteActions
from thecal.envs.adapters.single import Command, ThecalEnv
from thecal.safety.invariants import Fallback, names

from support.hostile import ANYTHING, FIELDS, SCALARS, UNUSABLE, Flattery, Spite, Sticky, released

MANY = settings(
    max_examples=1_000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.data_too_large, HealthCheck.too_slow],
)
NAMED = {"finite", "units", "command"}
GOOD_UNITS = {"rate": "nL/tick", "bolus": "nL"}


@pytest.fixture(scope="module")
def env() -> ThecalEnv:
    made = ThecalEnv("CancerMorphine")
    made.reset(seed=3)
    return made


@pytest.fixture(scope="module")
def trio() -> ThecalVectorEnv:
    made = ThecalVectorEnv("CancerMorphine", 3, autoreset=False)
    made.reset(seed=3, options={"patients": [0, 1, 2]})
    return made


def _rate(env: Any) -> int:
    return int(env.batch.world["shield"]["prev_rate"][0])


def _held(info: dict[str, Any], before: int, env: Any) -> None:
    assert set(names(info["violations"])) & NAMED
    assert info["fallback"] >= Fallback.HOLD
    assert info["allowed_bolus_ul"] == 0.0 or info["demands_given"] > 0
    assert _rate(env) <= before


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_is_no_action_is_held_with_one_warning_or_a_reason(env: ThecalEnv, kind: str) -> None:
    env.reset(seed=3)
    before = _rate(env)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        observation, reward, *_, info = env.step(UNUSABLE[kind]())
    _held(info, before, env)
    said = [str(entry.message) for entry in caught]
    assert all(entry.category is InvalidActionWarning for entry in caught), said
    number_like = not caught and info["command"] == Command.NONE and names(info["violations"])[:1] == ["finite"]
    assert len(said) + bool(info["command"]) == 1 or number_like, (said, info["command"])
    assert bool(info["command"]) == bool(env.command_words)
    assert len(env.command_words) <= 200
    assert np.isfinite(observation).all()
    assert np.isfinite(reward)


@pytest.mark.parametrize("kind", UNUSABLE)
def test_one_such_row_is_held_and_its_neighbors_run(trio: ThecalVectorEnv, kind: str) -> None:
    def fresh() -> Any:
        trio.reset(seed=3, options={"patients": [0, 1, 2]})
        return [np.array([-1.0, 0.0]), [0.0, 0.0], (-1.0, 0.0)]

    rows = fresh()
    clean = trio.step(np.array(rows))[4]["allowed_rate"]
    rows = fresh()
    rows[1] = UNUSABLE[kind]()
    adapter = make_sb3("CancerMorphine", 3, seed=0)
    adapter.reset()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        info = trio.step(rows)[4]
        assert len(caught) <= 1
        adapter.step(UNUSABLE[kind]())
        assert len(caught) <= 2
    assert np.array_equal(info["allowed_rate"], clean)
    assert (info["violations"] >> 1 & 1).tolist() == [0, 1, 0]
    assert (adapter.batch.out["violations"] >> 1 & 1).tolist() == [1, 1, 1]
    assert all(entry.category is InvalidActionWarning for entry in caught)


def test_rows_of_every_honest_kind_are_read(trio: ThecalVectorEnv) -> None:
    torch = pytest.importorskip("torch")
    table = [[0.5, 0.0], [-0.5, 0.25], [1.0, 1.0]]
    kinds = [
        np.array(table, np.float32), np.array(table, np.float16), np.array(table, object), table, tuple(map(tuple, table)),
        torch.tensor(table), [torch.tensor(row) for row in table], [[np.float32(v) for v in row] for row in table],
        np.array(table).view(np.matrix), np.ma.array(table), np.asfortranarray(table), np.array(table, np.longdouble),
    ]  # fmt: skip
    found = []
    for kind in kinds:
        trio.reset(seed=3, options={"patients": [0, 1, 2]})
        found.append(trio.step(kind)[0])
    for other in found[1:]:
        assert np.array_equal(found[0], other)


@pytest.mark.parametrize("choice", [-1, 15, 1.0, None, "3", np.nan, True, 10**400, np.zeros(2, np.int64), {}, ...])
def test_a_choice_outside_the_table_is_held(choice: object) -> None:
    discrete = DiscreteActions(gym.make("thecal:thecal/CancerMorphine-v0", shield_mode="mask"))
    discrete.reset(seed=0)
    with pytest.warns(InvalidActionWarning, match="0 to 14"):
        info = discrete.step(choice)[4]  # type: ignore[arg-type]
    assert info["fallback"] == Fallback.HOLD


@MANY
@given(action=ANYTHING)
def test_a_thousand_malformed_actions_end_in_a_fallback(env: ThecalEnv, action: object) -> None:
    before = _rate(env)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        observation, reward, terminated, truncated, info = env.step(released(action))
    assert {entry.category for entry in caught} <= {InvalidActionWarning}
    assert len(caught) <= 1
    assert np.isfinite(observation).all()
    assert np.isfinite(reward)
    if caught or info["command"] > Command.TAKEN:
        _held(info, before, env)
    else:
        assert _rate(env) <= before * 1.2 + 1
    if terminated or truncated:
        env.reset(seed=3)


@st.composite
def commands(draw: st.DrawFn) -> dict[Any, Any]:
    """A good command with one to three entries spoilt; ``None`` where the environment's own value belongs."""
    found: dict[Any, Any] = {"id": None, "seen": None, "issued_s": None, "rate": None, "bolus": 0, "units": GOOD_UNITS}
    spoil = st.one_of(SCALARS, st.just(Flattery(1.0)), st.just(Sticky("x")), st.lists(SCALARS, max_size=2))
    for key in draw(st.lists(st.sampled_from([*FIELDS, "dose_ug_per_d", "signed", "more"]), min_size=1, max_size=3)):
        if draw(st.booleans()) and key in found:
            del found[key]
        else:
            found[key] = draw(st.one_of(spoil, st.fixed_dictionaries({"rate": spoil, "bolus": spoil})))
    return found


@MANY
@given(command=commands())
def test_a_thousand_malformed_commands_end_in_a_named_reason(env: ThecalEnv, command: dict[Any, Any]) -> None:
    before = _rate(env)
    now, head = (int(env.batch.world[part][field][0]) for part, field in (("patient", "tick"), ("pump", "events")))
    own = {"id": f"c{now}", "seen": head, "issued_s": 900 * now, "rate": before}
    whole = {key: own.get(key) if value is None else value for key, value in command.items()}
    _, _, terminated, _, info = env.step(released(whole))
    assert info["command"] != Command.NONE
    assert type(env.command_words) is str
    assert env.command_words
    assert (info["command"] == Command.TAKEN) == (env.command_words == "taken")
    if info["command"] == Command.TAKEN:
        assert _rate(env) <= before * 1.2 + 1
    else:
        _held(info, before, env)
    if terminated:
        env.reset(seed=3)


@MANY
@given(actions=st.one_of(st.lists(ANYTHING, min_size=3, max_size=3), ANYTHING))
def test_a_thousand_malformed_batches_hold_what_cannot_be_read(trio: ThecalVectorEnv, actions: object) -> None:
    before = trio.batch.world["shield"]["prev_rate"].copy()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        observations, rewards, terminated, truncated, info = trio.step(released(actions))
    assert {entry.category for entry in caught} <= {InvalidActionWarning}
    assert len(caught) <= 1
    assert np.isfinite(observations).all()
    assert np.isfinite(rewards).all()
    rates = trio.batch.world["shield"]["prev_rate"]
    held = (info["violations"] >> 1 & 1) == 1
    assert (rates[held] <= before[held]).all()
    assert (rates <= before * 1.2 + 1).all()
    if caught:
        assert held.any()
    if (terminated | truncated).any():
        trio.reset(seed=3, options={"patients": [0, 1, 2]})


def test_a_command_that_changes_while_it_is_read_is_refused(env: ThecalEnv) -> None:
    env.reset(seed=3)
    own = {"id": "f", "seen": int(env.batch.world["pump"]["events"][0]), "issued_s": 0, "bolus": 0, "units": GOOD_UNITS}
    before = _rate(env)
    info = env.step({**own, "rate": Flattery(before)})[4]
    assert info["command"] == Command.TAKEN, "its value is taken over once, as a plain number"
    assert _rate(env) == before
    refused = env.step(dict.fromkeys(FIELDS, 0) | {"id": Sticky("f"), "units": GOOD_UNITS})[4]
    assert (refused["command"], env.command_words) == (Command.STALE, "no usable id")
    with pytest.raises(Spite):
        assert Sticky("f") == "f"


def test_an_environment_restored_from_another_takes_commands() -> None:
    first, second = ThecalEnv(), ThecalEnv()
    first.reset(seed=1)
    command = {"id": "a", "seen": 0, "issued_s": 0, "rate": _rate(first), "bolus": 0, "units": GOOD_UNITS}
    command["seen"] = int(first.batch.world["pump"]["events"][0])
    kept = first.snapshot()
    second.restore(kept)
    assert second.step(copy.deepcopy(command))[4]["command"] == Command.TAKEN
    second.restore(kept)
    assert second.step(command)[4]["command"] == Command.TAKEN, "the branch begins before the command was used"
    assert first.step(np.zeros(2))[4]["command"] == Command.NONE
    with pytest.raises(gym.error.ResetNeeded):
        ThecalEnv().snapshot()
