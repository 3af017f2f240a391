"""Makes a leaderboard of what is stored: no patient is simulated, and the same parts give the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from thecal.envs.outcomes import outcome
from thecal.experiments.analysis.benchmark_plan import Cell, Entry, Plan, load_plan
from thecal.experiments.analysis.compare import difference, estimate
from thecal.experiments.analysis.decision import NO_WORSE, kept_words, words_of
from thecal.experiments.analysis.exact import share_interval
from thecal.experiments.analysis.failures import numbers
from thecal.experiments.analysis.failures_judged import Columns as Flat
from thecal.experiments.analysis.failures_judged import failures
from thecal.experiments.analysis.headroom import PRIMARY
from thecal.experiments.analysis.leaderboard import (
    FEW_SEEDS,
    Agreement,
    Board,
    Centers,
    Leaderboard,
    Line,
    Overall,
    Total,
)
from thecal.experiments.analysis.leaderboard_data import Columns, Floats, Group, Key, groups
from thecal.experiments.analysis.profiles import Place, agreement, improvement, places, profile
from thecal.experiments.analysis.results import Difference
from thecal.experiments.analysis.statistics import bootstrap, cvar, holm, iqm, sign_flip_p, trimmed_mean
from thecal.experiments.analysis.subgroups import effects
from thecal.experiments.analysis.utility import BALANCED, WEIGHTINGS, weights
from thecal.safety.invariants import ShieldMode

FEWER = 1000  # resamples where many intervals are needed
LEVELS = np.linspace(0.0, 95.0, 20).tolist()  # % of time well treated, of a profile
RARE = {"died": "died", "resp_events": "depressed breathing", "sed_events": "over-sedated"}
_OFF = "off"
Tested = Mapping[tuple[Key, str], float]


def build(folder: str | Path) -> Leaderboard:
    """The leaderboard of a benchmark's folder.

    Raises:
        StoreError: there is none, or a part of it is missing or damaged.
    """
    place = Path(folder)
    plan = load_plan(place)
    found = groups(plan, place)
    tested = _tested(plan, found)
    first = plan.cells[0]
    return Leaderboard(
        split=first.scenario.split,
        seeds=tuple(dict.fromkeys(cell.cohort_seed for cell in plan.cells)),
        first=plan.first,
        patients=plan.patients,
        reference=plan.reference,
        hold=plan.hold,
        top=plan.top,
        weights=weights(),
        thresholds=dict(numbers()),
        tested=len(tested),
        boards=tuple(_board(plan, key, group, found, tested) for key, group in found.items()),
        overall=tuple(_overall(plan, mode, found) for mode in dict.fromkeys(key[2] for key in found)),
    )


def _tested(plan: Plan, found: Mapping[Key, Group]) -> Tested:
    """P of every registered test, adjusted by Holm over tasks, conditions and policies: those that a claim could rest on."""
    raw = {}
    for key, group in found.items():
        if group.cells[0].unshielded:
            continue
        primary = group.cells[0].outcomes[0]
        base = group.columns[plan.reference][primary].mean(axis=0)
        for entry in plan.entries:
            if entry.name != plan.reference and not entry.info.privileged:
                gaps = group.columns[entry.name][primary].mean(axis=0) - base
                raw[key, entry.name] = sign_flip_p(gaps, seed=plan.seed)
    return dict(zip(raw, holm(list(raw.values())), strict=True))


def _ranked(plan: Plan, rows: Mapping[str, Mapping[str, Floats]], strata: Any) -> tuple[dict[str, Any], ...]:
    """Places of ranked and of privileged policies, their ranks by weighting, and how far the weightings agree."""
    parts: list[dict[str, Place]] = []
    ranks: dict[str, dict[str, int]] = {entry.name: {} for entry in plan.entries}
    for privileged in (False, True):
        names = [entry.name for entry in plan.entries if entry.info.privileged == privileged]
        for weighting in WEIGHTINGS:
            own = {name: rows[name][weighting] for name in names}
            found = places(own, seed=plan.seed, strata=strata, resamples=FEWER)
            for name, place in found.items():
                ranks[name][weighting] = place.rank
            if weighting == BALANCED:
                parts.append(dict(sorted(found.items(), key=lambda item: item[1].rank)))
    return parts[0], parts[1], ranks


def _agreement(ranked: Sequence[str], ranks: Mapping[str, Mapping[str, int]]) -> Agreement:
    orders = {weighting: [ranks[name][weighting] for name in ranked] for weighting in WEIGHTINGS}
    firsts = {tuple(rank == 1 for rank in order) for order in orders.values()}
    return Agreement(
        tau={w: agreement(orders[BALANCED], order) for w, order in orders.items() if w != BALANCED},
        same_order=len({tuple(order) for order in orders.values()}) == 1,
        same_first=len(firsts) == 1,
    )


def _board(plan: Plan, key: Key, group: Group, found: Mapping[Key, Group], tested: Tested) -> Board:
    rows = {name: {w: own[f"u_{w}"] for w in WEIGHTINGS} for name, own in group.columns.items()}
    ranked, apart, ranks = _ranked(plan, rows, group.strata)
    free = None if group.cells[0].unshielded else found.get((key[0], key[1], _OFF))
    entries = {entry.name: entry for entry in plan.entries}

    def line(name: str, place: Place) -> Line:
        return _line(plan, entries[name], group, free, place, ranks[name], tested.get((key, name)))

    cell = group.cells[0]
    return Board(
        task=key[0],
        difficulty=key[1],
        shield_mode=key[2],
        profile=cell.profile,
        unshielded=cell.unshielded,
        unproved=not cell.proved,
        wide=cell.wide,
        scenario_hashes={str(one.cohort_seed): one.scenario_hash for one in group.cells},
        primary=cell.outcomes[0],
        limits=cell.limits,
        patients=len(group.strata),
        lines={name: line(name, place) for name, place in ranked.items()},
        apart={name: line(name, place) for name, place in apart.items()},
        agreement=_agreement(list(ranked), ranks),
    )


def _line(
    plan: Plan, entry: Entry, group: Group, free: Group | None, place: Place, ranks: dict[str, int], p: float | None
) -> Line:
    own, base, options = group.columns[entry.name], group.columns[plan.reference], _options(plan, group)
    cell, is_base = group.cells[0], entry.name == plan.reference
    differences = {} if is_base else _differences(plan, group, own, base, p)
    value, other = own[f"u_{BALANCED}"], base[f"u_{BALANCED}"]
    signs = failures(
        _flat(own),
        hold=None if plan.hold is None else _flat(group.columns[plan.hold], len(value)),
        free=None if free is None else _flat(free.columns[entry.name]),
    )
    means = {one: estimate(one, own[one], plan.seed, group.strata) for one in cell.outcomes}
    limits = kept_words(means, cell.limits)
    few = few_seeds(entry)
    seen = [one.title for one in signs if one.verdict == "seen"]
    return Line(
        info=entry.info,
        place=place,
        ranks=ranks,
        few_seeds=few,
        transfers=group.transfers(entry),
        utility={w: bootstrap(own[f"u_{w}"], **options) for w in WEIGHTINGS},
        well=_centers(own[PRIMARY], options),
        value=_centers(value, options),
        score=bootstrap(own["score"], iqm, **options),
        scored=int((~np.isnan(own["score"])).any(axis=0).sum()),
        outcomes=means,
        limits=limits,
        differences=differences,
        improvement=None if is_base else improvement(value, other, **options),
        rare={words: _rare(own[one]) for one, words in RARE.items()},
        profile=profile(own[PRIMARY], LEVELS, resamples=FEWER, **options),
        subgroups=() if is_base else effects(value, other, _charts(own), resamples=FEWER, **options),
        failures=signs,
        claim=_reference(limits) if is_base else _claim(entry, cell, few, seen, differences, limits),
    )


def _options(plan: Plan, group: Group) -> dict[str, Any]:
    return {"seed": plan.seed, "strata": group.strata}


def few_seeds(entry: Entry) -> bool:
    """Whether a policy is learned, and by too few training seeds for a claim."""
    return entry.info.kind == "learned" and len(entry.runners) < FEW_SEEDS


def _centers(rows: Floats, options: dict[str, Any]) -> Centers:
    median = partial(trimmed_mean, share=0.5)
    return Centers(
        mean=bootstrap(rows, **options),
        iqm=bootstrap(rows, iqm, **options),
        median=bootstrap(rows, median, **options),
        trimmed=bootstrap(rows, trimmed_mean, **options),
        worst=bootstrap(rows, cvar, **options),
    )


def _rare(rows: Floats) -> Any:
    """Patients with at least one event in any training seed's run; runs of one patient are not independent trials."""
    return share_interval(int((rows > 0).any(axis=0).sum()), rows.shape[1])


