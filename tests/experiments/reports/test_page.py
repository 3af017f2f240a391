"""The report as text: every section, nothing from a network, words that say no more than the numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from thecal.core.errors import StoreError
from thecal.experiments.reports.data import Lane, Note
from thecal.experiments.reports.findings import findings
from thecal.experiments.reports.page import render, write_report
from thecal.experiments.reports.patient_charts import patient_charts

from support.reports import changed, each, interval, synthetic_data

SECTIONS = (
    "findings", "courses", "outcomes", "differences", "subgroups", "patients-spread", "patients", "shield", "events", "signs",
    "policies", "training", "validation", "limits", "provenance",
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return synthetic_data(n=40, hours=96)


@pytest.fixture(scope="module")
def page(data):
    return render(data)


def test_every_section_is_there_and_linked(page):
    for name in SECTIONS:
        assert page.count(f'<section id="{name}"') == 1
        assert f'href="#{name}"' in page


def test_nothing_is_loaded_from_a_network(page):
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", page)
    assert not re.search(r"<link\b|@import|url\(|<img\b|<iframe\b", page)
    assert "default-src 'none'" in page
    assert "connect-src" not in page
    assert len(page) < 1_500_000


def test_every_chart_is_named_drawn_and_told(page):
    places = re.findall(r'<div class="chart[^"]*" id="(figure-[^"]+)" role="img" aria-label="([^"]+)"', page)
    names = [place for place, _ in places]
    assert len(names) == len(set(names)) == page.count('class="chart')
    stories = {f"figure-patient-{k}-{policy}" for k in (0, 1) for policy in ("ppo", "fixed", "guideline")}
    compared = {"figure-primary", "figure-forest", "figure-distribution", "figure-pairs", "figure-subgroups"}
    assert set(names) == {
        *compared, "figure-course-pain", "figure-course-dose", "figure-training", "figure-identity", "figure-published-1",
        *stories, *(f"{name}-body" for name in stories),
    }  # fmt: skip
    assert all(re.search(r"\d", said) for _, said in places), "every chart says a number to who cannot see it"
    for drawing in re.findall(r'<svg class="plot".*?</svg></div>', page, re.DOTALL):
        ElementTree.fromstring(drawing.removesuffix("</div>"))


def test_says_simulation_only_and_shows_no_unshielded_banner(page):
    assert "Research simulation only" in page
    assert "UNSHIELDED" not in page


@pytest.mark.parametrize("mode", ["off", "monitor"])
def test_unshielded_results_are_marked_and_support_no_claim(data, mode):
    unshielded = changed(data, shield_mode=mode)
    page = render(unshielded)
    validated = 2  # charts of the virtual patients alone
    assert page.count('<p class="marked">UNSHIELDED</p>') == page.count('class="chart') - validated
    assert "Policy (UNSHIELDED)" in page
    assert "<strong>UNSHIELDED.</strong>" in page
    found = findings(unshielded)
    assert all(item.tone != "good" for item in found)
    claim = [item for item in found if "shield was off" in item.lead]
    assert [item.tone for item in claim] == ["bad"]


def test_an_unproved_profile_is_named_beside_every_table(data, page):
    assert "UNPROVED" not in page
    marked = render(changed(data, unproved=True))
    assert "<strong>UNPROVED PROFILE.</strong>" in marked
    assert "Policy (UNPROVED PROFILE)" in marked


def test_wide_limits_are_named_beside_every_table(data, page):
    assert "WIDE LIMITS" not in page
    marked = render(changed(data, wide=True))
    assert "<strong>WIDE LIMITS.</strong>" in marked
    assert "Policy (WIDE LIMITS)" in marked


def test_text_from_outside_is_escaped(data):
    page = render(data.model_copy(update={"title": "<script>alert(1)</script>"}))
    assert "<script>alert(1)" not in page
    assert "Peak &lt;concentration&gt;" in page


def test_words_in_charts_are_escaped(data):
    lane = Lane(kind="limit", name="</svg><i>", text="<b>", spans=((0.0, 1.0),))
    note = Note(time_h=1.0, kind="given", text="<u>")
    story = data.stories[0].model_copy(update={"title": '"><q>', "lanes": {"ppo": [lane]}, "notes": {"ppo": [note]}})
    page = render(data.model_copy(update={"stories": [story]}))
    assert "<i>" not in page.partition("<main>")[2].replace('<i style="background', "")
    assert "<u>" not in page
    assert "<q>" not in page


def test_missing_parts_are_named_not_left_out(data):
    rules = {name: one for name, one in data.result.policies.items() if one.info.kind != "learned"}
    gaps = {name: data.result.differences[name] for name in rules if name != data.reference}
    bare = each(changed(data, policies=rules, differences=gaps), shield=None, events={}, tails={})
    parts = {"stories": [], "curves": [], "validation": [], "checks": [], "provenance": {}}
    empty = bare.model_copy(update=parts)
    page = render(empty)
    for name in SECTIONS:
        assert f'<section id="{name}"' in page
    assert page.count('class="absent"') >= 5
    assert "The worst tenth" not in page


def test_missing_numbers_show_a_dash(data):
    nothing = interval(np.nan, np.nan, np.nan)
    estimates = {outcome.key: nothing for outcome in data.outcomes}
    assert '<b class="">–</b><small></small>' in render(each(data, estimates=estimates))


def test_zero_events_are_reported_with_a_bound(page):
    assert "none seen<small>at most 0.27</small>" in page
    assert "death (at most 0.27 per 100 patient-days, rule of three)" in page
    assert "rule of three" in page


def test_patient_lines_break_where_nothing_was_recorded(data):
    story = data.stories[0]
    track = {name: values.copy() for name, values in story.tracks["ppo"].items()}
    track["pain_mean"][40:50] = np.nan
    track["alive_h"][90:] = 0.0
    chart, body = patient_charts(data, story.model_copy(update={"tracks": {"ppo": track}}), "ppo", "p")
    (felt,) = [line for line in chart.panels[0].lines if 'data-name="felt"' in line]
    assert felt.count("M") == 2
    assert all(any("<title>died</title>" in drawn for drawn in panel.front) for panel in (*chart.panels, *body.panels))
    assert "died on day 3" in chart.summary or "died on day 4" in chart.summary


def test_a_report_replaces_the_file_or_fails_in_one_sentence(data, tmp_path):
    path = write_report(data, tmp_path / "deep" / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        write_report(data, tmp_path / "file" / "report.html")
