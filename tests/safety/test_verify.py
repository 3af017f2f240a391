"""Proving through any executor: answers in the order of the goals, progress as they come, and no goal without its units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import z3

from thecal.core.errors import ConfigError, StoreError
from thecal.core.executor import Processes, Serial
from thecal.experiments.commands import prove
from thecal.safety.certificate import pinned_goals, required_goals
from thecal.safety.invariants import Invariant
from thecal.safety.parameters import DECISION_SHARES, every_decision, shield_parameters
from thecal.safety.profiles import load_profile, profile_names
from thecal.safety.proofs import decisions, lock_goals, verify
from thecal.safety.proofs.goals import Goal

from support.shields import ENVELOPE

STRICT = {"step_permille": 200, "rise_permille": 4000, "keep_permille": 800, "bolus_permille": 200}


@pytest.fixture
def few_goals(monkeypatch: pytest.MonkeyPatch) -> None:
    x = z3.Int("x")
    true, false = Goal("true", (x > 1,), x > 0, (Invariant.META,)), Goal("false", (x > 0,), x > 1, (Invariant.META,))
    monkeypatch.setattr(verify, "shared_goals", lambda: [true, false])
    monkeypatch.setattr(verify, "profile_goals", lambda _profile: [true])
    monkeypatch.setattr(verify, "_require_pinned", lambda: None)


@pytest.mark.parametrize("executor", [Serial(), Processes(2)])
def test_goals_are_answered_in_order(few_goals: None, executor: Any) -> None:
    seen = []
    proof = verify.verify(
        [load_profile("seed_2025")],
        executor=executor,
        report=lambda done, total, result: seen.append((done, total, result["group"], result["goal"])),
    )
    assert [(goal["goal"], goal["status"]) for goal in proof["shared"]] == [("true", "proved"), ("false", "refuted")]
    assert [(goal["goal"], goal["status"]) for goal in proof["profiles"]["seed_2025"]["goals"]] == [("true", "proved")]
    assert seen == [(1, 2, verify.SHARED, "true"), (2, 2, verify.SHARED, "false")], "one question is put once"
    assert verify.failures(proof) == [(verify.SHARED, "false", "refuted")]
    assert all(0 < goal["units"] < proof["units"] == verify.UNITS for goal in proof["shared"])


def _units(names: list[str]) -> list[int]:
    goals = {goal.name: goal for goal in (*lock_goals.goals(), *decisions.goals(STRICT))}
    return [verify._solve((goals[name].smt2(), goals[name].wanted, verify.UNITS))["units"] for name in names]


def test_units_are_the_same_in_any_order() -> None:
    names = [goal.name for goal in lock_goals.goals()[:6]]
    assert _units(names) == _units(names[::-1])[::-1]


def test_a_goal_out_of_units_is_no_proof_and_says_so() -> None:
    goal = next(goal for goal in decisions.goals(STRICT) if goal.name.startswith("28 days"))
    found = verify._solve((goal.smt2(), goal.wanted, 1_000))
    assert found["status"] == verify.OUT_OF_UNITS
    assert verify._solve((goal.smt2(), goal.wanted, verify.UNITS))["status"] == "proved"
    assert verify.retry(1_000) == 8_000
    assert verify.retry(2**31) < 2**32


def test_an_earlier_proof_of_the_same_files_is_kept(few_goals: None) -> None:
    strict = load_profile("seed_2025")
    first = verify.verify([strict], executor=Serial())
    seen = []
    again = verify.verify([strict], executor=Serial(), known=first, report=lambda *told: seen.append(told[2]["goal"]))
    assert seen == ["false"], "what was not proved is asked anew"
    assert again["shared"][0] == first["shared"][0]
    for other in ({"kernel": "0" * 64}, {"schema": 1}, {"solver": "z3 0"}):
        seen.clear()
        verify.verify(
            [strict], executor=Serial(), known={**first, **other}, report=lambda *told: seen.append(told[2]["goal"])
        )
        assert seen == ["true", "false"]


def test_the_pinned_list_holds_every_goal_of_every_profile() -> None:
    assert verify.goal_names() == pinned_goals(), "look at what changed, then run `thecal verify --pin`"
    for name in profile_names():
        profile = load_profile(name)
        assert sorted(goal.name for goal in verify.profile_goals(profile)) == sorted(required_goals(profile))


def test_goals_that_are_not_pinned_are_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = verify.shared_goals()[1:]
    monkeypatch.setattr(verify, "shared_goals", lambda: fewer)
    with pytest.raises(ConfigError, match=r"goals\.json: .*--pin"):
        verify.verify([load_profile("seed_2025")], executor=Serial())


def test_the_command_knows_the_units() -> None:
    assert prove.UNITS == verify.UNITS


@pytest.mark.parametrize("name", profile_names())
def test_every_patient_s_numbers_have_their_goals(name: str) -> None:
    """Read off the shield's integers of every drug, admixture, setting and indication, apart from what lists them."""
    profile = load_profile(name)
    proved = {tuple(shares[key] for key in DECISION_SHARES) for shares in every_decision(profile).values()}
    met = set()
    for drugs in [(drug,) for drug in profile.drugs] + [tuple(mixture.split("+")) for mixture in profile.mixtures]:
        for setting in ("cancer", "noncancer"):
            for indication in ("", "spinal", "cerebral"):
                par = shield_parameters(
                    profile,
                    drugs=drugs,
                    conc_ug_per_ml=[1.0] * len(drugs),
                    setting=setting,
                    indication=indication,
                    **ENVELOPE,
                )
                met.add(tuple(int(par[key]) for key in DECISION_SHARES))
    assert met == proved


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
