"""Plans of trials and results of their own, for tests that simulate no patient."""

from __future__ import annotations

from typing import Any

from thecal.experiments.analysis.trial_plan import Plan
from thecal.experiments.analysis.trial_results import Compared, Flow, Look, TrialResult

ARMS = {"a": {"label": "Guideline", "policy": "guideline"}, "b": {"label": "Fixed", "policy": "fixed"}}


def plan(**changes: Any) -> Plan:
    """A small plan of two arms."""
    base: dict[str, Any] = {
        "title": "short", "design": "parallel", "task": "CancerMorphine", "split": "tune", "patients": 100, "arms": ARMS,
        "endpoint": {"outcome": "mean_nrs", "better": -1},
    }  # fmt: skip
    return Plan.model_validate(base | changes)


def result(**changes: Any) -> TrialResult:
    """A trial that was stopped at its first look."""
    flow = {
        name: Flow(label=arm["label"], simulated=True, allocated=25, lost=3, died=1, rescued=2, analyzed=22)
        for name, arm in ARMS.items()
    }
    one = Compared(
        arms=("a", "b"),
        estimate=-1.5,
        error=0.4,
        low=-2.6,
        high=-0.4,
        statistic=-3.7,
        p=0.0002,
        means=(4.0, 5.5),
        n=(22, 22),
    )
    base: dict[str, Any] = {
        "plan": plan().model_dump(mode="json"), "hash": "0" * 64, "title": "A trial <of> two arms", "design": "parallel",
        "endpoint": "mean_nrs", "unit": "NRS", "better": -1, "alpha": 0.05, "planned": 100, "assessed": 130,
        "excluded": {"too little pain": 30}, "flow": flow,
        "looks": (Look(share=0.5, entered=50, bound=2.8, spent=0.005, statistic=-3.7, stopped=True),),
        "compared": (one,), "secondary": {"a": {}, "b": {}}, "strata": {"0": {"a": 20, "b": 19}, "1": {"a": 5, "b": 6}},
        "decision": "first better", "stopped_early": True, "unshielded": False, "not_simulated": (),
    }  # fmt: skip
    return TrialResult.model_validate(base | changes)
