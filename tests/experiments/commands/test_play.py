"""``thecal play``: lines become requests, the shield stands between, and the run is scored as any policy's."""

from __future__ import annotations

import io
import json
import math

import pytest

from thecal.agents.registry import make_policy
from thecal.envs.outcomes import outcomes
from thecal.envs.scenario import Scenario
from thecal.experiments.cli import run
from thecal.experiments.rollouts.rollout import rollout
from thecal.experiments.studies.play import HandPolicy, Move, play, read_move, sparkline

SHORT = {"split": "test", "horizon_d": 2.0, "seed": 7}


@pytest.fixture(scope="module")
def scene():
    return Scenario.of("CancerMorphine", **SHORT).resolve()


def played(scene, *lines, against=("fixed",), patient=3):
    """The score of the lines, and what was told."""
    told, rest = [], iter(lines)
    hand = HandPolicy(lambda: next(rest, None), told.append)
    return play(scene, patient, against, hand), told


@pytest.mark.parametrize(
    ("line", "move"),
    [
        ("", Move()), (" H ", Move()), ("h 24", Move(hours=24.0)), ("+", Move(change=math.inf)), ("-", Move(change=-math.inf)),
        ("+10", Move(change=0.1)), ("- 2.5 %", Move(change=-0.025)), ("b", Move(toggles=True)), ("b 0.5", Move(bolus=0.5)),
        ("q", Move(end=True)), ("?", None), ("h -3", None), ("h nan", None), ("h inf", None), ("b 2", None), ("+1e9", None),
        ("rm -rf", None), ("b nan", None),
    ],
)  # fmt: skip
def test_a_line_is_read_or_not_understood(line, move):
    assert read_move(line) == move


def test_reports_become_bars():
    assert sparkline([0.0, 10.0, math.nan, 5.0, 99.0, -1.0]) == "▁█ ▅█▁"
    assert sparkline([0.0, 10.0, math.nan], plain=True) == "_@ "


def test_holding_to_the_end_scores_as_the_fixed_rate(scene):
    score, told = played(scene, "q")
    assert list(score.values) == ["hand", "fixed"]
    assert score.values["hand"] == pytest.approx(score.values["fixed"], nan_ok=True)
    keys = [entry.key for entry in score.measured]
    alone = outcomes(rollout(make_policy("fixed"), scene, [3]), keys)
    assert score.values["fixed"] == pytest.approx({key: float(alone[key][0]) for key in keys}, nan_ok=True)
    assert sum(line.startswith("day ") for line in told) == 1


def test_the_end_of_the_input_holds_and_is_said(scene):
    score, told = played(scene)
    assert score.values["hand"] == pytest.approx(score.values["fixed"], nan_ok=True)
    assert told[-1] == "  no more input: the rate is held to the end"


def test_requests_reach_the_pump_through_the_shield(scene):
    lower, told = played(scene, "-10", "q")
    assert lower.values["hand"]["dose_mg_per_day"] < 0.95 * lower.values["fixed"]["dose_mg_per_day"]
    assert "  asked -10 %, the rate changed by -10 %" in told
    greedy, told = played(scene, *["+"] * 48)
    assert greedy.values["hand"]["interventions"] > 50.0
    assert greedy.values["hand"]["cap_violations"] == 0.0
    assert any("asked +20 %, the rate changed by +0 %" in line for line in told)


def test_holding_for_hours_asks_again_after_them(scene):
    _, told = played(scene, "h 6", "h 4", "q")
    assert [line.partition("  ")[0] for line in told if line.startswith("day ")] == [
        "day 0, hour 0",
        "day 0, hour 6",
        "day 0, hour 10",
    ]


def test_boluses_are_armed_and_refused_where_there_are_none(scene):
    armed, told = played(scene, "b", "q")
    assert "  bolus armed: 100 % of the largest" in told
    assert armed.values["hand"]["demands_given"] >= armed.values["fixed"]["demands_given"]
    none = Scenario.of("CancerDoseFinding", **SHORT).resolve()
    assert "  this task gives no bolus" in played(none, "b", "q")[1]


def test_help_is_shown_for_what_is_not_understood(scene):
    _, told = played(scene, "raise it", "q")
    assert any("hold to the end" in line for line in told)


def test_the_command_works_over_a_pipe(monkeypatch, capsys):
    line = ["play", "fixed", "--task", "CancerMorphine", "--horizon-d", "2", "--patient", "3", "--seed", "7"]
    monkeypatch.setattr("sys.stdin", io.StringIO("+10\nh 12\nq\n"))
    assert run([*line, "--json"]) == 0
    seen = capsys.readouterr()
    found = json.loads(seen.out)
    assert (found["patient"], found["primary"], list(found["values"])) == (3, "time_controlled", ["hand", "fixed"])
    assert found["note"] == "simulation only"
    assert "Research simulation only" in seen.err
    monkeypatch.setattr("sys.stdin", io.StringIO("+10\nh 12\nq\n"))
    assert run(line) == 0
    said = capsys.readouterr().out
    assert "One patient says nothing of a policy" in said
    assert all(len(row) <= 80 for row in said.splitlines() if not row.startswith("Titrate"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [(("nobody",), "unknown policy"), (("--task", "Nothing"), "unknown task"), (("--patient", "-1"), "--patient")],
)
def test_senseless_lines_are_refused_before_a_question(words, reason, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(["play", *words]) != 0
    assert reason in " ".join(capsys.readouterr().err.split())
