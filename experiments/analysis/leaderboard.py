"""A leaderboard as data: for each task and condition the policies in their order, with all that qualifies a rank."""

from __future__ import annotations

from thecal.agents.info import PolicyInfo
from thecal.experiments.analysis.failures_judged import Failure
from thecal.experiments.analysis.profiles import Place, Point
from thecal.experiments.analysis.results import Difference, Frozen, Interval, Number, marks
from thecal.experiments.analysis.subgroups import Effect

FEW_SEEDS = 10  # training seeds below which nothing is claimed of a learned method


class Centers(Frozen):
    """One outcome over patients and training seeds, with intervals.

    Attributes:
        mean, iqm, median, trimmed: centers; the interquartile mean leaves out a quarter on either side, the trimmed a tenth.
        worst: mean of the worst tenth.
    """

    mean: Interval
    iqm: Interval
    median: Interval
    trimmed: Interval
    worst: Interval


class Line(Frozen):
    """One policy under one condition.

    Attributes:
        info: what it is.
        place: rank by the mean balanced utility among policies of its kind of knowledge, with its spread.
        ranks: the same by weighting, without the spread.
        few_seeds: whether it is learned, and by fewer than ten training seeds.
        transfers: how the conditions of its training differ.
        utility: mean by weighting.
        well, value: centers of well-treated time and of the balanced utility.
        score: interquartile mean of the score (0 as hold, 1 as the top), over ``scored`` patients; NaN without a top.
        outcomes: mean of everything that the task reports.
        limits: whether the task's limits are kept, in a few words; "" where it has none.
        differences: paired, from the reference; empty for itself.
        improvement: probability that a patient has a higher balanced utility than under the reference.
        rare: share of patients with a rare event, exact.
        profile: of well-treated time.
        subgroups: effects on the balanced utility.
        failures: what the detectors say.
        claim: what may be said of it.
    """

    info: PolicyInfo
    place: Place
    ranks: dict[str, int]
    few_seeds: bool
    transfers: tuple[str, ...]
    utility: dict[str, Interval]
    well: Centers
    value: Centers
    score: Interval
    scored: int
    outcomes: dict[str, Interval]
    limits: str
    differences: dict[str, Difference]
    improvement: Interval | None
    rare: dict[str, Interval]
    profile: tuple[Point, ...]
    subgroups: tuple[Effect, ...]
    failures: tuple[Failure, ...]
    claim: str

    @property
    def seen(self) -> list[str]:
        """Titles of the failures that were seen."""
        return [one.title for one in self.failures if one.verdict == "seen"]


class Agreement(Frozen):
    """Whether the order of the ranked policies holds under the other weightings.

    Attributes:
        tau: Kendall's tau with the balanced order, by weighting.
        same_order, same_first: whether all weightings agree on the order, and on who is first.
    """

    tau: dict[str, Number]
    same_order: bool
    same_first: bool


class Board(Frozen):
    """All policies under one condition.

    Attributes:
        task, difficulty, shield_mode: of the scenarios.
        profile: name of the limits; unshielded, unproved and wide mark every number.
        scenario_hashes: by cohort seed.
        primary: key of the task's registered outcome.
        limits: of the task, beside it: by outcome, the largest mean over patients.
        patients: of all seeds.
        lines: ranked, the best first.
        apart: privileged policies, which know what no other does, ranked among themselves.
        agreement: of the weightings, on ``lines``.
    """

    task: str
    difficulty: str
    shield_mode: str
    profile: str
    unshielded: bool
    unproved: bool
    wide: bool
    scenario_hashes: dict[str, str]
    primary: str
    limits: dict[str, float]
    patients: int
    lines: dict[str, Line]
    apart: dict[str, Line]
    agreement: Agreement

    @property
    def mark(self) -> str:
        """Loud words that belong beside every number, or ""."""
        return marks(self.unshielded, self.unproved, self.wide)

    @property
    def title(self) -> str:
        """What it is about."""
        return f"{self.task}, {self.difficulty}, shield {self.shield_mode}"


class Total(Frozen):
    """One policy over all tasks and difficulties of one shield mode: the mean of its utilities, each condition the same."""

    info: PolicyInfo
    place: Place
    few_seeds: bool
    utility: dict[str, Interval]


class Overall(Frozen):
    """All policies over all conditions of one shield mode.

    Attributes:
        shield_mode, unshielded: of the conditions.
        conditions: how many.
        lines, apart, agreement: as of a :class:`Board`.
    """

    shield_mode: str
    unshielded: bool
    conditions: int
    lines: dict[str, Total]
    apart: dict[str, Total]
    agreement: Agreement


class Leaderboard(Frozen):
    """Everything that a benchmark found.

    Attributes:
        split, seeds, first, patients: who was treated, of each cohort seed.
        reference, hold, top: policies that others are measured by.
        weights: of the utility, by weighting and part.
        thresholds: of the detectors of failures.
        tested: tests of registered outcomes that Holm's adjustment covers.
        boards, overall: what was found.
    """

    split: str
    seeds: tuple[int, ...]
    first: int
    patients: int
    reference: str
    hold: str | None
    top: str | None
    weights: dict[str, dict[str, float]]
    thresholds: dict[str, float]
    tested: int
    boards: tuple[Board, ...]
    overall: tuple[Overall, ...]
