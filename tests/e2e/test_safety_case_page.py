"""The safety case in a real browser: it searches, opens what is linked, fits small and large windows, and loads nothing."""

from __future__ import annotations

import html
import json
import re

import pytest

from thecal.experiments.assurance.case_data import read
from thecal.experiments.assurance.safety_case import write_safety_case

from support.browser import load, save

pytestmark = pytest.mark.e2e

PROBE = """
<script>
window.addEventListener("load", function () { setTimeout(function () {
const all = function (what) { return Array.from(document.querySelectorAll(what)); };
const shown = function () { return all("[data-find]:not([hidden])").map(function (item) { return item.id; }); };
const box = document.getElementById("find");
const search = function (words) { box.value = words; box.dispatchEvent(new Event("input")); return shown(); };
const found = { all: shown().length, unit: search("DECIMAL point  rate"), goal: search("goal-0"),
  none: search("no such words here"),
  told: document.getElementById("found").textContent, groups: all("[data-group]:not([hidden])").length };
location.hash = "#hazard-CO-01";
setTimeout(function () {
  found.linked = document.getElementById("hazard-CO-01").open && !document.getElementById("hazard-CO-01").hidden;
  found.again = shown().length;
  found.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  found.background = getComputedStyle(document.body).backgroundColor;
  const probe = document.createElement("pre");
  probe.id = "probe";
  probe.textContent = JSON.stringify(found);
  document.body.append(probe);
}, 200); }, 100); });
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return write_safety_case(tmp_path_factory.mktemp("case") / "case.html")


def probed(page, folder, *flags):
    """What a browser made of the page; the probe is a script that the page's own policy would not let run."""
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    copy = folder / "probed.html"
    copy.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    shown = load(copy, folder, *flags)
    found = re.search(r'<pre id="probe">(.*?)</pre>', shown.dom, re.DOTALL)
    assert found is not None, "the page's scripts did not run to their end"
    return json.loads(html.unescape(found.group(1)))


def test_it_opens_under_its_own_policy_without_a_word(page, tmp_path):
    shown = load(page, tmp_path)
    assert 'data-ready="yes"' in shown.dom
    assert shown.console == []


def test_a_foreign_script_does_not_run(page, tmp_path):
    copy = tmp_path / "copy.html"
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")
    shown = load(copy, tmp_path)
    assert '<pre id="probe">' not in shown.dom
    assert any("Content Security Policy" in line for line in shown.console)


@pytest.mark.parametrize("size", ["360,800", "1400,1000"])
def test_search_filters_and_links_open(page, tmp_path, size):
    found = probed(page, tmp_path, f"--window-size={size}")
    assert found["all"] > 400
    assert "hazard-OI-07" in found["unit"]
    assert len(found["unit"]) < 20
    assert found["goal"] == ["goal-0"] or "goal-0" in found["goal"]
    assert found["none"] == []
    assert found["told"].startswith("0 of ")
    assert found["groups"] == 0
    assert found["linked"]
    assert found["again"] == found["all"], "a link to what is filtered out ends the search"
    assert found["wide"] <= 0, "the page is wider than the window"


def test_every_hazard_can_be_looked_for(page):
    text = page.read_text(encoding="utf-8")
    for entry in read("hazards.toml")["hazard"]:
        assert f'<details class="item" id="hazard-{entry["id"]}" data-find>' in text


@pytest.mark.parametrize(("scheme", "dark"), [("0", True), ("1", False)])
def test_it_follows_the_color_scheme(page, tmp_path, scheme, dark):
    found = probed(page, tmp_path, f"--blink-settings=preferredColorScheme={scheme}")
    levels = [int(value) for value in re.findall(r"\d+", found["background"])[:3]]
    assert max(levels) < 60 if dark else min(levels) > 240


def test_paper_shows_what_is_folded(page, tmp_path):
    pages = re.findall(rb"/Type\s*/Page[^s]", save(page, tmp_path / "case.pdf", tmp_path))
    assert 20 <= len(pages) <= 200
