"""Storage without pickle: old folders load, and what is damaged, foreign or of a later version is refused with the reason."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.agents import load_policy, load_rl_settings, read_record, train_policy
from thecal.agents.backends.base import Trained
from thecal.core.errors import ConfigError, StoreError, UnknownNameError

from support.agent_toys import FIELDS, make_context, toy_vec_env

OBS = np.random.default_rng(5).uniform(-1, 1, (7, len(FIELDS))).astype(np.float32)


@pytest.fixture(scope="module")
def ppo() -> Trained:
    settings = load_rl_settings("ppo", n_envs=4, n_steps=32, batch_size=64, net_arch=(16, 16))
    return train_policy("ppo", toy_vec_env(), settings, seed=1, total_steps=128)


def write_old(folder: Path, **changes: Any) -> dict[str, np.ndarray]:
    """A folder as version 0.1 wrote it, byte for byte of its keys; returns the weights."""
    from safetensors.numpy import save

    rng = np.random.default_rng(3)
    shapes = {
        "mlp_extractor.policy_net.0": (4, len(FIELDS)),
        "mlp_extractor.policy_net.2": (4, 4),
        "action_net": (2, 4),
        "value_net": (1, 4),
    }
    weights = {"log_std": np.zeros(2, np.float32)}
    for layer, shape in shapes.items():
        weights[f"{layer}.weight"] = rng.normal(0, 0.5, shape).astype(np.float32)
        weights[f"{layer}.bias"] = rng.normal(0, 0.5, shape[0]).astype(np.float32)
    blob = save(weights)
    record = {
        "activation": "tanh", "algorithm": "ppo", "format": 1, "frames": 65536, "interrupted": False, "n_actions": 2,
        "net_arch": [4, 4], "observation_names": list(FIELDS), "seed": 5, "settings": {"gamma": 0.997},
        "task": "CancerMorphine", "task_hash": "72f5e8b0", "thecal_version": "0.1.0",
        "weights_sha256": hashlib.sha256(blob).hexdigest(),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.safetensors").write_bytes(blob)
    (folder / "policy.json").write_text(json.dumps(record | changes, indent=2, sort_keys=True) + "\n")
    return weights


def test_a_policy_of_version_0_1_loads_and_acts(tmp_path: Path) -> None:
    weights = write_old(tmp_path)
    policy = load_policy(tmp_path)
    hidden = OBS
    for layer in ("mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2"):
        hidden = np.tanh(hidden @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"])
    expected = np.clip(hidden @ weights["action_net.weight"].T + weights["action_net.bias"], -1.0, 1.0)
    policy.reset(make_context(7))
    np.testing.assert_allclose(policy.act(OBS), expected, atol=1e-6)
    assert policy.record.action_names == ("relative_rate", "bolus_size")
    assert (policy.info.kind, policy.info.training_seeds, policy.info.tasks) == ("learned", (5,), ("CancerMorphine",))


def test_an_old_policy_is_stored_again_whole(tmp_path: Path) -> None:
    weights = write_old(tmp_path / "old")
    again = load_policy(load_policy(tmp_path / "old").save(tmp_path / "new"))
    np.testing.assert_array_equal(again.act(OBS), load_policy(tmp_path / "old").act(OBS))
    from safetensors.numpy import load_file

    stored = load_file(tmp_path / "new" / "weights.safetensors")
    assert stored.keys() == weights.keys()


def test_an_unknown_algorithm_is_refused_with_the_known(tmp_path: Path) -> None:
    write_old(tmp_path, algorithm="dreamer")
    with pytest.raises(StoreError, match=r"policy.json: algorithm 'dreamer' is not one of ppo, sac, td3"):
        load_policy(tmp_path)


def test_a_later_format_is_refused_with_the_way_out(tmp_path: Path) -> None:
    write_old(tmp_path, format=3, brain="large")
    with pytest.raises(StoreError, match=r"has format 3, this version of Thecal reads formats 1 to 2: load it with"):
        load_policy(tmp_path)


def test_actions_without_names_are_refused(tmp_path: Path) -> None:
    write_old(tmp_path, n_actions=3)
    with pytest.raises(StoreError, match="n_actions is 3, but action_names are relative_rate, bolus_size"):
        load_policy(tmp_path)


def test_zip_is_refused_without_trust(ppo: Trained, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    ppo.model.save(path)
    with pytest.raises(ConfigError, match="trust=True"):
        load_policy(path)
    with pytest.raises(ConfigError, match="observation_names"):
        load_policy(path, trust=True)
    with pytest.raises(UnknownNameError, match="dagger, ppo"):
        load_policy(path, trust=True, observation_names=tuple(FIELDS), algorithm="dqn")
    with pytest.raises(StoreError, match="action_net.weight is of shape"):
        load_policy(path, trust=True, observation_names=tuple(FIELDS), action_names=("relative_rate",))
    policy = load_policy(path, trust=True, observation_names=tuple(FIELDS))
    np.testing.assert_array_equal(policy.act(OBS), ppo.policy.act(OBS))


def test_file_that_is_no_zip_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(b"nothing")
    with pytest.raises(StoreError, match="model.zip"):
        load_policy(path, trust=True, observation_names=tuple(FIELDS))


def test_missing_and_damaged_folders(ppo: Trained, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="policy.json"):
        load_policy(tmp_path / "nowhere")
    ppo.save(tmp_path)
    weights = tmp_path / "weights.safetensors"
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(blob)
    with pytest.raises(StoreError, match="hash differs"):
        load_policy(tmp_path)
    weights.unlink()
    with pytest.raises(StoreError, match="weights.safetensors"):
        load_policy(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 99}'])
def test_broken_record(text: str, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(text)
    with pytest.raises(StoreError, match="policy.json"):
        read_record(tmp_path)


def test_weights_of_another_network(ppo: Trained, tmp_path: Path) -> None:
    ppo.save(tmp_path)
    record = json.loads((tmp_path / "policy.json").read_text())
    record["net_arch"] = [16, 17]
    (tmp_path / "policy.json").write_text(json.dumps(record))
    with pytest.raises(StoreError, match="mlp_extractor"):
        load_policy(tmp_path)


def test_other_observation_fields_are_refused(ppo: Trained, tmp_path: Path) -> None:
    ppo.save(tmp_path)
    names = tuple(FIELDS)
    with pytest.raises(ConfigError, match="field 1"):
        load_policy(tmp_path, observation_names=(names[0], "mood", *names[2:]))
    with pytest.raises(ConfigError, match=f"trained with {len(names)}"):
        load_policy(tmp_path, observation_names=names[:-1])
    context = make_context()
    context.view.names = names[::-1]
    with pytest.raises(ConfigError, match="field 0"):
        load_policy(tmp_path).reset(context)
    with pytest.raises(ConfigError, match="shape"):
        ppo.policy.act(OBS[:, :3])


def test_unwritable_folder(ppo: Trained, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        ppo.save(tmp_path / "file" / "policy")
