"""Files of what was tried: read as they are, refused with the reason where a step is impossible."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.clinic.pathway.consensus import read_consensus
from thecal.clinic.pathway.history import History, read_history
from thecal.core.errors import ParameterError

GOOD = """[[step]]
drugs = ["bupivacaine", "morphine"]
ug_per_d = [2000.0, 500]
days = 30
relief_percent = 40.0
side_effects = ["nausea"]
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_history_is_read_as_it_is(tmp_path: Path) -> None:
    found = read_history(_file(tmp_path, GOOD + GOOD.replace("500", "600")))
    assert found.step[1].doses == {"bupivacaine": 2000.0, "morphine": 600.0}
    assert found.first_doses == {"bupivacaine": 2000.0, "morphine": 500.0}
    assert History().first_doses == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"morphine"', '"morfine"', "'morfine' is no known drug (did you mean 'morphine'?)"),
        ('"morphine"', '"bupivacaine"', "drugs: one is named twice"),
        ("[2000.0, 500]", "[2000.0]", "1 doses for 2 drugs"),
        ("500]", "-1]", "must be above 0"),
        ("days = 30", "days = -1", "step.0.days"),
        ("relief_percent = 40.0", "relief_percent = 140.0", "step.0.relief_percent"),
        ("relief_percent = 40.0", "relief_percent = '40'", "step.0.relief_percent"),
        ('"nausea"', '"nausia"', "'nausia' is unknown (did you mean 'nausea'?)"),
        ("days = 30", "days = 30\nextra = 1", "extra"),
        (GOOD, "", "step: is missing"),
    ],
)
def test_an_impossible_step_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(ParameterError, match=r"mine\.toml: ") as caught:
        read_history(_file(tmp_path, GOOD.replace(old, new, 1)))
    assert said in str(caught.value)


LINES = """title = "Mine"
by = "mechanism"
[track.nociceptive]
title = "a"
[[track.nociceptive.line]]
name = "1"
regimens = ["morphine"]
source = "made up for a test"
confidence = "low"
evidence = "proposed"
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LINES.replace('"morphine"', '"morphine+bupivacaine"'), "alphabetical order"),
        (LINES.replace('"morphine"', '"morfine"'), "'morfine' of 'morfine' is no drug"),
        (LINES, "by mechanism it has nociceptive, neuropathic and no other"),
        ('title = "a"', "by: is missing, and so is a base"),
        ('title = "a"\nbase = "pacc_1999"', "base: 'pacc_1999' is not one of"),
        ('title = "a"\nbase = "pacc_2017"\nby = "spread"', "has none of its own"),
    ],
)  # fmt: skip
def test_wrong_lines_are_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"mine\.toml: ") as caught:
        read_consensus(_file(tmp_path, text))
    assert said in str(caught.value)
