"""The end-to-end judge: nothing to find behind the shield by any way in, much without one, and each rule by hand."""

from __future__ import annotations

import ast
import json
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.core.executor import local
from thecal.experiments.assurance import end_to_end_judge, end_to_end_limits, end_to_end_signs
from thecal.experiments.assurance.end_to_end import (
    FAULTS,
    STAGES,
    WAYS,
    controls,
    end_to_end_cases,
    run,
    run_end_to_end,
)
from thecal.experiments.assurance.end_to_end_case import Case
from thecal.experiments.assurance.end_to_end_judge import Judge
from thecal.experiments.assurance.end_to_end_limits import read_limits
from thecal.experiments.cli import run as command
from thecal.safety.certificate import kernel_hash
from thecal.safety.profiles import profile_names

ROOT = Path(__file__).parents[3]
SHORT = (
    ("batch", "CancerMorphine", "synchromed_ii_40", "seed_2025", "none", "auto"),
    ("vector", "NonCancerMix", "prometra_ii_20", "research_wide", "stress", "auto"),
    ("sb3", "NonCancerMorphine", "synchromed_iii_20", "label_us", "reference", "auto"),
    ("hostile", "CancerMorphine", "synchromed_ii_20", "pacc_2017", "stress", "auto"),
    ("discrete", "NonCancerMix", "synchromed_iii_40", "seed_2025", "none", "auto"),
    ("single", "CancerMorphine", "prometra_ii_40", "research_wide", "none", "auto"),
    ("commands", "CancerMorphine", "synchromed_ii_40", "seed_2025", "stress", "auto"),
    ("hostile", "CancerMorphine", "synchromed_ii_40", "seed_2025", "none", "confirm"),
    ("batch", "CancerMorphine", "synchromed_ii_40", "research_wide", "none", "lower"),
    ("hostile", "CancerMorphine", "constant_0p5", "seed_2025", "none", "advise"),
)


@pytest.mark.parametrize("number", range(len(SHORT)), ids=[f"{case[0]}-{case[-1]}" for case in SHORT])
def test_no_way_in_leads_past_a_limit(number: int) -> None:
    way, task, pump, profile, faults, stage = SHORT[number]
    alone = way in ("single", "commands")
    case = Case(task, pump, profile, faults, stage, way, 11 + number, patients=1 if alone else 8, ticks=900)
    _, verdict, why = run(case)
    assert why == ""
    assert verdict.found == Counter(), verdict.first
    assert verdict.ticks > 0.9 * case.ticks * case.patients
    if stage == "auto":
        assert verdict.rises > 0, "a judge who saw nothing judged nothing"
    if stage in ("advise", "lower"):
        assert verdict.rises == 0


def test_without_a_shield_the_judge_finds_nearly_every_rule() -> None:
    found: set[str] = set()
    for case in controls(0)[:2]:
        _, verdict, _ = run(case)
        found |= set(verdict.found)
    assert found >= {
        "cap", "cap, on top of what was counted", "step", "interval", "rise of 28 days", "bolus size", "bolus share",
        "lockout", "bolus count", "reserve", "envelope", "lock", "lock stands", "breathing", "sedation", "frozen",
        "refill", "refill and bolus",
    }  # fmt: skip


def test_the_judge_imports_nothing_but_numbers() -> None:
    for module in (end_to_end_judge, end_to_end_limits, end_to_end_signs):
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        own = {name for name in names if name.startswith("thecal")}
        assert all(".end_to_end_" in name for name in own)


def test_the_cases_cover_every_program_way_stage_and_fault() -> None:
    cases = end_to_end_cases(0, 10_000_000)
    assert sum(case.ticks * case.patients for case in cases) >= 10_000_000
    assert {(case.way, case.stage) for case in cases} == {(way, stage) for way in WAYS for stage in STAGES}
    assert {case.profile for case in cases} == set(profile_names())
    assert {case.faults for case in cases} == set(FAULTS)
    assert len({case.name for case in cases}) == len(cases)
    few = end_to_end_cases(0, 200_000)
    assert 150_000 <= sum(case.ticks * case.patients for case in few) <= 300_000
    assert {case.way for case in few} == set(WAYS)
    assert {case.stage for case in few} == set(STAGES)