def _charts(own: Columns) -> dict[str, Floats]:
    return {name: values[0] for name, values in own.items()}


def _flat(own: Columns, times: int = 1) -> Flat:
    """Every patient of every training seed; ``times`` over for a policy that is set beside one of several seeds."""
    return {
        name: np.tile(values[:1], (times, 1)).ravel() if times > 1 else values.ravel() for name, values in own.items()
    }


def _differences(plan: Plan, group: Group, own: Columns, base: Columns, p: float | None) -> dict[str, Difference]:
    keys = group.cells[0].outcomes
    return {
        one: difference(outcome(one), own[one], base[one], p if one == keys[0] else None, plan.seed, group.strata)
        for one in keys
    }


def _reference(limits: str) -> str:
    return f"reference; {limits}" if limits else "reference"


def _claim(
    entry: Entry, cell: Cell, few: bool, seen: Sequence[str], gaps: Mapping[str, Difference], limits: str
) -> str:
    """What may be said of a policy against the reference, by the rule fixed beforehand."""
    if entry.info.privileged:
        return "no claim: it knows what no policy knows"
    primary, *others = cell.outcomes
    harms = [one for one in others if outcome(one).role == "cost" and gaps[one].verdict not in NO_WORSE]
    words = words_of(cell.unshielded, gaps[primary].verdict == "superior", harms, limits)
    if cell.unshielded:
        return words
    if few:
        return f"no claim: fewer than {FEW_SEEDS} training seeds ({words})"
    return f"no claim: {', '.join(seen)} ({words})" if seen else words


def _overall(plan: Plan, mode: str, found: Mapping[Key, Group]) -> Overall:
    """Each condition counts the same. Patients of one number are taken together over tasks, as some of them are the same."""
    chosen = [group for key, group in found.items() if key[2] == mode]
    strata = chosen[0].strata
    rows = {
        entry.name: {w: np.mean([group.columns[entry.name][f"u_{w}"] for group in chosen], axis=0) for w in WEIGHTINGS}
        for entry in plan.entries
    }
    ranked, apart, ranks = _ranked(plan, rows, strata)
    entries = {entry.name: entry for entry in plan.entries}

    def total(name: str, place: Place) -> Total:
        found = {w: bootstrap(rows[name][w], seed=plan.seed, strata=strata) for w in WEIGHTINGS}
        return Total(info=entries[name].info, place=place, few_seeds=few_seeds(entries[name]), utility=found)

    return Overall(
        shield_mode=mode,
        unshielded=not ShieldMode.of(mode).shielded,
        conditions=len(chosen),
        lines={name: total(name, place) for name, place in ranked.items()},
        apart={name: total(name, place) for name, place in apart.items()},
        agreement=_agreement(list(ranked), ranks),
    )
