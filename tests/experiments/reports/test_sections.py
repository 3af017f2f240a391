"""Sections of a report: found by being there, in order, and added with one module and one template."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import thecal
from thecal.core.errors import ConfigError
from thecal.experiments.reports import sections as room
from thecal.experiments.reports.sections import Section, sections

from support.reports import synthetic_data

SHIPPED = [
    "findings", "courses", "outcomes", "differences", "subgroups", "patients-spread", "patients", "shield", "events", "signs",
    "policies", "training", "validation", "limits", "provenance",
]  # fmt: skip
MODULE = '''"""How many policies were compared."""

from thecal.experiments.reports.sections import Section

SECTION = Section("count", "Count of policies", 35, lambda data: {"number": len(data.policies)})
'''
TEMPLATE = "<p>There are {{ number }} of them, {{ styles[data.reference].label }} among them{{ mark }}.</p>\n"
RENDER = """
from pathlib import Path
from thecal.experiments.reports.page import render
from thecal.experiments.reports.store import load_report_data
print(render(load_report_data("report.json.gz")))
"""


def test_the_shipped_sections_stand_in_their_order():
    found = sections()
    assert [section.key for section in found] == SHIPPED
    assert [section.order for section in found] == list(range(10, 160, 10))


def test_a_section_is_one_module_and_one_template(tmp_path):
    """In a copy of the package: two files are written, and the page and its contents show the section."""
    from thecal.experiments.reports.store import save_report_data

    copy = tmp_path / "site" / "thecal"
    source = Path(thecal.__file__).parent
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "*.nb?", "*.json", "*.csv"))
    reports = copy / "experiments" / "reports"
    (reports / "sections" / "count.py").write_text(MODULE)
    (reports / "templates" / "sections" / "count.html.j2").write_text(TEMPLATE)
    save_report_data(synthetic_data(n=6, hours=24), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", RENDER],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(copy.parent)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r'<section id="([^"]+)"', done.stdout) == [*SHIPPED[:3], "count", *SHIPPED[3:]]
    assert '<a href="#count">Count of policies</a>' in done.stdout
    assert "<p>There are 8 of them, Fixed rate among them.</p>" in done.stdout


def test_two_sections_of_one_key_are_refused(tmp_path, monkeypatch):
    (tmp_path / "second_findings.py").write_text(MODULE.replace('"count"', '"findings"'))
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{room.__name__}.second_findings", raising=False)
    with pytest.raises(ConfigError, match="two sections of the report have the key 'findings'"):
        sections()


def test_a_template_is_named_after_its_section_unless_said():
    assert Section("a", "A", 1, dict).file == "sections/a.html.j2"
    assert Section("a", "A", 1, dict, template="sections/b.html.j2").file == "sections/b.html.j2"
