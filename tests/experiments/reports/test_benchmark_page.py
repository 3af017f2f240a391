"""The page of a leaderboard: everything that qualifies a rank stands on it, and it holds nothing that runs or loads."""

from __future__ import annotations

import re

import pytest

from thecal.experiments.analysis.leaderboard_build import build
from thecal.experiments.reports.benchmark_page import render, write_leaderboard

from support.benchmarks import cell, entry, level, stored

ENTRIES = [
    entry("guideline"), entry("fixed"), entry("pid"), entry("learned", "learned", 3),
    entry("oracle", "model-based", privileged=True),
]  # fmt: skip
WELL = {"guideline": 50.0, "fixed": 30.0, "pid": 60.0, "learned": 70.0, "oracle": 90.0}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")

    def numbers(part):
        return {**level(WELL)(part), "f_rise": 1.0 if part.entry.name == "pid" else 0.0}

    stored(folder, ENTRIES, numbers, cells=[cell(), cell(mode="off")], hold="fixed", top="oracle")
    return build(folder)


@pytest.fixture(scope="module")
def page(found):
    return render(found)


def test_the_page_says_what_qualifies_a_rank(page):
    for words in (
        "Research simulation only", "UNSHIELDED:", "fewer than 10 training seeds", "privileged: knows what no policy knows",
        "Ranked apart", "asking for everything seen", "0 as fixed, 1 as oracle", "The order is the same under all three",
        "the 3 tests of this page", "sleep apnea: no", "harm-averse",
    ):  # fmt: skip
        assert words in page, words


def test_it_is_small_and_complete_in_itself(page):
    assert len(page) < 300_000
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "default-src 'none'" in page


def test_every_link_leads_to_a_section(page):
    assert set(re.findall(r'href="#([\w-]+)"', page)) == set(re.findall(r'<section id="([\w-]+)"', page))


def test_names_of_policies_are_no_markup(tmp_path):
    stored(tmp_path, [entry("<b>x</b>"), entry("fixed")], lambda part: {"well_treated": 10.0})
    assert "<b>x" not in render(build(tmp_path)).lower()


def test_the_file_is_the_page(found, page, tmp_path):
    assert write_leaderboard(found, tmp_path / "deep" / "page.html").read_text(encoding="utf-8") == page
