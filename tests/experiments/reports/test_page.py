"""The report as text: every section, nothing from a network, words that say no more than the numbers."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from thecal.core.errors import StoreError
from thecal.experiments.reports.findings import findings
from thecal.experiments.reports.page import render, write_report
from thecal.experiments.reports.patient_charts import patient_figure

from support.reports import changed, each, interval, synthetic_data

SECTIONS = (
    "findings", "outcomes", "differences", "patients-spread", "patients", "shield", "events", "training", "validation",
    "limits", "provenance",
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return synthetic_data(n=40, hours=96)


@pytest.fixture(scope="module")
def page(data):
    return render(data)


def body_of(page: str) -> str:
    """The page without the bundled Plotly, which is a library full of strings."""
    return page[: page.index("plotly.js v")]


def test_every_section_is_there_and_linked(page):
    for name in SECTIONS:
        assert page.count(f'<section id="{name}">') == 1
        assert f'href="#{name}"' in page


def test_nothing_is_loaded_from_a_network(page):
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", body_of(page))
    assert not re.search(r"<link\b|@import|url\(|<img\b|<iframe\b", body_of(page))
    assert "default-src 'none'" in page
    assert "connect-src" not in page
    assert page.count("plotly.js v") == 1


def test_every_figure_has_its_data_and_the_data_is_json(page):
    places = re.findall(r'class="figure" id="(figure-[^"]+)"', page)
    assert len(places) == len(set(places)) == 6 + 2 * 3
    for place in places:
        found = re.search(rf'<script type="application/json" id="{place}-data">(.*?)</script>', page, re.DOTALL)
        assert found is not None
        assert json.loads(found.group(1))["data"]


def test_says_simulation_only_and_shows_no_unshielded_banner(page):
    assert "Research simulation only" in page
    assert "UNSHIELDED" not in page


@pytest.mark.parametrize("mode", ["off", "monitor"])
def test_unshielded_results_are_marked_and_support_no_claim(data, mode):
    unshielded = changed(data, shield_mode=mode)
    page = render(unshielded)
    assert page.count("<b>UNSHIELDED</b>") + page.count("\\u003cb\\u003eUNSHIELDED") == page.count('class="figure"')
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


def test_data_cannot_close_its_script_element(data):
    story = data.stories[0].model_copy(update={"title": "</script><b>"})
    page = render(data.model_copy(update={"stories": [story], "invariants": {12: ("</script><i>", "")}}))
    assert "</script><i>" not in page
    assert "</script><b>" not in page


def test_missing_parts_are_named_not_left_out(data):
    rules = {name: one for name, one in data.result.policies.items() if one.info.kind != "learned"}
    gaps = {name: data.result.differences[name] for name in rules if name != data.reference}
    bare = each(changed(data, policies=rules, differences=gaps), shield=None, events={}, tails={})
    parts = {"stories": [], "curves": [], "validation": [], "checks": [], "provenance": {}}
    empty = bare.model_copy(update=parts)
    page = render(empty)
    for name in SECTIONS:
        assert f'<section id="{name}">' in page
    assert page.count('class="absent"') >= 5
    assert "The worst tenth" not in page


def test_missing_numbers_show_a_dash(data):
    nothing = interval(np.nan, np.nan, np.nan)
    estimates = {outcome.key: nothing for outcome in data.outcomes}
    assert '<b class="">–</b><small></small>' in render(each(data, estimates=estimates))


def test_zero_events_are_reported_with_a_bound(page):
    assert "none seen<small>at most 0.27</small>" in page
    assert "rule of three" in page


def test_patient_figure_breaks_lines_where_nothing_was_recorded(data):
    story = data.stories[0]
    track = {name: values.copy() for name, values in story.tracks["ppo"].items()}
    track["pain_mean"][40:50] = np.nan
    track["alive_h"][90:] = 0.0
    broken = story.model_copy(update={"tracks": {"ppo": track}})
    figure = patient_figure(data, broken, "ppo", None)
    felt = next(trace for trace in figure.data if trace.name == "felt")
    assert np.isnan(np.asarray(felt.y)[40:50]).all()
    assert not felt.connectgaps
    ends = [shape for shape in figure.layout.shapes if shape.x0 == shape.x1 == story.tracks["ppo"]["time_h"][90] / 24.0]
    assert ends, "the hour of death is marked"


def test_a_report_replaces_the_file_or_fails_in_one_sentence(data, tmp_path):
    path = write_report(data, tmp_path / "deep" / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        write_report(data, tmp_path / "file" / "report.html")
