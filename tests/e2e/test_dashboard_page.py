"""The dashboard in a real browser: every view opens, every control does what it says, and nothing is logged or sent elsewhere."""

from __future__ import annotations

import http.server
import re
import shutil
import threading

import pytest

from support.dashboards import served, store
from support.driven import complete, driven, until, watched

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def browser():
    with driven() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(store(tmp_path_factory.mktemp("page"))) as running:
        yield running


@pytest.fixture
def seen(browser, site):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = watched(context)
    yield opened
    context.close()
    opened.clean(f"127.0.0.1:{site.port}")


def patient(seen, site, rest="patient/1?policy=pid"):
    """Open a patient and wait until all of it is drawn."""
    seen.page.goto(f"{site.address}#/run/{site.id_of('small')}/{rest}")
    complete(seen.page)
    return seen.page


def shown(page):
    """The part of the axis that the address names, days."""
    found = re.search(r"from=(-?[\d.]+)&to=([\d.]+)", page.url)
    return (float(found[1]), float(found[2])) if found else None


def drawn(page, key):
    """Pixels of a panel's canvas that are not clear."""
    script = """key => { const c = document.querySelector(`[data-panel=${key}] canvas`); if (!c) return 0;
      return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, k) => k % 4 == 3 && v > 0).length; }"""
    return page.evaluate(script, key)


def pictures(page):
    """What the canvases of some panels show."""
    script = "key => document.querySelector(`[data-panel=${key}] canvas`).toDataURL()"
    return [page.evaluate(script, key) for key in ("pain", "rate", "lanes")]


def test_every_view_opens_from_the_front_page(seen, site):
    page = seen.page
    page.goto(site.address)
    page.get_by_label("Find").fill("guideline dosefinding")
    page.get_by_role("link", name="small").click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Find each cancer patient")
    assert page.locator("svg[role=img] circle").count() == 2
    page.get_by_role("link", name="worst patients").last.click()
    page.get_by_role("heading", name="Patients, the worst first").wait_for()
    assert page.get_by_label("Worst under").input_value() == "pid"
    page.get_by_role("row").nth(1).get_by_role("link", name="Patient").click()
    complete(page)
    page.get_by_role("link", name="Why").click()
    page.get_by_role("heading", name=re.compile("^Why: ")).wait_for()
    page.get_by_role("link", name="Whom").click()
    page.get_by_role("heading", name=re.compile("^For whom: ")).wait_for()
    assert page.get_by_label("Difference in").locator("a").count() == 3
    page.get_by_label("Policy").select_option("pid")
    page.get_by_role("heading", name="For whom: PID control against Fixed rate").wait_for()
    page.get_by_label("Against", exact=True).select_option("bmi")
    page.locator("svg.chart text", has_text="body mass index [kg/m²]").wait_for()
    page.get_by_label("Difference in").locator("a").first.click()
    complete(page)
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("heading", name="Every outcome").wait_for()
    page.goto(f"{site.address}#/run/{site.id_of('alone')}")
    page.get_by_role("row", name=re.compile("^Well treated")).wait_for()


def test_panels_share_cursor_zoom_and_address(seen, site):
    page = patient(seen, site)
    assert shown(page) is None
    for key in ("pain", "rate", "dose_morphine", "lanes"):
        assert drawn(page, key) > 200, key
    whole = pictures(page)
    box = page.locator("[data-panel=rate] .u-over").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 20)
    pain = page.locator("[data-panel=pain] .key b").first
    until(page, lambda: pain.inner_text(), "pain at the cursor of another panel")
    assert 0.0 <= float(pain.inner_text()) <= 10.0
    until(page, lambda: "day 4" in page.locator("[data-panel=lanes] .head").inner_text(), "the moment over the lanes")
    box = page.locator("[data-panel=pain] .u-over").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.25 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], y, steps=4)
    page.mouse.up()
    from_, to = until(page, lambda: shown(page), "the brushed part in the address")
    assert to - from_ == pytest.approx(4.0, abs=0.15)  # half of eight days
    assert all(one != other for one, other in zip(pictures(page)[:2], whole[:2], strict=True))
    page.get_by_role("button", name="zoom in").click()
    inner = until(page, lambda: (shown(page) != (from_, to)) and shown(page), "a zoom by button")
    assert inner[1] - inner[0] == pytest.approx(0.5 * (to - from_), rel=0.01)
    page.get_by_role("button", name="later").click()
    later = until(page, lambda: (shown(page) != inner) and shown(page), "later days")
    assert later[0] > inner[0]
    page.reload()
    complete(page)
    assert shown(page) == later
    page.get_by_role("group", name="Panels on one time axis").press("0")
    until(page, lambda: shown(page) is None, "all days again")
    page.mouse.move(5, 5)
    until(page, lambda: pictures(page)[:2] == whole[:2], "the pictures of the beginning")


def test_jumps_go_through_the_refusals(seen, site):
    page = patient(seen, site)
    told = page.locator(".moment")
    events = site.get(f"/api/runs/{site.id_of('small')}/patients/1/events")["policies"]["pid"]["lanes"]
    begun = sorted({begin for lane in events if lane["kind"] == "refusal" for begin, _ in lane["spans"]})
    page.get_by_role("button", name="next event").click()
    until(page, lambda: f"refusal by the shield 1 of {len(begun)}" in told.inner_text(), "the first refusal")
    until(page, lambda: "Day 0, 08:00: asked" in told.inner_text(), "its sentence")
    page.get_by_role("button", name="next event").click()
    until(page, lambda: f"2 of {len(begun)}" in told.inner_text(), "the second")
    page.get_by_role("button", name="previous event").click()
    until(page, lambda: f"1 of {len(begun)}" in told.inner_text(), "back")
    page.get_by_role("link", name="all of this day").click()
    page.get_by_role("heading", name=re.compile("^Why: PID control, patient 1")).wait_for()
    assert page.get_by_label("Day (0").input_value() == "0"
    assert page.locator(".sentences li").count() == 4