def test_a_run_is_taken_up_where_it_ended(tmp_path: Path) -> None:
    cases = [
        Case("CancerMorphine", "synchromed_ii_40", "seed_2025", "none", "auto", "batch", i, ticks=96) for i in range(3)
    ]
    kept: list[dict[str, Any]] = []
    whole = run_end_to_end(cases, executor=local(1), keep=kept.append)
    assert [record["cases_run"] for record in kept] == [1, 2, 3]
    ran: list[str] = []

    class _Noting:
        def map(self, function: Any, items: Any) -> Any:
            for item in items:
                ran.append(item.name)
                yield function(item)

    again = run_end_to_end(cases, kept[0]["cases"], executor=_Noting())
    assert ran == [case.name for case in cases[1:]]
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    assert again["kernel"] == kernel_hash()


def test_the_command_records_and_fails_on_a_violation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from thecal.experiments.assurance import end_to_end as module

    case = Case("CancerMorphine", "synchromed_ii_40", "seed_2025", "none", "auto", "batch", 1, ticks=96)
    out = tmp_path / "found.json"
    monkeypatch.setattr(module, "end_to_end_cases", lambda seed, ticks: [case])
    monkeypatch.setattr(module, "controls", lambda seed: controls(seed)[:1])
    words = ["judge", "--ticks", "10000", "--workers", "1", "--out", str(out)]
    assert command(words) == 0
    record = json.loads(out.read_text())
    assert (record["ticks"], record["violations"], record["cases_run"]) == (96, 0, 1)
    assert record["without_a_shield"][0]["violations"] > 100
    record["cases"][0] |= {"violations": 3, "found": {"step": 3}, "first": {"step": "column 0, tick 5"}}
    out.write_text(json.dumps(record))
    assert command([*words, "--resume"]) == 1
    out.write_text(json.dumps({**record, "kernel": "another"}))
    assert command([*words, "--resume"]) == 4


# --- the judge by hand: one patient, one tick after another


class _Bedside:
    """A patient who is well, under the strict profile in the first task; columns are changed by a test."""

    def __init__(self, **changes: float) -> None:
        folder = files("thecal.safety") / "data" / "profiles" / "seed_2025.toml"
        pump = files("thecal.devices") / "data" / "pumps" / "synchromed_ii_40.toml"
        task = files("thecal.envs") / "data" / "tasks" / "CancerMorphine.toml"
        limits = read_limits(*(item.read_text(encoding="utf-8") for item in (folder, pump, task)))
        limits.of.update(changes)
        self.judge = Judge(limits, "auto", 1)
        self.t, self.counted = 0, 0.0
        self.now = self._shown(0.2)
        self.judge.begin(np.ones(1, bool), self.now)

    def _shown(self, rate: float, **changes: Any) -> dict[str, Any]:
        well = {
            "rr": 14.0 + 0.1 * (self.t % 2), "spo2": 97.0 + 0.1 * (self.t % 2), "co2": 38.0 + 0.1 * (self.t % 2), "sbp": 125.0,
            "map": 90.0, "hr": 72.0, "rate": rate, "counted": self.counted, "left": 2e4, "alarms": 0, "halt": 0, "mode": 2,
            "offset": 0.0, "since_fill": 1e5, "residual": 0.0, "poss": 1, "weakness": 0, "confusion": 0, "dead": False,
            "clinic": False, "device": False, "primed": False, "sedated": False,
        }  # fmt: skip
        return {name: np.array([value]) for name, value in {**well, **changes}.items()} | {"conc": np.array([[10.0]])}

    def go(self, ticks: int = 1, rate: float | None = None, bolus: float = 0.0, **signs: Any) -> _Bedside:
        """Some ticks; ``signs`` stand before each of them, and of the pump after it too."""
        for _ in range(ticks):
            for name, value in signs.items():
                self.now[name] = np.array([value])
            rate = float(self.now["rate"][0]) if rate is None else rate
            self.counted += 15.0 * rate + bolus
            self.t += 1
            pump = {
                name: value for name, value in signs.items() if name in ("alarms", "halt", "mode", "offset", "device")
            }
            then = self._shown(rate, **pump)
            self.judge.see(self.now, then, np.array([bolus]), np.zeros(1, bool), np.ones(1, bool))
            self.now, bolus = then, 0.0
            self.now.update({name: np.array([0 if name != "device" else False]) for name in pump})
        return self

    @property
    def found(self) -> set[str]:
        """The rules that were broken."""
        return set(self.judge.verdict.found)


