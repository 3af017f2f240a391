"""The report in a real browser: charts are drawn and read out, tabs work, no axe violation, dark, narrow and print come out."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from playwright.sync_api import sync_playwright

from thecal.experiments.reports.page import write_report

from support.browser import chromium, load, save
from support.reports import synthetic_data

pytestmark = pytest.mark.e2e

POLICIES = ("ppo", "fixed", "guideline")
# What is drawn in a chart that can be seen: lines and marks inside the page, as wide as it allows.
DRAWN = """() => Object.fromEntries(Array.from(document.querySelectorAll(".chart"))
.filter(c => c.checkVisibility()).map(c => [c.id, {
  width: c.getBoundingClientRect().width,
  marks: Array.from(c.querySelectorAll(".plot path, .plot circle, .plot rect, .plot line:not(.g)"))
    .filter(m => { const b = m.getBoundingClientRect(); return b.width + b.height > 0; }).length }]))"""
RUN_AXE = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
.map(v => [v.id, v.nodes.map(n => n.html)])"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(synthetic_data(n=12, hours=24 * 7), tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, report):
    """Opens the report and hands over the page; whatever its console received fails the test."""
    pages, said = [], []

    def at(width=1400, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
        page.on("console", lambda line: said.append(line.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith("file:") else said.append(request.url))
        page.goto(report.as_uri())
        pages.append(page)
        return page

    yield at
    for page in pages:
        page.close()
    assert said == []


def test_charts_are_drawn_and_nothing_is_logged(opened):
    found = opened().evaluate(DRAWN)
    assert {name for name, seen in found.items() if seen["marks"] >= 2 and seen["width"] > 280} == set(found)
    assert {"figure-primary", "figure-course-pain", "figure-forest", "figure-subgroups", "figure-patient-0-ppo"} <= set(
        found
    )


def test_every_tab_shows_its_patient(opened):
    page = opened()
    for patient, policy in ((k, name) for k in (0, 1) for name in POLICIES):
        page.click(f"[data-axis=patient] button[value='{patient}']")
        page.click(f"[data-axis=policy] button[value='{policy}']")
        seen = page.evaluate(
            "Array.from(document.querySelectorAll('.story')).filter(s => s.checkVisibility()).map(s => s.dataset)"
        )
        assert seen == [{"patient": str(patient), "policy": policy}]
        assert page.evaluate(DRAWN)[f"figure-patient-{patient}-{policy}"]["marks"] > 20


def test_pointer_and_arrow_keys_read_values(opened):
    page = opened()
    chart, reading = page.locator("#figure-course-pain"), page.locator("#figure-course-pain + output")
    chart.hover(position={"x": 100, "y": 60})
    assert re.match(r"day [\d.]+ · PPO \(trained\): .*median 5\.0 NRS", reading.inner_text())
    page.mouse.move(0, 0)
    assert reading.inner_text() == ""
    chart.focus()
    page.keyboard.press("End")
    assert reading.inner_text().startswith("day 7.0 · ")
    page.keyboard.press("Home")
    assert reading.inner_text().startswith("day 0.0 · ")
    assert chart.locator(".cursor").count() == 8
    page.keyboard.press("Escape")
    assert chart.locator(".cursor").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), pytest.param(360, "dark", marks=pytest.mark.slow)])
def test_axe_finds_no_violation(opened, width, scheme):
    page = opened(width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    assert page.evaluate(RUN_AXE) == []


@pytest.mark.parametrize("width", [360, 820, 1400])
def test_nothing_is_wider_than_the_page(opened, width):
    page = opened(width)
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_answer_stands_on_the_first_screen(opened):
    page = opened()
    ends = page.evaluate(
        "Array.from(document.querySelectorAll('.verdict, .answer dd')).map(e => e.getBoundingClientRect().bottom)"
    )
    assert len(ends) == 5
    assert max(ends) < 1000


@pytest.mark.parametrize(("scheme", "dark"), [("dark", True), ("light", False)])
def test_the_page_follows_the_color_scheme(opened, scheme, dark):
    color = opened(scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(value) for value in re.findall(r"\d+", color)[:3]]
    assert max(levels) < 60 if dark else min(levels) > 240


def test_it_prints(report, tmp_path):
    pages = re.findall(rb"/Type\s*/Page[^s]", save(report, tmp_path / "report.pdf", tmp_path))
    assert 5 <= len(pages) <= 24


def test_an_error_on_a_page_would_be_seen(tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text("<body><script>undefined.x</script>", encoding="utf-8")
    assert any("TypeError" in line for line in load(broken, tmp_path).console)


def test_a_missing_browser_fails_with_advice(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(AssertionError, match="apt-get install chromium"):
        chromium()
