"""The page of the review's topics follows its table, and every file, command and target that the table names is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.core.errors import ConfigError
from thecal.experiments.cli import app
from thecal.experiments.reports.coverage_page import COMMAND, DATA, PAGE, load, render, write_page
from thecal.experiments.validation.targets import load_targets

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ROWS = load(DOCS).rows
# The sections of the review that state something of drugs, systems, patients or money; its list of references is none.
SECTIONS = ["1", "2", "3.1.1", "3.1.2", "3.1.3", "3.2", "4", "5.1", "5.2", "6", "7", "8", "9"]


def test_the_committed_page_follows_its_table() -> None:
    assert (DOCS / PAGE).read_text(encoding="utf-8") == render(load(DOCS)), "run `python docs/generate.py`"


def test_every_section_of_the_review_is_there() -> None:
    assert [section.number for section in load(DOCS).section] == SECTIONS
    assert len({row.topic for row in ROWS}) > 100


def test_every_file_that_is_named_is_there() -> None:
    named = {place for row in ROWS for place in row.where if not place.startswith(COMMAND)}
    assert len(named) > 40
    assert [place for place in sorted(named) if not (ROOT / place).exists()] == []


def test_every_command_that_is_named_is_there() -> None:
    from typer.main import get_command

    for place in {place for row in ROWS for place in row.where if place.startswith(COMMAND)}:
        command = get_command(app)
        for word in place.split()[1:]:
            commands = getattr(command, "commands", {})
            assert word in commands, place
            command = commands[word]


def test_every_target_that_is_named_is_there() -> None:
    known = {target.key for target in load_targets()}
    named = {key for row in ROWS for key in row.targets}
    assert len(named) > 80
    assert named - known == set()


# Figures of the review, as it prints them, each in the row of its topic.
@pytest.mark.parametrize(
    ("topic", "figure"),
    [
        ("Conversion from the oral dose", "1/300"),
        ("Start", "1.2 ug/d"),
        ("Steps", "0.5 ug/d every 4 to 7 days"),
        ("Most", "19.2 ug/d"),
        ("Test dose", "50 ug, watched for 5 to 10 h"),
        ("Titration", "10-30 % (spinal), 5-15 % (cerebral)"),
        ("Fentanyl over 31 months", "68 %"),
        ("Bupivacaine with morphine in cancer", "96.2 %"),
        ("Bupivacaine by external catheters", "0.8-27 mg/d"),
        ("Hydromorphone after morphine failed", "16"),
        ("Midazolam", "9.7 weeks"),
        ("Ziconotide alone", "80 % after 45-60 days"),
        ("Success of a trial", "50 %"),
        ("Cost: first year", "$17,317"),
        ("Cost: break-even", "28, 22 and 4.5 months"),
        ("Cancer: the randomized trial", "202"),
        ("Less oral medication", "50 %"),
    ],
)
def test_a_figure_stands_as_the_review_has_it(topic: str, figure: str) -> None:
    assert [figure in row.stated for row in ROWS if row.topic == topic] == [True]


GOOD = """[[section]]
number = "1"
title = "A"
[[section.row]]
topic = "t"
stated = "s"
status = "built"
where = ["docs/index.md"]
targets = []
note = ""
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('where = ["docs/index.md"]', "where = []", "where: what is built lives somewhere"),
        ('"built"', '"partly"', "note: what is partly says why"),
        ('status = "built"\nwhere', 'status = "done"\nwhere', "section.0.row.0.status"),
        ('note = ""', "", "note: is missing"),
        ('title = "A"', "", "title: is missing"),
    ],
)
def test_a_wrong_row_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in GOOD
    (tmp_path / DATA).write_text(GOOD, encoding="utf-8")
    assert "| t | s | built |" in write_page(tmp_path).read_text(encoding="utf-8")
    (tmp_path / DATA).write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"coverage\.toml: ") as caught:
        load(tmp_path)
    assert said in str(caught.value)
