"""Policy files that are damaged or mean harm end in one sentence, before memory is taken for what they claim."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from thecal.agents.backends.hyperparameters import RLSettings
from thecal.agents.backends.load import load_policy
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.registry import algorithm_names, backend
from thecal.agents.backends.settings import load_rl_settings
from thecal.agents.backends.store import save_policy
from thecal.core.errors import ConfigError, StoreError, ThecalError

FIELDS = ("nrs_report", "rr", "spo2")
HUGE = 10**9


def record(**changes: Any) -> PolicyRecord:
    values = {
        "algorithm": "ppo", "task": "Toy", "task_hash": "0" * 64, "observation_names": FIELDS, "net_arch": (4,),
        "activation": "tanh", "settings": load_rl_settings("ppo").model_dump(mode="json"), "seed": 1, "frames": 10,
        "interrupted": False, "thecal_version": "0",
    }  # fmt: skip
    return PolicyRecord(**{**values, **changes})


def weights() -> dict[str, np.ndarray]:
    shapes = {"mlp_extractor.policy_net.0": (4, len(FIELDS)), "action_net": (2, 4)}
    found = {}
    for layer, shape in shapes.items():
        found[f"{layer}.weight"], found[f"{layer}.bias"] = np.ones(shape, np.float32), np.zeros(shape[0], np.float32)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound policy."""
    return save_policy(tmp_path / "policy", record(), weights())


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "policy.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def reseal(folder: Path, blob: bytes) -> None:
    """Other weights under a hash that is right."""
    (folder / "weights.safetensors").write_bytes(blob)
    edit(folder, weights_sha256=hashlib.sha256(blob).hexdigest())


def refused(folder: Path, said: str) -> None:
    """Loading fails in one sentence, quickly, and without memory for what the files claim."""
    tracemalloc.start()
    try:
        with pytest.raises(StoreError, match=said) as caught:
            load_policy(folder)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_the_sound_one_loads(folder: Path) -> None:
    assert load_policy(folder).act(np.zeros((2, 3), np.float32)).shape == (2, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"net_arch": [HUGE]}, r"net_arch.0: .*at most 16384"),
        ({"net_arch": [0]}, "net_arch.0"),
        ({"net_arch": [-1]}, "net_arch.0"),
        ({"net_arch": [4] * 1_000_000}, "(net_arch|bytes)"),
        ({"net_arch": [16_384] * 3}, r"the network has [\d,]+ weights, more than the 100,000,000"),
        ({"net_arch": ["4x"]}, "net_arch.0"),
        ({"net_arch": []}, "net_arch"),
        ({"n_actions": HUGE}, "n_actions"),
        ({"seed": 2**63}, "seed"),
        ({"seed": -1}, "seed"),
        ({"frames": -1}, "frames"),
        ({"settings": {"gamma": "high"}}, r"settings.gamma: .*got 'high'"),
        ({"settings": {"gamma": True}}, "settings.gamma"),
        ({"settings": {"n_envs": -4}}, "settings.n_envs"),
        ({"settings": {"net_arch": [HUGE]}}, "settings.net_arch"),
        ({"settings": []}, "settings"),
        ({"task": "x" * 10_000}, "task"),
        ({"observation_names": ["x"] * 5000}, "observation_names"),
        ({"format": 0}, "format"),
        ({"format": "new"}, "format"),
        ({"algorithm": 3}, "algorithm"),
        ({"trained": {"task": 1}}, "trained"),
        ({"more": 1}, "more"),
    ],
    ids=lambda value: (
        (next(iter(value)) + "-" + str(next(iter(value.values())))[:12]) if isinstance(value, dict) else ""
    ),
)
def test_an_absurd_record_is_refused(folder: Path, changes: dict[str, Any], said: str) -> None:
    edit(folder, **changes)
    refused(folder, said)


def _header(entries: dict[str, Any], length: int | None = None) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


