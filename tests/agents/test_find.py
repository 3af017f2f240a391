"""Policies by name or folder, and which of them are training seeds of one method."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.agents.find import find_policy, folder_of, is_one_method, training_facts
from thecal.agents.info import PolicyInfo
from thecal.agents.registry import make_policy
from thecal.core.errors import UnknownNameError


def learned(seed: int, **changes: object) -> PolicyInfo:
    values = {"name": "ppo", "label": "PPO (trained)", "kind": "learned", "parameters": {"frames": 10}}
    return PolicyInfo.model_validate({**values, "training_seeds": (seed,), **changes})


def test_an_unknown_name_lists_names_and_then_the_hint() -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_policy("nobody")
    text = str(caught.value)
    assert text.startswith("unknown policy 'nobody'; known: bayes, day_night, fault_response, fixed, ")
    assert text.endswith("; or the folder of a trained policy")
    assert text.count("folder") == 1


def test_a_name_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "policy.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert folder_of("pid") is None
    assert find_policy("pid").info.kind == "rule"


def test_one_policy_is_one_method() -> None:
    assert is_one_method([make_policy("fixed").info])


def test_training_seeds_alone_make_one_method() -> None:
    assert is_one_method([learned(0), learned(1), learned(2)])
    assert not is_one_method([learned(0), learned(0)])
    assert not is_one_method([learned(0), learned(1, parameters={"frames": 11})])
    assert not is_one_method([learned(0), learned(1, tasks=("Other",))])


def test_rules_of_one_name_are_not_one_method() -> None:
    assert not is_one_method([make_policy("random", seed=k).info for k in (0, 1)])
    assert not is_one_method([learned(0, kind="rule"), learned(1, kind="rule")])
    assert not is_one_method([learned(0, training_seeds=()), learned(1, training_seeds=())])


def test_only_learned_policies_have_training_facts() -> None:
    outside = make_policy("fixed")
    outside.info = learned(7, name="theirs")
    assert training_facts([make_policy("pid"), outside]) == [{"name": "theirs", "seed": 7}]
