"""The report in a real browser: figures are drawn, tabs work, nothing is logged, dark and print come out."""

from __future__ import annotations

import html
import json
import re

import pytest

from thecal.experiments.reports.page import write_report

from support.browser import chromium, load, save
from support.reports import synthetic_data

pytestmark = pytest.mark.e2e

# Appended to a copy of the page: what stands in each figure, and the page's background, as JSON in the document.
PROBE = """
<script>
const found = {};
document.querySelectorAll(".figure").forEach(function (figure) {
  const count = function (what) { return figure.querySelectorAll(what).length; };
  found[figure.id] = { drawings: count(".main-svg"), marks: count("path.point, path.js-line, path.box, g.hm image"),
                       width: figure.getBoundingClientRect().width };
});
const probe = document.createElement("pre");
probe.id = "probe";
probe.textContent = JSON.stringify({ figures: found, background: getComputedStyle(document.body).backgroundColor,
  open: Array.from(document.querySelectorAll(".story:not([hidden])"), function (story) { return story.dataset.patient; }) });
document.body.append(probe);
</script>
"""
CLICK_ALL = """
<script>
document.querySelectorAll("[data-axis=patient] button").forEach(function (patient) {
  patient.click();
  document.querySelectorAll("[data-axis=policy] button").forEach(function (policy) { policy.click(); });
});
</script>
"""
SHOWN = {
    "figure-forest", "figure-distribution", "figure-pairs", "figure-training", "figure-patient-0-ppo",
    "figure-identity", "figure-course-1",
}  # fmt: skip
STORIES = {f"figure-patient-{k}-{policy}" for k in (0, 1) for policy in ("ppo", "fixed", "guideline")}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(synthetic_data(n=30, hours=24 * 7), tmp_path_factory.mktemp("report") / "report.html")


def probed(report, folder, *flags, before=""):
    """What a browser made of the report, and the lines it logged."""
    copy = folder / "copy.html"
    text = report.read_text(encoding="utf-8")
    copy.write_text(text.replace("</body>", before + PROBE + "</body>"), encoding="utf-8")
    page = load(copy, folder, *flags)
    found = re.search(r'<pre id="probe">(.*?)</pre>', page.dom, re.DOTALL)
    assert found is not None, "the page's scripts did not run to their end"
    return json.loads(html.unescape(found.group(1))), page


def drawn(found):
    """Ids of the figures that hold drawings with marks in them, as wide as the page allows."""
    figures = found["figures"].items()
    return {name for name, seen in figures if seen["drawings"] >= 3 and seen["marks"] > 0 and seen["width"] > 600}


def test_figures_are_drawn_and_nothing_is_logged(report, tmp_path):
    found, page = probed(report, tmp_path)
    assert drawn(found) == SHOWN
    assert page.dom.count('class="main-svg"') >= 3 * len(SHOWN)
    assert page.console == []


def test_every_tab_draws_its_figure(report, tmp_path):
    found, page = probed(report, tmp_path, before=CLICK_ALL)
    assert drawn(found) >= SHOWN - STORIES
    assert all(found["figures"][name]["drawings"] >= 3 for name in STORIES)
    assert found["open"] == ["1"]
    assert page.console == []


@pytest.mark.parametrize(("scheme", "dark"), [("0", True), ("1", False)])
def test_the_page_follows_the_color_scheme(report, tmp_path, scheme, dark):
    found, _ = probed(report, tmp_path, f"--blink-settings=preferredColorScheme={scheme}")
    levels = [int(value) for value in re.findall(r"\d+", found["background"])[:3]]
    assert max(levels) < 60 if dark else min(levels) > 240


def test_it_prints(report, tmp_path):
    pages = re.findall(rb"/Type\s*/Page[^s]", save(report, tmp_path / "report.pdf", tmp_path))
    assert 3 <= len(pages) <= 20


def test_an_error_on_a_page_would_be_seen(tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text("<body><script>undefined.x</script>", encoding="utf-8")
    assert any("TypeError" in line for line in load(broken, tmp_path).console)


def test_a_missing_browser_fails_with_advice(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(AssertionError, match="apt-get install chromium"):
        chromium()
