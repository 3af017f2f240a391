"""What patients used of the clinic, counted, and what it costs by a price table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from thecal.clinic.costs.prices import Prices
from thecal.core.errors import ConfigError

Floats = NDArray[np.float64]
UPFRONT = ("trial", "implant")


@dataclass(frozen=True)
class Use:
    """Counts of each patient over some days, ``[B]`` each.

    Attributes:
        days: alive.
        refills, visits: refills, and visits that were none.
        emergencies: treated.
        events: complications by the item that pays for them (``catheter_revision``, ``infection``, ...).
        drug_mg: delivered out of the reservoir, by drug.
        replacements: pumps whose battery reached its end.
    """

    days: Floats
    refills: Floats
    visits: Floats
    emergencies: Floats
    events: Mapping[str, Floats] = field(default_factory=dict)
    drug_mg: Mapping[str, Floats] = field(default_factory=dict)
    replacements: Floats | None = None

    def counts(self) -> dict[str, Floats]:
        """Everything counted, by the key of its price."""
        found = {"refill": self.refills, "visit": self.visits, "emergency": self.emergencies, **self.events}
        found |= {f"drug:{drug}": mg for drug, mg in self.drug_mg.items()}
        if self.replacements is not None:
            found["replacement"] = self.replacements
        return {key: np.asarray(value, np.float64) for key, value in found.items()}


def priced(prices: Prices, use: Use, *, upfront: bool = True) -> dict[str, Floats]:
    """Cost of each patient by item, ``[B]`` each; an item of which nobody used anything needs no price.

    Args:
        prices: the table.
        use: what was used.
        upfront: count one trial and one implant for everybody.

    Raises:
        ConfigError: something was used that has no price; the text names all of it.
    """
    counts = use.counts()
    n = len(use.days)
    for key, value in counts.items():
        if value.shape != (n,) or not (value >= 0.0).all():
            raise ConfigError(f"use of {key}: must be {n} numbers that are not negative")
    used = [key for key, value in counts.items() if value.any()]
    lacking = [key for key in (*used, *(UPFRONT if upfront else ())) if key not in prices.rows]
    if lacking:
        raise ConfigError(f"{prices.name}: no price for {', '.join(lacking)}, which was used")
    found = {key: np.full(n, prices[key]) for key in UPFRONT} if upfront else {}
    return found | {key: counts[key] * prices[key] for key in used}


def upkeep_per_month(costs: Mapping[str, Floats], days: Floats, days_per_month: float) -> Floats:
    """Cost without trial and implant, for each month alive, ``[B]``; NaN for who lived no time."""
    total = sum((value for key, value in costs.items() if key not in UPFRONT), np.zeros(len(days)))
    return np.asarray(np.divide(total * days_per_month, days, out=np.full(len(days), np.nan), where=days > 0.0))
