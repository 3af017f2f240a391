"""The page of what there is to win: one line a task, the rules that are not met by number, and no record that is another's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thecal.core.errors import StoreError
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.headroom import Headroom, judge
from thecal.experiments.analysis.headroom_stored import save_headroom
from thecal.experiments.reports.headroom_page import FOLDER, PAGE, load, render, write_page

DOCS = Path(__file__).parents[3] / "docs"
# Points of well-treated time around which the patients of each policy lie: here maximal requests are not below the guideline.
MEANS = {
    "random": 20.0, "fixed": 30.0, "guideline": 50.0, "pid": 55.0, "pid_guarded": 60.0, "max_request": 50.0, "hindsight": 70.0,
    "oracle": 90.0,
}  # fmt: skip
OTHERS = ("return", "sed_hours", "resp_hours", "died")


def record(task: str = "CancerDoseFinding") -> Headroom:
    spread = np.random.default_rng(0).normal(0.0, 3.0, 20)
    values = {
        name: {"well_treated": mean + np.roll(spread, k), **{key: np.full(20, float(k)) for key in OTHERS}}
        for k, (name, mean) in enumerate(MEANS.items())
    }
    return Headroom(
        date="2026-11-30", kernel="k", wiring="w", scenario=Scenario.of(task, split="tune"), scenario_hashes={"1": "h"},
        profile="research_wide", proved=True, wide=True, patients=20, seeds=(1,), multiples=(0.5, 1.0),
        judgment=judge(values, {name: (name.upper(), "rule") for name in MEANS}),
    )  # fmt: skip


def test_a_task_has_its_line_and_its_missed_rule(tmp_path: Path) -> None:
    save_headroom(record(), tmp_path / FOLDER / "CancerDoseFinding.json")
    page = write_page(tmp_path).read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("| CancerDoseFinding"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    means = [float(cell.split(" ±")[0]) for cell in cells[1:7]]
    expected = [MEANS[name] for name in ("random", "max_request", "fixed", "guideline", "pid_guarded", "oracle")]
    assert means == pytest.approx(expected, abs=1.5)
    assert "(PID_GUARDED)" in cells[5]
    assert (cells[7], cells[8]) == ("50 %", "2")
    assert page.count("## CancerDoseFinding") == 1
    assert "4. more than 20 % of the way from hold to the reference is open above the best rule." in page
    assert all(f"| {name.upper()} |" in page for name in MEANS)


def test_a_record_under_the_name_of_another_task_is_refused(tmp_path: Path) -> None:
    save_headroom(record(), tmp_path / FOLDER / "FiveSites.json")
    with pytest.raises(StoreError, match="FiveSites.json: is of the task CancerDoseFinding"):
        load(tmp_path)


def test_no_record_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no record of a headroom"):
        load(tmp_path)


def test_the_shipped_records_are_of_the_tasks_as_they_are() -> None:
    """A task that is changed after its headroom was measured has none."""
    for name, found in load(DOCS).items():
        for seed, stated in found.scenario_hashes.items():
            where = Scenario.of(found.scenario, cohort_seed=int(seed), seed=int(seed))
            assert where.resolve().hash == stated, name
    assert (DOCS / PAGE).read_text(encoding="utf-8") == render(load(DOCS))
