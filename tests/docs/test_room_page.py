"""The page of what limits leave to decide: it follows its record, the record follows the profiles, and it shows what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.reports.room_page import load, render, write_page
from thecal.safety.profiles import load_profile

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_page_follows_its_record() -> None:
    assert (DOCS / "room.md").read_text(encoding="utf-8") == render(load(DOCS)), "run `python docs/generate.py`"


def test_the_record_is_of_the_shipped_profiles() -> None:
    words = "run `python benchmarks/room.py --out docs/room.json`"
    assert load(DOCS)["profiles"] == {name: load_profile(name).hash for name in load(DOCS)["profiles"]}, words


def test_monitored_titration_leaves_skill_something_to_win() -> None:
    """In non-cancer pain the best dose in hindsight is further from every rule than under the strict limits, separated from 0."""
    rows = {
        (row["profile"], row["policy"]): row["outcomes"]["return"]
        for row in load(DOCS)["rows"]
        if row["task"] == "NonCancerMorphine"
    }

    def room(profile: str) -> float:
        rules = [value["mean"] for (where, policy), value in rows.items() if where == profile and policy != "hindsight"]
        return float(rows[profile, "hindsight"]["mean"] - max(rules))

    assert room("monitored_closed_loop") > 1.5 * room("seed_2025")
    assert room("monitored_closed_loop") > 4.0 * rows["monitored_closed_loop", "hindsight"]["se"]


def _record() -> dict[str, object]:
    outcomes = {
        key: {"mean": 2.0, "se": 0.25, "median": 2.0}
        for key in ("time_controlled", "return", "sed_hours", "resp_hours", "died", "dose_mg_per_day")
    }
    rows = [
        {"task": "A", "profile": "strict", "policy": policy, "outcomes": outcomes} for policy in ("pid", "hindsight")
    ]
    head = {"date": "2026-01-01", "kernel": "0" * 64, "profiles": {"strict": "1"}, "patients": 3, "seeds": [1, 2]}
    return {**head, "multiples": [0.5, 2.0], "rows": rows}


def test_a_row_shows_mean_and_error(tmp_path: Path) -> None:
    (tmp_path / "room.json").write_text(json.dumps(_record()), encoding="utf-8")
    text = write_page(tmp_path).read_text(encoding="utf-8")
    assert "| Best dose in hindsight | `strict` | 2.0 ± 0.2 | 2.0 ± 0.2 | 2.00 ± 0.25 |" in text
    assert "3 patients of the tune split for each of the seeds 1, 2" in text
    assert "| policy | limits | Time with NRS ≤ 3 (% of time) |" in text


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": []}'])
def test_what_is_no_record_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "room.json").write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=r"room\.json"):
        load(tmp_path)
