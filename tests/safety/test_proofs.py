"""The proof: the shipped one covers this kernel and every profile, part is proved anew, and a broken kernel is refuted."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import z3

from thecal.safety import certificate, kernel, locks, tick
from thecal.safety.certificate import (
    UnprovedShieldError,
    is_proved,
    kernel_hash,
    require_proof,
    shipped_proof,
    wiring_hash,
)
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile, profile_names
from thecal.safety.proofs import decisions, lock_goals, overflow, searches, terms, ticks
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.verify import OUT_OF_UNITS, UNITS, _solve, failures, profile_goals, shared_goals, verify

STRICT = {"step_permille": 200, "rise_permille": 500, "keep_permille": 800, "bolus_permille": 200}

STEP = "step: a rise keeps the relative and the absolute step, or those of monitored titration"
# A line of the tick, the same line broken, and a goal that must then fail.
BROKEN_TICKS = [
    ("TICKS_PER_WEEK) + 1, WEEKS_BACK + 1)", "TICKS_PER_WEEK) + 2, WEEKS_BACK + 1)",
     "escalation is read after 13 weeks from that entry"),
    ("ledger[k] = ledger[k + 1]", "ledger[k] = ledger[k]",
     "the ledger shifts by one tick and gains what was commanded"),
    ("wanted = ite(valid == ASKED, request, state.prev_rate)", "wanted = request",
     "an unusable request raises nothing and gives no bolus"),
    ("ite(both(received.clear > 0, state.lock_resp == 0), rate, state.baseline)", "rate",
     "the clinician's rate is noted where a clinician looks and no lock holds"),
    ("state.holds, locked, lock_rate)\n    given", "0, locked, lock_rate)\n    given", "a rise needs stability"),
    ("state.denies)\n    marks", "0)\n    marks", "a bolus needs battery"),
    ("either(lapsed, state.blind > 0)", "lapsed",
     "a lapsed lease and a blind shield ask for no more than the clinician's rate"),
    ("state.bolus_count + given - state.bolus_flag[slot]", "state.bolus_count + given",
     "the number of boluses is the sum of the day's ring"),
]  # fmt: skip


def _sample(goals: list[Goal]) -> list[Goal]:
    """Every fourth goal, and those that a broken tick is held against."""
    held = {goal for _, _, goal in BROKEN_TICKS}
    return [goal for i, goal in enumerate(goals) if i % 4 == 0 or goal.name in held]


def _answer(goal: Goal, units: int = UNITS) -> str:
    return str(_solve((goal.smt2(), goal.wanted, units))["status"])


def test_the_shipped_proof_covers_this_kernel_and_every_profile() -> None:
    proof = shipped_proof()
    assert proof["kernel"] == kernel_hash(), "the shield has changed: run `make proof`"
    assert proof["wiring"] == wiring_hash(), "what lies around the shield has changed: run `thecal verify --wiring`"
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


@pytest.mark.parametrize("goal", [*lock_goals.goals(), *searches.goals()[4:]], ids=lambda g: g.name)
def test_locks_and_ledger_are_proved_anew(goal: Goal) -> None:
    assert _answer(goal) == "proved"


@pytest.mark.parametrize("goal", _sample(ticks.goals()), ids=lambda g: g.name)
def test_a_sample_of_the_tick_is_proved_anew(goal: Goal) -> None:
    """Whole in the slow tests, and wherever the shield is verified; here what broken ticks are held against, and some more."""
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


def _named(goals: list[Goal], name: str) -> Goal:
    (goal,) = (goal for goal in goals if goal.name == name)
    return goal


@pytest.mark.parametrize(
    ("old", "new", "goal"),
    [
        ("rate = hi(lo(request, top), floor)", "rate = hi(request, floor)", STEP),
        ("fdiv(prev * permille, 1000)", "fdiv(prev * permille, 999)", STEP),
        (
            "since_increase >= wait",
            "since_increase >= wait - 1",
            "interval: a rise waits for the last one to have acted, or is one of monitored titration",
        ),
        (
            "ite(locked, lo(rate, lock_rate), rate)",
            "rate",
            "lock: a lock lowers the rate, though not below the pump's lowest",
        ),
        (
            "since_bolus >= lockout",
            "since_bolus > lockout",
            "bolus every change is marked, for a bolus",
        ),
        ("count < most", "count <= most", "bolus count: a bolus is one of the day's number"),
        ("highest - rate)", "highest)", "bolus size: absolute, share of the day, and the pump's flow"),
    ],
)
def test_a_broken_kernel_is_refuted(old: str, new: str, goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "kernel", _broken(kernel, old, new))
    assert _answer(_named(decisions.goals(STRICT), goal)) == "refuted"


@pytest.mark.parametrize(("old", "new", "goal"), BROKEN_TICKS)
def test_a_broken_tick_is_refuted(old: str, new: str, goal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "tick", _broken(tick, old, new))
    assert _answer(_named(ticks.goals(), goal)) == "refuted"


def test_a_broken_lock_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "locks", _broken(locks, "clear > 0, well", "clear >= 0, well"))
    goal = "a latch opens exactly for a clinician, after the watch, in a well patient"
    assert _answer(_named(lock_goals.goals(), goal)) == "refuted"


def test_an_open_question_or_impossible_assumption_is_no_proof() -> None:
    a, b, c = z3.Ints("a b c")
    hard = Goal("hard", (a > 2, b > 2, c > 2), a * a * a + b * b * b != c * c * c)
    assert _answer(hard, 200_000) == OUT_OF_UNITS
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


def test_a_changed_kernel_is_unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "kernel_hash", lambda: "1" * 64)
    assert not is_proved(load_profile("seed_2025"))


@pytest.mark.slow
def test_everything_is_proved_anew_in_parallel() -> None:
    proof = verify([load_profile(name) for name in profile_names()])
    assert failures(proof) == []