def test_steps_and_intervals_at_the_pump() -> None:
    assert _Bedside().go(100).go(rate=0.24).found == set()
    assert _Bedside().go(100).go(rate=0.241).found == {"step", "envelope"}
    assert _Bedside().go(95).go(rate=0.24).found == {"interval"}
    assert _Bedside().go(100).go(rate=0.22).go(95).go(rate=0.23).found == set()
    assert _Bedside().go(100).go(rate=0.22).go(94).go(rate=0.23).found == {"interval"}


def test_boluses_and_caps_at_the_pump() -> None:
    assert _Bedside().go(100).go(bolus=50.0).go(15).go(bolus=50.0).found == set()
    assert _Bedside().go(100).go(bolus=50.0).go(14).go(bolus=50.0).found == {"lockout"}
    assert _Bedside().go(100).go(bolus=50.1).found == {"bolus size"}
    four = _Bedside()
    for _ in range(4):
        four.go(16).go(bolus=1.0)
    assert four.go(16).go(bolus=1.0).found == {"bolus count"}
    # 15 mg of 10 mg/mL are 1,500 µL in 24 h, both ends closed: 1.04 µL/min.
    high = _Bedside()
    high.judge.begin(np.ones(1, bool), high._shown(1.04))
    high.now = high._shown(1.04)
    assert high.go(200).found == set()
    assert high.go(bolus=2.4).found == set()
    assert high.go(20).go(bolus=0.1).found >= {"cap, on top of what was counted", "cap"}


def test_signs_withhold_and_cut_at_the_pump() -> None:
    for signs in ({"poss": 3}, {"weakness": 3}, {"halt": 2}, {"alarms": 4}, {"offset": 2.0}, {"mode": 4}, {"since_fill": 10.0},
                  {"residual": 0.2}):  # fmt: skip
        assert len(_Bedside().go(100).go(rate=0.21, **signs).found) == 1, signs
        assert len(_Bedside().go(100).go(**signs).found) == 0, signs
    assert _Bedside().go(100).go(2, rr=9.9).go(rate=0.21).found == {"breathing"}
    assert _Bedside().go(100).go(1, rr=9.9).go(rate=0.21).found == set()
    assert _Bedside().go(100).go(2, rr=np.nan).go(rate=0.21).found == set()
    assert _Bedside().go(100).go(3, rr=np.nan, rate=0.2).go(rate=0.21, rr=np.nan).found == {"stale"}
    assert _Bedside().go(100).go(8, spo2=96.0).go(rate=0.21, spo2=96.0).found == {"frozen"}
    assert _Bedside().go(100).go(2, rr=7.0).found == {"lock"}, "nothing cut it"
    assert _Bedside().go(100).go(1, rr=7.0).go(1, rr=7.0, rate=0.1).found == set()
    assert _Bedside().go(100).go(1, rr=7.0).go(5, rr=7.0, rate=0.1).found == {"lock"}, "not cut again"
    again = _Bedside().go(100).go(1, rr=7.0).go(4, rr=7.0, rate=0.1).go(1, rr=7.0, rate=0.05)
    assert again.found == set()
    assert again.go(88).go(rate=0.052).found == {"lock stands"}


def test_what_the_device_does_alone_is_no_breach() -> None:
    alone = _Bedside().go(200).go(3, rate=2.0, device=True).go(rate=0.2)
    assert alone.found == set()
    assert alone.judge.verdict.excused >= 3
    # What it moved fills the day all the same: 46 ticks of 30 µL and 50 of 3 µL are more than 1.5 mL.
    assert _Bedside().go(200).go(46, rate=2.0, device=True).go(2, rate=0.2).go(bolus=10.0).found == {
        "cap, on top of what was counted"
    }


def test_a_fall_below_the_withdrawal_floor_needs_a_reason() -> None:
    assert _Bedside().go(700).go(rate=0.15).found == {"withdrawal"}
    assert _Bedside().go(700).go(rate=0.16).found == set()
    assert _Bedside().go(700).go(1, rr=7.0).go(1, rr=7.0, rate=0.1).found == set()
