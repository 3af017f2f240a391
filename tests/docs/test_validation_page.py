"""The page of the scorecard is what its saved scores render to, and the scores belong to the targets as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.experiments.reports.validation_page import load, render
from thecal.experiments.validation.scores import of_structure
from thecal.experiments.validation.stored import standings
from thecal.experiments.validation.targets import load_targets
from thecal.physiology.structures import read_record

DOCS = Path(__file__).resolve().parents[2] / "docs"
TARGETS = {target.key: target for target in load_targets()}
RUN = "run `thecal validate --full --record .`"


@pytest.fixture(scope="module")
def saved():
    return load(DOCS)


def test_page_is_what_the_saved_scores_render_to(saved):
    page = (DOCS / "validation.md").read_text(encoding="utf-8")
    assert page == render(saved), "run `python docs/generate.py`"


@pytest.mark.parametrize("structure", ["axial", "compartment"])
def test_every_target_is_in_it_once_where_it_has_a_meaning(saved, structure):
    wanted = sorted(key for key, target in TARGETS.items() if structure in target.structures)
    assert sorted(score.target.key for score in of_structure(saved.scores, structure)) == wanted, RUN


def test_the_record_counts_what_the_page_shows(saved):
    assert read_record() == standings(saved), RUN


@pytest.mark.parametrize("key", sorted(TARGETS))
def test_target_was_scored_with_the_tolerance_it_has_now(saved, key):
    scored, now = next((score.target for score in saved.scores if score.target.key == key), None), TARGETS[key]
    assert scored is not None, RUN
    assert (scored.unit, scored.observed, scored.low, scored.high) == (now.unit, now.observed, now.low, now.high), RUN
    assert scored == now, "run `python docs/generate.py`"


def test_every_figure_of_the_page_is_there_and_no_other(saved):
    page = (DOCS / "validation.md").read_text(encoding="utf-8")
    files = sorted(path.name for path in (DOCS / "figures").glob("validation_*.svg"))
    assert files
    assert all(page.count(f"(figures/{name})") == 1 for name in files)
    assert page.count("(figures/") == len(files)
