"""The report as text: every section, nothing from a network, words that say no more than the numbers."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from thecal.core.errors import StoreError
from thecal.experiments.analysis.results import Difference, Interval
from thecal.experiments.reports.findings import findings, gate, number
from thecal.experiments.reports.page import render, write_report
from thecal.experiments.reports.patient_charts import patient_figure
from thecal.experiments.reports.theme import styles_of

from support.reports import POLICIES, synthetic_data

SECTIONS = (
    "findings", "outcomes", "differences", "patients-spread", "patients", "shield", "events", "training", "validation",
    "limits", "provenance",
)  # fmt: skip
LIGHT, DARK = "#ffffff", "#14181d"  # the page's two backgrounds


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
    unshielded = replace(data, shield_mode=mode)
    page = render(unshielded)
    assert page.count("<b>UNSHIELDED</b>") + page.count("\\u003cb\\u003eUNSHIELDED") == page.count('class="figure"')
    assert "Policy (UNSHIELDED)" in page
    assert "<strong>UNSHIELDED.</strong>" in page
    found = findings(unshielded)
    assert all(item.tone != "good" for item in found)
    claim = [item for item in found if "shield was off" in item.lead]
    assert [item.tone for item in claim] == ["bad"]


def test_text_from_outside_is_escaped(data):
    page = render(replace(data, title="<script>alert(1)</script>"))
    assert "<script>alert(1)" not in page
    assert "Peak &lt;concentration&gt;" in page


def test_data_cannot_close_its_script_element(data):
    story = replace(data.stories[0], title="</script><b>")
    page = render(replace(data, stories=[story], invariants={12: ("</script><i>", "")}))
    assert "</script><i>" not in page
    assert "</script><b>" not in page


def test_missing_parts_are_named_not_left_out(data):
    empty = replace(
        data,
        stories=[],
        curves=[],
        validation=[],
        checks=[],
        shield={},
        events={},
        tails={},
        trained=[],
        provenance={},
        training_seeds=0,
    )
    page = render(empty)
    for name in SECTIONS:
        assert f'<section id="{name}">' in page
    assert page.count('class="absent"') >= 5
    assert "The worst tenth" not in page


def test_missing_numbers_show_a_dash(data):
    estimates = {p: {k: Interval(np.nan, np.nan, np.nan) for k in row} for p, row in data.estimates.items()}
    assert '<b class="">–</b><small>– to –</small>' in render(replace(data, estimates=estimates))


def test_zero_events_are_reported_with_a_bound(page):
    assert "none seen<small>at most 0.27</small>" in page
    assert "rule of three" in page


@pytest.mark.parametrize(
    ("primary", "harm", "tone", "phrase", "passes"),
    [
        ("superior", "non-inferior", "good", "did better than", True),
        ("superior", "inferior", "good", "did better than", False),
        ("superior", "inconclusive", "good", "did better than", False),
        ("inferior", "non-inferior", "bad", "did worse than", False),
        ("inconclusive", "non-inferior", "open", "No difference", False),
    ],
)
def test_claim_needs_efficacy_and_no_worse_harm(data, primary, harm, tone, phrase, passes):
    table = dict(data.differences["ppo"])
    for outcome in data.outcomes:
        verdict = primary if outcome.role == "primary" else harm if outcome.role == "cost" else "inconclusive"
        table[outcome.key] = Difference(1.0, 0.5, 1.5, verdict)
    judged = replace(data, differences={**data.differences, "ppo": table})
    assert gate(judged, "ppo")[0] is passes
    found = findings(judged)
    assert found[0].tone == tone
    assert phrase in found[0].lead
    supported = [item for item in found if "is supported" in item.lead]
    assert bool(supported) is passes


def test_few_training_seeds_are_said_to_be_few(data):
    assert any("not a verdict on the method" in item.lead for item in findings(data))
    enough = findings(replace(data, training_seeds=10))
    assert not any("not a verdict" in item.lead for item in enough)


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [
        (1234.5, 0, False, "1\u2009234"), (-0.04, 1, True, "0.0"), (-1.25, 2, True, "−1.25"), (3.0, 1, True, "+3.0"),
        (float("nan"), 1, False, "–"), (float("inf"), 1, False, "–"),
    ],
)  # fmt: skip
def test_numbers_in_words(value, digits, sign, text):
    assert number(value, digits, sign=sign) == text


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("policy", POLICIES)
def test_policy_colors_can_be_seen_on_light_and_dark(policy):
    own = luminance(styles_of([policy])[policy].color)
    for page in (LIGHT, DARK):
        high, low = sorted((own, luminance(page)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3.0


def test_policies_differ_without_color():
    looks = [(style.symbol, style.dash) for style in styles_of([*POLICIES, "sac"]).values()]
    assert all(a != b for a, b in itertools.combinations(looks, 2))
    names = styles_of(["ppo", "mine", "yours"])
    assert names["mine"].label == "mine"
    assert names["mine"].color != names["yours"].color


def test_patient_figure_breaks_lines_where_nothing_was_recorded(data):
    story = data.stories[0]
    track = {name: values.copy() for name, values in story.tracks["ppo"].items()}
    track["pain_mean"][40:50] = np.nan
    track["alive_h"][90:] = 0.0
    broken = replace(story, tracks={"ppo": track})
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
