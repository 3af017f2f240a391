"""A verdict for each chart with its reasons, and the funnel of many charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from thecal.clinic.selection.fields import Chart
from thecal.clinic.selection.rules import STAGES, Rule

Answer = Literal["eligible", "after", "not"]
ANSWERS: dict[Answer, str] = {"eligible": "eligible", "after": "eligible after something", "not": "not eligible"}


@dataclass(frozen=True)
class Reason:
    """One rule that speaks against a pump: its key and stage, why in one sentence, and what lifts it (empty: nothing)."""

    rule: str
    title: str
    stage: str
    sentence: str
    until: str
    source: str
    confidence: str

    @property
    def final(self) -> bool:
        """Whether nothing lifts it."""
        return not self.until


@dataclass(frozen=True)
class Verdict:
    """What the rules say of one patient: eligible, eligible after something has happened, or not."""

    patient: str
    path: str
    diagnosis: str
    synthetic: bool
    reasons: tuple[Reason, ...]

    @property
    def answer(self) -> Answer:
        """``not`` where a reason is final, ``after`` where all can be lifted, ``eligible`` without any."""
        if any(reason.final for reason in self.reasons):
            return "not"
        return "after" if self.reasons else "eligible"

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        if self.answer == "eligible":
            return "Eligible: every requirement is met and nothing speaks against a pump."
        if self.answer == "not":
            return f"Not eligible: {next(reason.sentence for reason in self.reasons if reason.final)}"
        lifted = dict.fromkeys(reason.until for reason in self.reasons)  # one event may lift several
        return f"Eligible after: {'; '.join(lifted)}."


@dataclass(frozen=True)
class FunnelStage:
    """One stage: patients who come to it, whom it refuses, who must wait for something, and who go on (waiting or not)."""

    stage: str
    title: str
    came: int
    refused: int
    waiting: int

    @property
    def went_on(self) -> int:
        """Patients whom the stage does not refuse."""
        return self.came - self.refused


def judge(chart: Chart, rules: Mapping[str, Rule]) -> Verdict:
    """Every rule that speaks against a pump, in the order of the stages."""
    found = [
        Reason(key, rule.title, rule.stage, rule.sentence(chart), rule.condition, rule.source, rule.confidence)
        for key, rule in rules.items()
        if rule.speaks_against(chart)
    ]
    order = list(STAGES)
    found.sort(key=lambda reason: order.index(reason.stage))
    return Verdict(chart.patient, chart.path, chart["diagnosis"], bool(chart["synthetic"]), tuple(found))


def funnel(verdicts: Sequence[Verdict]) -> list[FunnelStage]:
    """How many patients come to each stage; a patient who is refused at one comes to none of the later ones."""
    stages, left = [], list(verdicts)
    for stage, title in STAGES.items():
        here = [[reason for reason in verdict.reasons if reason.stage == stage] for verdict in left]
        refused = [any(reason.final for reason in reasons) for reasons in here]
        waiting = sum(bool(reasons) and not final for reasons, final in zip(here, refused, strict=True))
        stages.append(FunnelStage(stage, title, len(left), sum(refused), waiting))
        left = [verdict for verdict, final in zip(left, refused, strict=True) if not final]
    return stages


def counted(verdicts: Sequence[Verdict], rules: Mapping[str, Rule]) -> list[tuple[str, Rule, int]]:
    """(key, rule, patients against whom it speaks), most often first; rules that speak against nobody are left out."""
    counts = Counter(reason.rule for verdict in verdicts for reason in verdict.reasons)
    return [(key, rules[key], n) for key, n in counts.most_common()]
