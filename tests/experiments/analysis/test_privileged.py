"""A policy that knows what no other does is marked wherever a table, a listing or a page names it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from thecal.agents.info import PolicyInfo
from thecal.experiments.analysis.compare import summarize
from thecal.experiments.analysis.tables import brief_table, comparison_table
from thecal.experiments.reports.theme import styles_of

from support.runs import hand_run

ORACLE = PolicyInfo(name="oracle", label="Oracle", kind="model-based", privileged=True)
OPEN = PolicyInfo(name="fixed", label="Fixed", kind="rule")


def test_kind_and_label_say_it():
    assert (ORACLE.marked_kind, ORACLE.marked_label) == ("model-based, privileged", "Oracle (privileged)")
    assert (OPEN.marked_kind, OPEN.marked_label) == ("rule", "Fixed")


@pytest.mark.parametrize("table", [brief_table, comparison_table])
def test_tables_of_a_comparison_say_it(table):
    oracle = replace(hand_run(policy="oracle"), info=ORACLE)
    found = summarize({"fixed": hand_run(policy="fixed"), "oracle": oracle}, "fixed", 0)
    text = io.StringIO()
    Console(file=text, width=300).print(table(found.result))
    assert "oracle (privileged)" in text.getvalue()
    assert "fixed (privileged)" not in text.getvalue()


def test_pages_say_it():
    assert [style.label for style in styles_of([ORACLE, OPEN]).values()] == ["Oracle (privileged)", "Fixed"]


def test_a_listing_says_it(monkeypatch):
    from thecal.agents import registry
    from thecal.experiments.commands.listings import policies

    monkeypatch.setattr(registry, "policy_info", lambda name: ORACLE if name == "pid" else OPEN)
    kinds = {row["name"]: row["kind"] for row in policies()}
    assert (kinds["pid"], kinds["fixed"]) == ("model-based, privileged", "rule")
