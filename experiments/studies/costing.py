"""Prices a stored run: what its patients used by what the rollout recorded, what it costs, and which life years it brought."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.costs.course import DAYS_PER_MONTH
from thecal.clinic.costs.economics import Acceptability, Increment, acceptability, increment
from thecal.clinic.costs.model import WORTHS
from thecal.clinic.costs.prices import Prices, catalog
from thecal.clinic.costs.use import Use, priced, upkeep_per_month
from thecal.clinic.costs.utility import qalys, utility
from thecal.core.errors import ConfigError, StoreError
from thecal.devices.fault_records import Fault
from thecal.experiments.analysis.results import Interval
from thecal.experiments.analysis.statistics import bootstrap, paired_difference, resampled
from thecal.experiments.rollouts.parquet import read_blocks
from thecal.experiments.rollouts.trajectories import Trajectories, require_paired

Floats = NDArray[np.float64]
FILE = "trajectories.parquet"
_REFILL_ML = 0.5  # a reservoir that the pump counts fuller by more than this was refilled
_NEEDS = (
    "alive_h", "visits", "rescues", "reservoir_est_ml", "fault_begun", "battery_used", "dose_ug", "pain_mean", "sed_h",
    "function", "nausea", "resp_h", "withdrawal_h", "motor_block", "cognition", "granuloma",
)  # fmt: skip


@dataclass(frozen=True)
class PricedRun:
    """A stored run with its prices.

    Attributes:
        policy, task, unshielded: of the run.
        currency, year: of the prices.
        days: of the horizon.
        patients: their numbers in the split.
        costs: by item, ``[patients]``; ``qalys`` the life years, ``[patients]``.
        total, upkeep_month, effect: means with intervals over patients: whole cost, upkeep of a month, life years.
        shares: mean cost by item.
        counts: mean use of each patient by the key of its price.
    """

    policy: str
    task: str
    unshielded: bool
    currency: str
    year: int
    days: float
    patients: NDArray[np.int64]
    costs: dict[str, Floats]
    qalys: Floats
    total: Interval
    upkeep_month: Interval
    effect: Interval
    shares: dict[str, float]
    counts: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """The estimates and what they belong to, for JSON."""
        return {
            "policy": self.policy, "task": self.task, "unshielded": self.unshielded, "currency": self.currency,
            "price_year": self.year, "days": self.days, "patients": len(self.patients), "total": self.total,
            "upkeep_month": self.upkeep_month, "qalys": self.effect, "mean_cost": self.shares, "mean_use": self.counts,
        }  # fmt: skip


@dataclass(frozen=True)
class PricedPair:
    """Two priced runs of the same patients on the same days.

    Attributes:
        cost, effect: paired differences of the first from the second, with intervals.
        result: incremental ratio of the means.
        curve: acceptability over resamples of patients; its Monte-Carlo errors are of the resampling.
    """

    cost: Interval
    effect: Interval
    result: Increment
    curve: list[Acceptability]


def stored_runs(place: str | Path) -> Iterable[Trajectories]:
    """The blocks of a stored run, by its folder or its table of trajectories.

    Raises:
        StoreError: there is no such table, or it is damaged.
    """
    path = Path(place)
    if path.is_dir():
        path = path / FILE
        if not path.exists():
            raise StoreError(f"{path}: no such file; `thecal evaluate POLICY --out FOLDER` writes one, or name a table")
    return read_blocks(path)


def use_of(run: Trajectories) -> Use:
    """What the patients of a run used.

    A refill is a rise of the volume that the pump counts; every other visit of the clinic is a visit. Drug is what was
    commanded out of the reservoir.

    Raises:
        ConfigError: the run was kept as a summary, or by a version that did not record this.
    """
    lacking = [name for name in _NEEDS if name not in run.data]
    if lacking:
        raise ConfigError(f"the run does not hold {', '.join(lacking)}; it must be kept in full (--out)")
    refills = (np.diff(run["reservoir_est_ml"].astype(np.float64), axis=0) > _REFILL_ML).sum(axis=0)
    visits = run["visits"].sum(axis=0, dtype=np.float64)
    begun = run["fault_begun"].astype(np.int64)
    events = {
        item: sum((((begun >> Fault[name.upper()]) & 1).sum(axis=0) for name in faults), np.zeros(len(visits)))
        for item, faults in catalog().faults.items()
    }
    grown = (run["granuloma"] >= 1.0).any(axis=0)
    events["granuloma"] = np.maximum(events["granuloma"], grown)
    return Use(
        days=run["alive_h"].sum(axis=0, dtype=np.float64) / 24.0,
        refills=refills.astype(np.float64),
        visits=np.maximum(visits - refills, 0.0),
        emergencies=run["rescues"].sum(axis=0, dtype=np.float64),
        events=events,
        drug_mg={
            drug: run["dose_ug"][:, :, k].sum(axis=0, dtype=np.float64) / 1000.0
            for k, drug in enumerate(run.task.drugs)
        },
        replacements=np.asarray((run["battery_used"] >= 1.0).any(axis=0), np.float64),
    )


def daily_utility(run: Trajectories) -> Floats:
    """Utility of every whole day and patient, ``[days, B]``, from daily means of what the rollout recorded; 0 when dead."""
    steps = max(1, round(24.0 / run.step_h))

    def daily(field: str) -> Floats:
        values = run[field].astype(np.float64)
        days = len(values) // steps
        if days == 0:
            raise ConfigError("the run is shorter than a day, and utility is of days")
        return np.asarray(values[: days * steps].reshape(days, steps, -1).mean(axis=1))

    hours = run.step_h
    return utility(
        np.clip(daily("pain_mean"), 0.0, 10.0),
        sedation=daily("sed_h") / hours,
        function=daily("function"),
        nausea=daily("nausea"),
        breathing=daily("resp_h") / hours,
        withdrawal=daily("withdrawal_h") / hours,
        weakness=daily("motor_block"),
        confusion=daily("cognition"),
        alive=daily("alive_h") / hours,
    )


def price_run(blocks: Iterable[Trajectories], prices: Prices, *, upfront: bool = True, seed: int = 0) -> PricedRun:
    """Price a run block by block.

    Args:
        blocks: of one run, see :func:`stored_runs`.
        prices: the table.
        upfront: count one trial and one implant for everybody.
        seed: of the bootstrap.

    Raises:
        ConfigError: the run holds too little, or used what has no price.
    """
    parts = []
    for block in blocks:
        use = use_of(block)
        parts.append((block, use, priced(prices, use, upfront=upfront), qalys(daily_utility(block))))
    first = parts[0][0]
    keys = list(dict.fromkeys(key for _, _, costs, _ in parts for key in costs))
    sizes = [len(use.days) for _, use, _, _ in parts]
    costs = {
        key: np.concatenate([part[2].get(key, np.zeros(n)) for part, n in zip(parts, sizes, strict=True)])
        for key in keys
    }
    gained = np.concatenate([part[3] for part in parts])
    days = np.concatenate([use.days for _, use, _, _ in parts])
    total = sum(costs.values(), np.zeros(len(gained)))
    counts = [use.counts() for _, use, _, _ in parts]
    return PricedRun(
        policy=first.policy,
        task=first.task.id,
        unshielded=any(block.unshielded for block, *_ in parts),
        currency=prices.currency,
        year=prices.year,
        days=len(first["time_h"]) * first.step_h / 24.0,
        patients=np.concatenate([block.patients for block, *_ in parts]),
        costs=costs,
        qalys=gained,
        total=bootstrap(total, seed=seed),
        upkeep_month=bootstrap(upkeep_per_month(costs, days, DAYS_PER_MONTH), seed=seed),
        effect=bootstrap(gained, seed=seed),
        shares={key: float(value.mean()) for key, value in costs.items()},
        counts={key: float(np.concatenate([one[key] for one in counts]).mean()) for key in counts[0]},
    )


def price_pair(
    place: str | Path, other: str | Path, prices: Prices, *, upfront: bool = True, seed: int = 0
) -> tuple[PricedRun, PricedRun, PricedPair]:
    """Price two stored runs of the same patients on the same days, and the first against the second.

    Raises:
        ConfigError: they met other patients, days, pumps or limits; or as :func:`price_run`.
        StoreError: one cannot be read.
    """
    for own, against in zip(stored_runs(place), stored_runs(other), strict=False):
        require_paired(own, against)
    first, second = (price_run(stored_runs(one), prices, upfront=upfront, seed=seed) for one in (place, other))
    if not np.array_equal(first.patients, second.patients):
        raise ConfigError(f"{first.policy!r} ran on other patients than {second.policy!r}")
    totals = [sum(one.costs.values(), np.zeros(len(one.qalys))) for one in (first, second)]
    more, better = totals[0] - totals[1], first.qalys - second.qalys
    pair = PricedPair(
        cost=paired_difference(totals[0], totals[1], seed=seed),
        effect=paired_difference(first.qalys, second.qalys, seed=seed),
        result=increment(float(more.mean()), float(better.mean()), 0.0, 0.0),
        curve=acceptability(resampled(more, seed=seed), resampled(better, seed=seed), WORTHS),
    )
    return first, second, pair
