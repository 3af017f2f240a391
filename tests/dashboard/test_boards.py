"""Leaderboards and headroom as the page is told them are the stored ones."""

from __future__ import annotations

import shutil
from pathlib import Path

from thecal.experiments.analysis.headroom_stored import load_headroom
from thecal.experiments.analysis.leaderboard_build import build
from thecal.experiments.analysis.leaderboard_stored import save_leaderboard

from support.benchmarks import entry, level, stored
from support.dashboards import served

HEADROOM = Path(__file__).resolve().parents[2] / "docs" / "headroom" / "FaultWatch.json"
WELL = {"guideline": 50.0, "fixed": 30.0, "pid": 60.0}


def test_boards_and_headroom(tmp_path):
    stored(tmp_path / "plan", [entry(name) for name in WELL], level(WELL))
    root = tmp_path / "root"
    board = build(tmp_path / "plan")
    save_leaderboard(board, root / "ranks")
    shutil.copy(HEADROOM, root / "watch.json")
    with served(root) as site:
        ids = {run["kind"]: run["id"] for run in site.get("/api/runs")["runs"]}
        shown = site.get(f"/api/leaderboards/{ids['leaderboard']}")
        found = site.get(f"/api/headrooms/{ids['headroom']}")
        assert site.ask(f"/api/headrooms/{ids['leaderboard']}").status == 404
        assert site.ask(f"/api/runs/{ids['headroom']}").status == 404
    (one,) = shown["boards"]
    assert [line["name"] for line in one["lines"]] == ["pid", "guideline", "fixed"]
    assert [line["place"]["rank"] for line in one["lines"]] == [1, 2, 3]
    for line in one["lines"]:
        assert line["well"]["mean"] == board.boards[0].lines[line["name"]].well.mean.mean
    record = load_headroom(HEADROOM)
    assert [row["name"] for row in found["rows"]] == list(record.judgment.policies)
    assert found["rules"] == [{"sentence": rule.sentence, "passed": rule.passed} for rule in record.judgment.rules]