BLOBS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "truncated length": lambda: b"\x00\x01",
    "huge header": lambda: _header({}, 2**62),
    "header beyond the file": lambda: _header({}, 10_000),
    "huge array": lambda: _header({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
    "overflowing shape": lambda: _header({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 0]}}),
    "unknown type": lambda: _header({"x": {"dtype": "X99", "shape": [1], "data_offsets": [0, 4]}}) + b"1234",
    "no safetensors": lambda: b"PK\x03\x04" + b"x" * 100,
    "not a number": lambda: save({**weights(), "action_net.bias": np.array([np.nan, 0.0], np.float32)}),
    "infinite": lambda: save({**weights(), "action_net.bias": np.array([np.inf, 0.0], np.float32)}),
    "no layers": lambda: save({"x": np.zeros(1, np.float32)}),
    "another shape": lambda: save({**weights(), "action_net.weight": np.zeros((3, 4), np.float32)}),
    "truncated": lambda: save(weights())[:-5],
}


@pytest.mark.parametrize("name", list(BLOBS))
def test_absurd_weights_are_refused(folder: Path, name: str) -> None:
    reseal(folder, BLOBS[name]())
    refused(folder, "weights")


@pytest.mark.parametrize("name", ["policy.json", "weights.safetensors"])
def test_a_file_of_a_gigabyte_is_not_read(folder: Path, name: str) -> None:
    with (folder / name).open("r+b") as file:
        file.truncate(1 << 30)
    refused(folder, rf"{name}: has 1,073,741,824 bytes, and at most [\d,]+ can belong there")


@pytest.mark.parametrize("name", ["policy.json", "weights.safetensors"])
def test_a_link_to_elsewhere_is_refused(folder: Path, name: str, tmp_path: Path) -> None:
    (folder / name).replace(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    refused(folder, "is a link to another place")


@pytest.mark.parametrize("name", ["policy.json", "weights.safetensors"])
def test_what_is_no_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    refused(folder, "is no ordinary file")


def test_a_circle_of_links_is_refused(folder: Path) -> None:
    (folder / "policy.json").unlink()
    (folder / "policy.json").symlink_to("policy.json")
    refused(folder, "policy.json")


def test_deep_json_is_refused(folder: Path) -> None:
    (folder / "policy.json").write_text("[" * 100_000 + "]" * 100_000)
    refused(folder, "not valid JSON")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)
KEYS = st.sampled_from(sorted(PolicyRecord.model_fields))


@given(changes=st.dictionaries(KEYS, JSON, min_size=1, max_size=3))
@settings(max_examples=150)
def test_any_record_loads_or_is_refused(changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = save_policy(tmp_path_factory.getbasetemp() / "fuzzed", record(), weights())
    edit(folder, **changes)
    _loads_or_is_refused(folder)


@given(place=st.integers(0, 400), byte=st.integers(0, 255), cut=st.integers(0, 300))
@settings(max_examples=150)
def test_any_weights_load_or_are_refused(
    place: int, byte: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = save_policy(tmp_path_factory.getbasetemp() / "fuzzed", record(), weights())
    blob = bytearray(save(weights()))
    blob[place % len(blob)] = byte
    reseal(folder, bytes(blob[: len(blob) - cut] if cut % 3 == 0 else blob))
    _loads_or_is_refused(folder)


def _loads_or_is_refused(folder: Path) -> None:
    try:
        found = load_policy(folder)
    except ThecalError as error:
        if error.exit_code not in (3, 4):
            raise
        return
    assert np.isfinite(found.act(np.zeros((1, len(found.record.observation_names)), np.float32))).all()


@pytest.mark.parametrize(
    "changes",
    [{"net_arch": [HUGE]}, {"n_envs": HUGE}, {"n_steps": 10**7}, {"gamma": True}, {"log_std_init": 1e9}],
    ids=["width", "environments", "rows", "truth_value", "noise"],
)
def test_absurd_settings_of_a_training_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"ppo.toml: "):
        load_rl_settings("ppo", **changes)


def test_every_setting_has_a_bound() -> None:
    for algorithm in algorithm_names():
        model: type[RLSettings] = backend(algorithm).settings
        for name, value in load_rl_settings(algorithm).model_dump().items():
            if isinstance(value, int) and not isinstance(value, bool):
                with pytest.raises(ValueError, match=name):
                    model.model_validate({**load_rl_settings(algorithm).model_dump(), name: 2**70})
