"""Scores the virtual patients: every reproduction on several cohorts, over processes, with more patients where it is noisy."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.core.executor import Executor, Serial
from thecal.experiments.validation.reproductions.common import Draw
from thecal.experiments.validation.scores import PRECISE, STRUCTURES, Score
from thecal.experiments.validation.seeds import DEVELOPMENT_SEEDS
from thecal.experiments.validation.targets import Structure, Target

Progress = Callable[[int, int, str], None]
# What is added to a number of patients beyond what the error asks for, as the error of few cohorts is itself uncertain.
_MARGIN = 1.3


@dataclass(frozen=True)
class Plan:
    """Whose patients answer.

    Attributes:
        seeds: one cohort each.
        structures: structural models; a target is scored in those of them in which it has a meaning.
        split: of the patients.
        scale: factor on the number of patients of every reproduction.
        most_scale: to which factor patients are added where the Monte-Carlo error is above a quarter of the interval, or where
            the verdict flips with the cohort.
    """

    seeds: tuple[int, ...] = DEVELOPMENT_SEEDS
    structures: tuple[Structure, ...] = ("axial",)
    split: str = "test"
    scale: float = 1.0
    most_scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a plan that scores nothing or the same twice.

        Raises:
            ConfigError: there are no seeds or structures, or one stands twice; or a factor is not above 0.
        """
        for what, given in (("seeds", self.seeds), ("structures", self.structures)):
            if not given or len(set(given)) < len(given):
                raise ConfigError(f"a score needs {what}, each once, not {list(given)}")
        if not 0.0 < self.scale <= self.most_scale:
            raise ConfigError(f"patients cannot be scaled by {self.scale:g} to {self.most_scale:g}")


#: A look at the model in a minute or two: two cohorts leave the error itself uncertain.
SHORT = Plan(DEVELOPMENT_SEEDS[:2])
#: The same with fewer patients, whose values are recorded so that a later run can be held to them draw by draw.
BRIEF = Plan(DEVELOPMENT_SEEDS[:2], scale=0.2, most_scale=0.2)
#: What is recorded.
FULL = Plan(structures=tuple(STRUCTURES), most_scale=4.0)


@dataclass(frozen=True)
class Job:
    """Reproductions of one theme on one cohort: they stay together because they may share a simulation."""

    theme: str
    keys: tuple[str, ...]
    who: Draw


Values = dict[tuple[str, Structure], list[float]]


def score(
    targets: Sequence[Target], plan: Plan, executor: Executor | None = None, progress: Progress | None = None
) -> list[Score]:
    """Score targets in the order given, one structure after the other.

    Args:
        targets: what to reproduce.
        plan: on whose patients.
        executor: what does the work; this process by default.
        progress: called with jobs done, of how many known so far, and what was done.
    """
    runner = _Runner(plan, executor or Serial(), progress or (lambda _done, _of, _what: None))
    wanted = [
        (target, structure) for structure in plan.structures for target in targets if structure in target.structures
    ]
    return refined(runner.run([(target, structure, plan.scale) for target, structure in wanted]), plan, runner)


def refined(scores: Sequence[Score], plan: Plan, runner: _Runner) -> list[Score]:
    """The scores, those that ask for more patients simulated anew with them."""
    more = [(one.target, one.structure, needed(one, plan)) for one in scores if needed(one, plan) > one.scale]
    anew = {(one.target.key, one.structure): one for one in runner.run(more)}
    return [anew.get((one.target.key, one.structure), one) for one in scores]


def needed(found: Score, plan: Plan) -> float:
    """The factor on patients that would bring the error to a quarter of the interval, within the plan's bound.

    Whole steps, so that few different cohorts are drawn. What flips with the cohort gets all that the plan allows.
    """
    if found.verdict == "undecided":
        return max(found.scale, plan.most_scale)
    share = found.error_share
    if not share > PRECISE:
        return found.scale
    return min(plan.most_scale, float(math.ceil(found.scale * _MARGIN * (share / PRECISE) ** 2)))


@dataclass
class _Runner:
    plan: Plan
    executor: Executor
    progress: Progress
    done: int = 0

    def run(self, wanted: Sequence[tuple[Target, Structure, float]]) -> list[Score]:
        """Scores of targets, each in a structure and with a factor on patients."""
        scales = {(target.key, structure): scale for target, structure, scale in wanted}
        values = self._values(list(_jobs(self.plan, scales)))
        return [
            Score(
                target=target,
                values=tuple(values[target.key, structure]),
                seeds=self.plan.seeds,
                structure=structure,
                scale=scale,
            )
            for target, structure, scale in wanted
        ]

    def _values(self, jobs: Sequence[Job]) -> Values:
        values: Values = defaultdict(list)
        names = {number: name for name, number in STRUCTURES.items()}
        total = self.done + len(jobs)
        for job, found in zip(jobs, self.executor.map(reproduce, jobs), strict=True):
            self.done += 1
            structure = names[job.who.structure]
            self.progress(self.done, total, f"{job.theme}, {structure}, seed {job.who.seed}")
            for key, value in found.items():
                values[key, structure].append(value)
        return values


def theme_jobs(targets: Sequence[Target], plan: Plan) -> list[Job]:
    """The jobs that score targets in the first round of a plan."""
    places = [
        (target.key, structure) for structure in plan.structures for target in targets if structure in target.structures
    ]
    return list(_jobs(plan, dict.fromkeys(places, plan.scale)))


def _jobs(plan: Plan, scales: dict[tuple[str, Structure], float]) -> Iterator[Job]:
    """Jobs with the larger cohorts first, so that no long one is left for the end; the seeds of a target in order."""
    groups: dict[tuple[float, Structure, str], list[str]] = {}
    for (key, structure), scale in scales.items():
        groups.setdefault((-scale, structure, theme_of(key)), []).append(key)
    for (scale, structure, theme), keys in sorted(groups.items()):
        for seed in plan.seeds:
            yield Job(theme, tuple(keys), Draw(seed, STRUCTURES[structure], plan.split, -scale))


def theme_of(key: str) -> str:
    """The module of reproductions that a target belongs to."""
    from thecal.experiments.validation.reproductions import THEMES

    return next((theme for theme, known in THEMES.items() if key in known), key)


def reproduce(job: Job) -> dict[str, float]:
    """The value of each observation of a job."""
    from thecal.experiments.validation import reproductions

    return {key: reproductions.REPRODUCTIONS[key](job.who) for key in job.keys}


def chosen(targets: Iterable[Target], names: Iterable[str] | None) -> list[Target]:
    """The named targets in the order named; all when none is named.

    Raises:
        UnknownNameError: a key is not a target.
    """
    known = {target.key: target for target in targets}
    for name in names or ():
        if name not in known:
            raise UnknownNameError("validation target", name, list(known))
    return list(known.values()) if names is None else [known[name] for name in names]
