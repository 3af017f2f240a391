"""``thecal report``: the page, printed to PDF, and every chart as an SVG file; a missing browser is said before work."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from thecal.core.errors import MissingExtraError, StoreError
from thecal.experiments.cli import run
from thecal.experiments.reports import pdf
from thecal.experiments.reports.store import save_report_data

from support.reports import synthetic_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("compared")
    save_report_data(synthetic_data(n=6, hours=48), place)
    return place


@pytest.mark.e2e
def test_page_pdf_and_figures_are_written(folder, tmp_path, capsys):
    line = ["report", str(folder), "--out", str(tmp_path / "r.html"), "--pdf", str(tmp_path / "r.pdf")]
    assert run([*line, "--figures", str(tmp_path / "figures")]) == 0
    said = capsys.readouterr().out
    assert f"printed: {tmp_path / 'r.pdf'}" in said
    printed = (tmp_path / "r.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) > 4
    drawn = sorted((tmp_path / "figures").iterdir())
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert len(drawn) == page.count('class="chart')
    assert f"figures: {len(drawn)} in" in said
    for file in drawn:
        root = ElementTree.parse(file).getroot()
        assert root.tag.endswith("svg")
        assert "Research simulation only." in "".join(root.itertext())


def test_a_missing_browser_is_said_before_work(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert run(["report", str(folder), "--out", str(tmp_path / "r.html"), "--pdf", str(tmp_path / "r.pdf")]) == 5
    assert "a PDF needs Chromium or Chrome" in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--pdf", "r.txt"), "the ending must be .pdf"),
        (("--figures", "file"), "is a file"),
        (("--out", "r.html", "--pdf", "r.html"), "the ending must be .pdf"),
    ],
)
def test_a_wrong_place_is_refused_before_work(folder, tmp_path, monkeypatch, capsys, options, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    assert run(["report", str(folder), *options]) != 0
    assert reason in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_browser_that_fails_is_one_sentence(tmp_path, monkeypatch):
    script = tmp_path / "chromium"
    script.write_text("#!/bin/sh\necho no display >&2\nexit 7\n")
    script.chmod(0o755)
    monkeypatch.setattr(pdf.shutil, "which", lambda _name: str(script))
    with pytest.raises(StoreError, match="ended with 7: no display"):
        pdf.write_pdf(tmp_path / "r.html", tmp_path / "r.pdf")
    monkeypatch.setattr(pdf.shutil, "which", lambda _name: None)
    with pytest.raises(MissingExtraError):
        pdf.browser()
