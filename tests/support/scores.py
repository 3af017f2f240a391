"""Small scorecards for tests: no patient is run."""

from __future__ import annotations

from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.scores import Score
from thecal.experiments.validation.targets import Target, load_targets

FIELDS = {
    "key": "half_life", "title": "Half-life in CSF", "unit": "h", "observed": 2.0, "low": 1.0, "high": 4.0, "spread": "range",
    "population": "n = 8", "regimen": "one bolus at L3", "source": "A 1984, B 60:448", "confidence": "high", "kind": "source",
    "role": "test", "drug": "morphine", "group": "kinetics",
}  # fmt: skip
CHECK = Band(
    "CSF after 0.5 mg", "ug/mL", [1.0, 2.0, 4.0], [0.5, 0.4, 0.2], [1.0, 0.8, 0.4], [2.0, 1.6, 0.8], [(1.0, 1.1, 0.7, 1.5)],
    "A 1984", log_scale=True,
)  # fmt: skip


def target(**changes):
    return Target(**{**FIELDS, **changes})


def some_scores():
    """A pass and a miss in one group, a miss in another, in an order that is not that of the page."""
    return [
        Score(target=target(key="c", title="Fall of pain", unit="%", group="trial", role="calibration"), values=(0.5,)),
        Score(target=target(key="a"), values=(2.5,)),
        Score(target=target(key="b", title="Ratio", unit="ratio", role="informed"), values=(9.0,)),
    ]


def shipped_scores(simulated=lambda target: target.observed):
    return [Score(target=target, values=(simulated(target),)) for target in load_targets()]
