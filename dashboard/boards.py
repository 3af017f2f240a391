"""A leaderboard and a task's headroom as the page shows them: the stored numbers with their words, nothing computed anew."""

from __future__ import annotations

from typing import Any

from thecal.dashboard.index import Entry
from thecal.envs.outcomes import CATALOG
from thecal.experiments.analysis.headroom import PRIMARY, Summary
from thecal.experiments.analysis.headroom_stored import load_headroom
from thecal.experiments.analysis.leaderboard import Board, Line, Total
from thecal.experiments.analysis.leaderboard_stored import load_leaderboard
from thecal.experiments.analysis.utility import TITLES


def leaderboard(entry: Entry) -> dict[str, Any]:
    """The page's data of a leaderboard.

    Raises:
        StoreError: it cannot be read.
    """
    found = load_leaderboard(entry.file)
    return {
        "split": found.split,
        "seeds": found.seeds,
        "patients": found.patients,
        "reference": found.reference,
        "tested": found.tested,
        "weightings": TITLES,
        "boards": [_board(board) for board in found.boards],
        "overall": [
            {
                "title": f"All conditions, shield {one.shield_mode}",
                "mark": "UNSHIELDED" if one.unshielded else "",
                "conditions": one.conditions,
                "lines": [_total(name, total, False) for name, total in one.lines.items()]
                + [_total(name, total, True) for name, total in one.apart.items()],
            }
            for one in found.overall
        ],
    }


def _board(board: Board) -> dict[str, Any]:
    lines = [_line(name, line, False) for name, line in board.lines.items()]
    return {
        "title": board.title,
        "mark": board.mark,
        "profile": board.profile,
        "patients": board.patients,
        "primary": CATALOG[board.primary].model_dump() if board.primary in CATALOG else {"label": board.primary},
        "same_order": board.agreement.same_order,
        "same_first": board.agreement.same_first,
        "lines": lines + [_line(name, line, True) for name, line in board.apart.items()],
    }


def _line(name: str, line: Line, apart: bool) -> dict[str, Any]:
    return {
        **_total(name, line, apart),
        "well": line.well.mean.model_dump(),
        "worst": line.well.worst.model_dump(),
        "score": line.score.model_dump(),
        "limits": line.limits,
        "failures": line.seen,
        "transfers": line.transfers,
        "claim": line.claim,
    }


def _total(name: str, line: Line | Total, apart: bool) -> dict[str, Any]:
    return {
        "name": name,
        "label": line.info.marked_label,
        "kind": line.info.marked_kind,
        "apart": apart,
        "place": line.place.model_dump(),
        "few_seeds": line.few_seeds,
        "utility": {key: value.model_dump() for key, value in line.utility.items()},
    }


def headroom(entry: Entry) -> dict[str, Any]:
    """The page's data of a task's headroom.

    Raises:
        StoreError: it cannot be read.
    """
    found = load_headroom(entry.file)
    judged = found.judgment
    return {
        "task": found.scenario.task if isinstance(found.scenario.task, str) else found.scenario.task.name,
        "split": found.scenario.split,
        "date": found.date,
        "patients": found.patients * len(found.seeds),
        "profile": found.profile,
        "proved": found.proved,
        "wide": found.wide,
        "best_rule": judged.best_rule,
        "reference": judged.reference,
        "open_share": judged.open_share,
        "outcome": CATALOG[PRIMARY].model_dump(),
        "passed": judged.passed,
        "rules": [{"sentence": rule.sentence, "passed": rule.passed} for rule in judged.rules],
        "left_out": found.left_out,
        "rows": [
            {
                "name": name,
                "label": row.label,
                "kind": row.kind,
                "primary": _centers(row.outcomes[PRIMARY]),
                "score": _centers(row.score),
            }
            for name, row in judged.policies.items()
        ],
    }


def _centers(summary: Summary) -> dict[str, Any]:
    return summary.model_dump()
