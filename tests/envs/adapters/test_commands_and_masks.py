"""Typed commands, masks and trails through the environment (malformed input is in ``test_fuzz``)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs.adapters.masks import DiscreteActions, action_masks
from thecal.envs.adapters.single import Command, ThecalEnv
from thecal.envs.batch import Batch
from thecal.envs.trails import trail_meta
from thecal.safety.invariants import Fallback, names
from thecal.safety.oracle import audit
from thecal.safety.records import TRAIL_ROW


@pytest.fixture(scope="module")
def env() -> ThecalEnv:
    made = ThecalEnv("CancerMorphine")
    made.reset(seed=3)
    return made


def _command(env: ThecalEnv, name: str, rate: float, **changes: object) -> dict[str, object]:
    now = int(env.batch.world["patient"]["tick"][0]) * 900
    head = int(env.batch.world["pump"]["events"][0])
    units = {"rate": "nL/tick", "bolus": "nL"}
    return {"id": name, "seen": head, "issued_s": now, "rate": rate, "bolus": 0, "units": units, **changes}


def test_a_typed_command_runs_as_far_as_the_shield_allows(env: ThecalEnv) -> None:
    env.reset(seed=3)
    rate = int(env.batch.world["shield"]["prev_rate"][0])
    lower = rate * 9 // 10 // 10 * 10
    info = env.step(_command(env, "a", lower))[4]
    assert (info["command"], env.command_words) == (Command.TAKEN, "taken")
    assert info["allowed_rate"] == pytest.approx(max(lower, 500) * 96e-6)
    info = env.step(_command(env, "a", lower))[4]
    assert (info["command"], env.command_words) == (Command.STALE, "repeated")
    assert info["fallback"] == Fallback.HOLD
    assert names(info["binding"]) == ["command"]
    assert env.step(np.zeros(2))[4]["command"] == Command.NONE, "the key is always there"
    assert env.command_words == ""


def test_allowed_actions_pass_and_looking_changes_nothing() -> None:
    discrete = DiscreteActions(gym.make("thecal:thecal/CancerMorphine-v0", shield_mode="mask"))
    discrete.reset(seed=0)
    rng = np.random.default_rng(0)
    batch = discrete.unwrapped.batch  # type: ignore[attr-defined]
    narrow = 0
    for _ in range(200):
        before = batch.world.tobytes()
        mask = discrete.action_masks()
        assert batch.world.tobytes() == before
        narrow += not mask.all()
        info = discrete.step(int(rng.choice(np.flatnonzero(mask))))[4]
        assert info["intervened"] == 0, names(info["binding"])
    assert narrow > 50


def test_what_is_masked_out_would_have_been_changed() -> None:
    batch = Batch("CancerMorphine", 4)
    batch.restart(np.arange(4), np.arange(4), np.arange(4).astype(np.uint64))
    for _ in range(30):
        batch.advance(np.zeros((4, 2)))
    table = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
    masks = action_masks(batch, table)
    for a, action in enumerate(table):
        there = batch.snapshot()
        batch.advance(np.tile(action, (4, 1)))
        assert ((batch.out["intervened"] == 0) == masks[:, a]).all()
        batch.restore(there)


def test_a_table_without_holding_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs a 0"):
        DiscreteActions(gym.make("thecal:thecal/CancerMorphine-v0"), rates=(-1.0, 1.0))
    with pytest.raises(ConfigError, match="Thecal"):
        DiscreteActions(gym.make("CartPole-v1"))


@pytest.fixture(scope="module")
def kept() -> SimpleNamespace:
    """A month of a hostile policy with its trail."""
    batch = Batch("CancerMorphine", 3, trail=True)
    batch.restart(np.arange(3), np.arange(3), np.full(3, 5, np.uint64))
    meta = trail_meta(batch, policy="hostile")
    rows = np.zeros((batch.spec.n_steps, *batch.trail.shape), TRAIL_ROW)
    for k in range(batch.spec.n_steps):
        batch.advance(np.ones((3, 2)))
        rows[k] = batch.trail
    flat = rows.transpose(1, 0, 2).reshape(-1)
    return SimpleNamespace(meta=meta, rows=flat[flat["tick"] >= 0])


def test_the_trail_of_an_episode_holds_every_tick(kept: SimpleNamespace) -> None:
    found = audit(kept.meta, kept.rows)
    assert found.breaches == []
    assert found.patients == 3
    assert found.ticks == len(kept.rows) > 2 * 28 * 96
    assert found.margins[11] == pytest.approx(0.0, abs=0.02)


TAMPERED = {
    5: lambda r: r["rate"].__setitem__(700, 3),
    6: lambda r: r["rate"].__setitem__(slice(700, 900), 200_000),
    7: lambda r: r["rate"].__setitem__(slice(700, 900), 200_000),
    11: lambda r: r["rate"].__setitem__(slice(100, None), r["rate"][99] * 13 // 10),
    12: lambda r: r["rate"].__setitem__(slice(2, None), r["rate"][1] + 10),
    13: lambda r: r["rate"].__setitem__(slice(1_000, None), 0),
    14: lambda r: r["bolus"].__setitem__(800, 10_000_000),
    15: lambda r: r["bolus"].__setitem__(slice(800, 803), 100),
    16: lambda r: r["bolus"].__setitem__(slice(800, 900, 17), 100),
    18: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["alarms"].__setitem__(800, 1)),
    20: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["poss"].__setitem__(800, 3)),
    22: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["confusion"].__setitem__(800, 3)),
    23: lambda r: (r["bolus"].__setitem__(800, 100), r["raw"]["rr"].__setitem__(slice(797, 801), np.nan)),
    25: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["reservoir_nl"].__setitem__(800, 0)),
    27: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["stopped"].__setitem__(800, 1)),
    28: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["mri"].__setitem__(800, 1)),
    29: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["battery"].__setitem__(800, 2)),
    30: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["bridging"].__setitem__(800, 1)),
    4: lambda r: (r["bolus"].__setitem__(800, 100), r["received"]["skew_s"].__setitem__(800, 100)),
    1: lambda r: (r["bolus"].__setitem__(800, 100), r["valid"].__setitem__(800, 0)),
    2: lambda r: (r["bolus"].__setitem__(800, 100), r["valid"].__setitem__(800, -1)),
    3: lambda r: (r["bolus"].__setitem__(800, 100), r["valid"].__setitem__(800, -2)),
    19: lambda r: r["received"]["rr"].__setitem__(slice(1_000, 1_003), 70),
    26: lambda r: (r["received"]["fill_age"].__setitem__(slice(None), 10**6)),
    32: lambda r: (r["received"]["since_refill"].__setitem__(slice(None), 20)),
    34: lambda r: (r["received"]["residual"].__setitem__(slice(None), 200)),
    35: lambda r: r["raw"]["alarms"].__setitem__(slice(1_000, 1_097), 2),
    38: lambda r: r["tick"].__setitem__(slice(500, None), r["tick"][500:] + 1),
    41: lambda r: r["rate"].__setitem__(slice(2_000, None), r["rate"][0] * 6),
}  # fmt: skip


@pytest.mark.parametrize("invariant", sorted(TAMPERED))
def test_the_auditor_finds_a_tampered_trajectory(kept: SimpleNamespace, invariant: int) -> None:
    rows = kept.rows[kept.rows["patient"] == kept.rows["patient"][0]].copy()
    TAMPERED[invariant](rows)
    assert invariant in {breach[0] for breach in audit(kept.meta, rows).breaches}


def test_an_unproved_profile_needs_to_be_asked_for(tmp_path: Path) -> None:
    from importlib.resources import files

    text = files("thecal.safety").joinpath("data", "profiles", "seed_2025.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('value = 0.5, unit = "mg"', 'value = 0.4, unit = "mg"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="not proved"):
        Batch("CancerMorphine", 1, profile=str(path))
    assert Batch("CancerMorphine", 1, profile=str(path), allow_unproved=True).scene.proved is False
    assert Batch("CancerMorphine", 1).scene.proved is True