def test_policies_can_be_hidden_and_looked_at_closely(seen, site):
    page = patient(seen, site)
    keys = page.locator("[data-panel=breathing] .key")
    before = keys.count()
    page.get_by_label("show Fixed rate").uncheck()
    assert keys.count() == before - 1
    page.get_by_label("Guideline titration in detail").check()
    until(page, lambda: "policy=guideline" in page.url and "hide=fixed" in page.url, "the choice in the address")
    page.reload()
    complete(page)
    assert not page.get_by_label("show Fixed rate").is_checked()
    assert page.get_by_label("Guideline titration in detail").is_checked()
    page.get_by_label("Jump to the next").select_option("fault")
    page.get_by_role("button", name="next event").click()
    until(page, lambda: re.search("fault 1 of|no fault", page.locator(".moment").inner_text()), "a fault or none")


def test_why_filters_by_policy_day_and_kind(seen, site):
    page = patient(seen, site, "patient/1?policy=pid")
    page.get_by_role("link", name="Why").click()
    page.get_by_label("Policy").select_option("pid")
    lines = page.locator(".sentences li")
    refused = site.get(f"/api/runs/{site.id_of('small')}/patients/1/decisions?policy=pid&show=refused")
    until(page, lambda: lines.count() == refused["found"], "all that was refused")
    assert lines.first.inner_text().startswith(refused["decisions"][0]["text"])
    page.get_by_label("Show", exact=True).select_option("all")
    until(page, lambda: lines.count() == refused["all"], "all decisions")
    page.get_by_role("button", name="refused day ▶").click()
    day = refused["refused_days"][0]
    until(page, lambda: page.get_by_label("Day (0").input_value() == str(day), "the first day with a refusal")
    assert all(line.startswith(f"Day {day}, ") for line in lines.all_inner_texts())
    page.get_by_label("Patient", exact=True).fill("2")
    page.get_by_label("Patient", exact=True).press("Enter")
    page.get_by_role("heading", name="Why: PID control, patient 2").wait_for()
    page.get_by_role("link", name="see it").first.click()
    complete(page)
    assert shown(page) is not None
    (told,) = site.get(f"/api/runs/{site.id_of('small')}/patients/2/decisions?policy=pid&show=refused")["decisions"][:1]
    assert float(re.search(r"at=([\d.]+)", page.url)[1]) == pytest.approx((told["begin_h"] + 8.0) / 24.0, abs=1e-3)


def test_a_phone_in_the_dark_needs_no_sideways_scroll(browser, site):
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark")
    seen = watched(context)
    run = f"#/run/{site.id_of('small')}"
    for rest in ("#/", run, f"{run}/patients", f"{run}/patient/1?policy=pid", f"{run}/why/1?policy=pid", f"{run}/whom"):
        seen.page.goto(f"{site.address}{rest}")
        seen.page.get_by_role("heading", level=1).wait_for()
        until(seen.page, lambda: seen.page.locator("main .loading").count() == 0, rest)
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 360, rest
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
    context.close()
    seen.clean(f"127.0.0.1:{site.port}")


def test_an_empty_store_fills_while_it_is_looked_at(browser, tmp_path):
    root = tmp_path / "runs"
    full = store(tmp_path / "elsewhere")
    with served(root) as site:
        context = browser.new_context()
        first, second = watched(context), watched(context)
        first.page.goto(site.address)
        first.page.get_by_text("Nothing is stored yet").wait_for()
        assert "thecal compare" in first.page.locator("pre").first.inner_text()
        shutil.copytree(full / "small", root / "small")
        first.page.get_by_role("link", name="small").click()
        first.page.get_by_role("heading", name="Every outcome").wait_for()
        second.page.goto(f"{site.address}#/run/{site.id_of('small')}/patient/0")
        complete(second.page)
        shutil.rmtree(root / "small")
        for window in (first, second):
            window.page.get_by_text("was deleted or moved").wait_for()
        second.page.reload()
        second.page.get_by_role("alert").get_by_text("not there any more").wait_for()
        assert all("404" in line for line in second.console)
        assert first.console == []
        context.close()


def test_a_page_from_elsewhere_reads_nothing(browser, site):
    run = site.id_of("small")
    script = f"""
        const told = [];
        for (const name of ["127.0.0.1", "localhost"])
          for (const mode of ["cors", "no-cors"])
            told.push(fetch(`http://${{name}}:{site.port}/api/runs/{run}`, {{ mode }}).then(
              (answer) => `${{mode}} ${{answer.type}} ${{answer.status}}`, () => `${{mode}} failed`));
        Promise.all(told).then((all) => {{ document.title = all.join("; "); }});"""
    text = f'<iframe src="{site.address}"></iframe><script type="module">{script}</script>'.encode()

    class Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{other.server_port}/")
        told = until(page, lambda: page.title(), "what became of the requests")
        other.shutdown()
        frames = [frame.content() for frame in page.frames[1:] if frame.url.startswith(site.address)]
        context.close()
    assert told == "cors failed; no-cors failed; cors failed; no-cors failed"
    assert not any("Runs and comparisons" in content for content in frames)
