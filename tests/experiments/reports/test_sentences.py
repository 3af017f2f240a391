"""What a report says in a sentence is what its tables show: every number of the findings stands in a table, digit by digit."""

from __future__ import annotations

import re

import numpy as np
import pytest

from thecal.experiments.analysis.compare import summarize
from thecal.experiments.reports.build import build_report
from thecal.experiments.reports.findings import findings
from thecal.experiments.reports.page import render
from thecal.experiments.reports.sections import events, shield
from thecal.experiments.reports.tables import outcome_groups
from thecal.experiments.reports.words import number

from support.reports import synthetic_data
from support.runs import hand_run

NUMBER = re.compile(r"[+−]?\d[\d\u2009]*(?:\.\d+)?")


def compared():
    """Three rules, one of them with shield, presses and harms, none of them learned."""
    rng = np.random.default_rng(1)
    runs = {}
    for k, name in enumerate(("fixed", "guideline", "pid")):
        run = hand_run(48, 12, policy=name, controlled_h=np.clip(0.2 * k + 0.1 * rng.random((48, 12)), 0, 1))
        run.data["violations"][:] = np.where(rng.random((48, 12)) < 0.2 * k, (1 << 12) | (1 << 19), 0)
        run.data["binding"][:] = run["violations"]
        run.data["intervened"][:] = run["violations"] > 0
        run.data["sed_events"][:] = rng.random((48, 12)) < 0.02 * k
        runs[name] = run
    return build_report(summarize(runs, "fixed", 0))


DATA = {"learned": lambda: synthetic_data(n=40, hours=48), "rules": compared}


def numbers(*texts: str) -> set[str]:
    return {found for text in texts for found in NUMBER.findall(text)}


def of_tables(data) -> set[str]:
    """Every number of every table of the report."""
    cells = [
        text
        for group in outcome_groups(data)
        for table in ("means", "differences", "tails")
        for row in group[table].values()
        for cell in row
        for text in (cell.value, cell.interval)
    ]
    cells += [
        cell["text"]
        for what in ("changed", "binding", "violations")
        for line in shield.build(data)[what]
        for cell in line["cells"]
    ]
    for table in events.build(data)["events"].values():
        for seen in table.values():
            shares = (seen.share, seen.upper_share, seen.per_100d, seen.upper_per_100d)
            cells += [number(value, 2) for value in shares if value is not None]
            cells += [number(seen.onsets, 0), number(seen.patients, 0), number(seen.patient_days, 0)]
    return numbers(*cells)


def of_no_table(data) -> set[str]:
    """Numbers that are no results: levels, units, counts of what is compared, and statistics that only sentences give."""
    known = {"95", "3", "30", "50", "100", "1000", "10", "24", "0.001", "1"}
    known |= {str(len(data.result.harms)), str(data.n_patients), *map(str, range(len(data.outcomes)))}
    for table in data.result.differences.values():
        primary = table[data.primary.key]
        known |= {f"{primary.p_adjusted:.3f}", f"{primary.improved:.2f}"}
    return known


@pytest.mark.parametrize("kind", sorted(DATA))
def test_every_number_of_a_sentence_stands_in_a_table(kind):
    data = DATA[kind]()
    known = of_tables(data) | of_no_table(data)
    for item in findings(data):
        if "best rule" not in item.lead:  # that pair is compared in this sentence alone
            assert numbers(item.lead, item.text) - known == set(), item
    for sentence in shield.build(data)["why"]:
        assert numbers(sentence) - known == set(), sentence


def test_why_a_policy_was_changed_is_said():
    data = compared()
    page = render(data)
    assert "A lock lowers the rate by itself at a danger sign." in page
    (held, *_others) = shield.build(data)["why"]
    assert held == "fixed: no decision changed."
    assert "the shield changed" in shield.build(data)["why"][1]
    assert "respiratory lock (" in shield.build(data)["why"][1]


def test_provenance_is_one_fact_a_row():
    facts = build_report(
        summarize({"fixed": hand_run(4, 3, policy="fixed"), "b": hand_run(4, 3, policy="b")}, "fixed", 0),
        provenance={"trained": [{"name": "ppo", "weights_sha256": ""}], "shield": {"kernel_hash": "ab"}, "none": []},
    ).provenance
    assert facts == {"trained name": "ppo", "trained weights sha256": "", "shield kernel hash": "ab"}
    page = render(compared().model_copy(update={"provenance": facts}))
    assert '<th scope="row">trained weights sha256</th><td class="text"><code>not recorded</code>' in page
    assert "[{" not in page.partition("Provenance</h2>")[2].partition("</section>")[0]
