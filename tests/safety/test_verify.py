"""Proving through any executor: answers in the order of the goals, progress as they come, a time-out is a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import z3

from thecal.core.errors import ConfigError, StoreError
from thecal.core.executor import Processes, Serial
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile
from thecal.safety.proofs import verify
from thecal.safety.proofs.goals import Goal


@pytest.fixture
def few_goals(monkeypatch: pytest.MonkeyPatch) -> None:
    x = z3.Int("x")
    true, false = Goal("true", (x > 1,), x > 0, (Invariant.META,)), Goal("false", (x > 0,), x > 1, (Invariant.META,))
    monkeypatch.setattr(verify, "shared_goals", lambda: [true, false])
    monkeypatch.setattr(verify, "profile_goals", lambda _profile: [true])


@pytest.mark.parametrize("executor", [Serial(), Processes(2)])
def test_goals_are_answered_in_order(few_goals: None, executor: Any) -> None:
    seen = []
    proof = verify.verify(
        [load_profile("seed_2025")],
        executor=executor,
        report=lambda done, total, result: seen.append((done, total, result["group"], result["goal"])),
    )
    assert [(goal["goal"], goal["status"]) for goal in proof["shared"]] == [("true", "proved"), ("false", "refuted")]
    assert seen == [
        (1, 3, verify.SHARED, "true"),
        (2, 3, verify.SHARED, "false"),
        (3, 3, "seed_2025", "true"),
    ]
    assert verify.failures(proof) == [(verify.SHARED, "false", "refuted")]


def test_two_profiles_of_one_name_are_refused(few_goals: None) -> None:
    strict = load_profile("seed_2025")
    with pytest.raises(ConfigError, match="several profiles have one name: seed_2025"):
        verify.verify([strict, strict], executor=Serial())


def test_a_proof_that_cannot_be_written_is_an_error(few_goals: None, tmp_path: Path) -> None:
    proof = verify.verify([load_profile("seed_2025")], executor=Serial())
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        verify.write_proof(proof, tmp_path / "file" / "proof.json")
    assert verify.write_proof(proof, tmp_path / "new" / "proof.json").is_file()
