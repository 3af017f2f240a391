"""The proof: the shipped one covers this kernel and every profile, part is proved anew, and a broken kernel is refuted."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
import z3

from thecal.safety import certificate, kernel, locks, tick
from thecal.safety.certificate import UnprovedShieldError, is_proved, kernel_hash, require_proof, shipped_proof
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile, profile_names
from thecal.safety.proofs import decisions, lock_goals, overflow, searches, terms, ticks
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.verify import _solve, failures, profile_goals, shared_goals, verify, write_proof

STRICT = {"step_permille": 200, "rise_permille": 500, "keep_permille": 800, "bolus_permille": 200}


def _answer(goal: Goal, seconds: float = 20.0) -> str:
    return str(_solve(("", goal.name, goal.smt2(), goal.wanted, [], seconds))["status"])


def test_the_shipped_proof_covers_this_kernel_and_every_profile() -> None:
    proof = shipped_proof()
    assert proof["kernel"] == kernel_hash(), "the shield has changed: run `make proof`"
    assert failures(proof) == []
    assert set(proof["profiles"]) == set(profile_names())
    assert [goal["goal"] for goal in proof["shared"]] == [goal.name for goal in shared_goals()]
    for name in profile_names():
        profile = load_profile(name)
        assert is_proved(profile)
        assert [g["goal"] for g in proof["profiles"][name]["goals"]] == [g.name for g in profile_goals(profile)]
    assert proof["solver"].startswith("z3 ")


@pytest.mark.parametrize("goal", decisions.goals(STRICT), ids=lambda g: g.name)
def test_a_decision_is_proved_anew(goal: Goal) -> None:
    assert _answer(goal) == "proved"


@pytest.mark.parametrize("goal", [*lock_goals.goals(), *searches.goals()[4:], *ticks.goals()], ids=lambda g: g.name)
def test_locks_ledger_and_tick_are_proved_anew(goal: Goal) -> None:
    assert _answer(goal) == "proved"


def test_no_two_goals_have_one_name() -> None:
    for goals in (shared_goals(), profile_goals(load_profile("seed_2025"))):
        names = [goal.name for goal in goals]
        assert len(set(names)) == len(names)


def test_nothing_overflows_in_any_profile() -> None:
    assert overflow.largest_magnitude() < 2**62


def test_every_invariant_that_can_be_proved_is_covered() -> None:
    covered = {i for goal in [*shared_goals(), *decisions.goals(STRICT)] for i in goal.covers}
    at_the_door = {Invariant.CONCENTRATION, Invariant.PRIME, Invariant.REFILL_IDENTITY, Invariant.COMPATIBILITY}
    assert set(Invariant) - covered == at_the_door


def _broken(module: ModuleType, old: str, new: str) -> ModuleType:
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert old in source
    copy = ModuleType(module.__name__)
    exec(compile(source.replace(old, new), "<broken>", "exec"), vars(copy))
    return copy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate = hi(lo(request, top), floor)", "rate = hi(request, floor)"),
        ("fdiv(prev * permille, 1000)", "fdiv(prev * permille, 999)"),
        ("since_increase >= wait", "since_increase >= wait - 1"),
        ("ite(locked, lo(rate, lock_rate), rate)", "rate"),
        ("since_bolus >= lockout", "since_bolus > lockout"),
        ("count < most", "count <= most"),
        ("highest - rate)", "highest)"),
    ],
)
def test_a_broken_kernel_is_refuted(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "kernel", _broken(kernel, old, new))
    assert any(_answer(goal, 5.0) != "proved" for goal in decisions.goals(STRICT))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TICKS_PER_WEEK) + 1, WEEKS_BACK + 1)", "TICKS_PER_WEEK) + 2, WEEKS_BACK + 1)"),
        ("ledger[k] = ledger[k + 1]", "ledger[k] = ledger[k]"),
        ("wanted = ite(valid == ASKED, request, state.prev_rate)", "wanted = request"),
        ("ite(both(received.clear > 0, state.lock_resp == 0), rate, state.baseline)", "rate"),
        ("state.holds, locked, lock_rate)\n    given", "0, locked, lock_rate)\n    given"),
        ("state.denies)\n    marks", "0)\n    marks"),
        ("either(lapsed, state.blind > 0)", "lapsed"),
        ("state.bolus_count + given - state.bolus_flag[slot]", "state.bolus_count + given"),
    ],
)  # fmt: skip
def test_a_broken_tick_is_refuted(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "tick", _broken(tick, old, new))
    assert any(_answer(goal, 10.0) != "proved" for goal in ticks.goals())


def test_a_broken_lock_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "locks", _broken(locks, "clear > 0, well", "clear >= 0, well"))
    assert any(_answer(goal, 5.0) != "proved" for goal in lock_goals.goals())


def test_an_open_question_or_impossible_assumption_is_no_proof() -> None:
    a, b, c = z3.Ints("a b c")
    hard = Goal("hard", (a > 2, b > 2, c > 2), a * a * a + b * b * b != c * c * c)
    assert _answer(hard, 0.2) == "unknown"
    assert _answer(Goal("wrong", (a > 0,), a > 1)) == "refuted"
    assert _answer(Goal("vacuous", (a > 0, a < 0), a == 7, possible=True)) == "refuted"


def _loose(folder: Path) -> Path:
    from importlib.resources import files

    text = files("thecal.safety").joinpath("data", "profiles", "seed_2025.toml").read_text(encoding="utf-8")
    path = folder / "loose.toml"
    path.write_text(text.replace('value = 15.0, unit = "mg/day"', 'value = 16.0, unit = "mg/day"'), encoding="utf-8")
    return path


def test_an_unproved_profile_is_refused_unless_asked_for(tmp_path: Path) -> None:
    path = _loose(tmp_path)
    profile = load_profile(path)
    with pytest.raises(UnprovedShieldError, match=r"thecal verify .*loose\.toml"):
        require_proof(profile, allow_unproved=False)
    assert require_proof(profile, allow_unproved=True) is False
    proof = {
        **shipped_proof(),
        "profiles": {"loose": {"hash": profile.hash, "goals": [{"goal": "a", "status": "proved"}]}},
    }
    beside = tmp_path / "loose.proof.json"
    write_proof(proof, beside)
    assert require_proof(profile, allow_unproved=False) is True
    for spoil in (
        {**proof, "kernel": "0" * 64},
        {**proof, "schema": 0},
        {**proof, "shared": []},
        {**proof, "profiles": {"loose": {"hash": profile.hash, "goals": []}}},
        {**proof, "profiles": {"loose": {"hash": profile.hash, "goals": [{"goal": "a", "status": "unknown"}]}}},
    ):
        beside.write_text(json.dumps(spoil))
        assert not is_proved(profile)
    beside.write_text("{not json")
    assert not is_proved(profile)


def test_a_changed_kernel_is_unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "kernel_hash", lambda: "1" * 64)
    assert not is_proved(load_profile("seed_2025"))


@pytest.mark.slow
def test_everything_is_proved_anew_in_parallel() -> None:
    proof = verify([load_profile(name) for name in profile_names()])
    assert failures(proof) == []
