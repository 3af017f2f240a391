"""The page of a trial in a real browser: its drawings lie within their frames, texts are escaped, and nothing is logged."""

from __future__ import annotations

import re

import pytest

from thecal.experiments.reports.trial_page import consort, render, write_trial

from support.browser import load
from support.trials import result

pytestmark = pytest.mark.e2e


def test_it_opens_and_nothing_is_logged(tmp_path):
    page = load(write_trial(result(not_simulated=("Elsewhere",)), tmp_path / "page.html"), tmp_path)
    assert page.console == []
    for words in (
        "Guideline is better than Fixed",
        "stopped early",
        "NOT SIMULATED",
        "too little pain (n = 30)",
        "analyzed (n = 22)",
    ):
        assert words in page.dom
    assert "A trial &lt;of&gt; two arms" in page.dom


def test_the_flow_lies_within_its_frame():
    drawn = consort(result())
    for box in drawn["boxes"]:
        assert box["x"] >= 0.0
        assert box["x"] + box["width"] <= drawn["width"]
        assert box["y"] + box["height"] <= drawn["height"]
        assert all(y < box["y"] + box["height"] for _, y, _ in box["texts"])
    texts = [text for box in drawn["boxes"] for *_, text in box["texts"]]
    assert "not needed, stopped early (n = 50)" in texts


def test_an_unshielded_arm_is_said_loudly():
    assert re.search(r"UNSHIELDED:</strong>", render(result(unshielded=True)))
    assert "UNSHIELDED" not in render(result())
