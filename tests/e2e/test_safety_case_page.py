"""The safety case in a real browser: every table can be read, lists open, nothing is loaded from elsewhere."""

from __future__ import annotations

import html
import json
import re

import pytest

from thecal.experiments.assurance.safety_case import catalog, write_safety_case

from support.browser import load

pytestmark = pytest.mark.e2e

PROBE = """
<script>
const all = function (what) { return Array.from(document.querySelectorAll(what)); };
const shut = Math.max(...all("tr").map(function (row) { return row.getBoundingClientRect().height; }));
const hidden = all("details").filter(function (list) { return !list.querySelector("li").checkVisibility(); }).length;
all("details").forEach(function (list) { list.open = true; });
const probe = document.createElement("pre");
probe.id = "probe";
probe.textContent = JSON.stringify({ shut: shut, hidden: hidden, lists: all("details").length,
  shown: all("details li").filter(function (item) { return item.checkVisibility(); }).length,
  wide: all(".scroll").filter(function (table) { return table.scrollWidth > table.clientWidth + 1; }).length,
  bad: all(".bad").length, tables: all("table").length });
document.body.append(probe);
</script>
"""


def test_every_table_fits_the_page_and_its_lists_open(tmp_path):
    page = write_safety_case(tmp_path / "case.html").read_text(encoding="utf-8")
    copy = tmp_path / "probed.html"
    copy.write_text(page.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    shown = load(copy, tmp_path)
    found = re.search(r'<pre id="probe">(.*?)</pre>', shown.dom, re.DOTALL)
    assert found is not None
    seen = json.loads(html.unescape(found.group(1)))
    known = catalog().values()
    assert seen["lists"] == seen["hidden"] == len(known) + sum(bool(entry["proofs"]) for entry in known)
    assert seen["shown"] == sum(len(entry["proofs"]) + len(entry["tests"]) for entry in known)
    assert seen["shut"] < 200, "a row is so tall that the table cannot be read"
    assert seen["wide"] == 0, "a table is wider than the page"
    assert seen["bad"] == 0, "something was recorded for another kernel"
    assert seen["tables"] >= 7
    assert shown.console == []
