"""What a clinic orders for a pump: the concentration of a fill, and the bridge when drug or concentration changes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from thecal.core.errors import ConfigError
from thecal.core.layout import TICKS_PER_DAY
from thecal.devices.records import ML_PER_NL
from thecal.devices.specs import PumpSpec


def choose_concentration(
    dose_ug_per_d: float,
    options_ug_per_ml: Iterable[float],
    spec: PumpSpec,
    *,
    max_interval_d: float,
    max_ug_per_ml: float = math.inf,
) -> float:
    """The concentration a clinic would order for a starting dose.

    Of the options up to ``max_ug_per_ml`` whose starting flow is at least the pump's practical one, take the one with
    the longest refill interval, counting none longer than ``max_interval_d`` (the drug's stability); of equals take the
    weakest, since granulomas follow concentration. Where every option flows too slowly, take the weakest; where the
    dose needs more than the pump's highest rate, take the strongest that is allowed.

    Args:
        dose_ug_per_d: starting dose of the drug, µg/d.
        options_ug_per_ml: concentrations on offer, µg/mL.
        spec: the model of pump.
        max_interval_d: longest useful refill interval, d.
        max_ug_per_ml: highest concentration allowed, µg/mL.

    Raises:
        ConfigError: no option is allowed, or a number is not finite and positive.
    """
    options = sorted(float(option) for option in options_ug_per_ml)
    numbers = [("dose", dose_ug_per_d), ("longest refill interval", max_interval_d)]
    for name, number in [*numbers, *(("concentration", option) for option in options)]:
        if not (math.isfinite(number) and number > 0.0):
            raise ConfigError(f"{name} {number} is not finite and positive")
    allowed = [option for option in options if option <= max_ug_per_ml]
    if not allowed:
        raise ConfigError(f"no concentration among {options} µg/mL is at most {max_ug_per_ml} µg/mL")
    highest = spec.max_rate_nl * ML_PER_NL * TICKS_PER_DAY
    flows = {option: dose_ug_per_d / option for option in allowed}
    practical = [option for option in allowed if spec.start_flow_ml_per_d <= flows[option] <= highest]
    if not practical:
        return allowed[-1] if flows[allowed[-1]] > highest else allowed[0]
    return max(practical, key=lambda option: (min(spec.usable_ml / flows[option], max_interval_d), -option))


def order_concentration(
    dose_ug_per_d: float,
    options_ug_per_ml: Iterable[float],
    spec: PumpSpec,
    *,
    max_interval_d: float,
    max_ug_per_ml: float = math.inf,
) -> float:
    """As :func:`choose_concentration`; for a constant-flow pump the pharmacy compounds dose / flow, up to the limit."""
    if spec.kind == "constant":
        if not (math.isfinite(dose_ug_per_d) and dose_ug_per_d > 0.0):
            raise ConfigError(f"dose {dose_ug_per_d} is not finite and positive")
        return min(dose_ug_per_d / (spec.max_rate_nl * ML_PER_NL * TICKS_PER_DAY), max_ug_per_ml)
    return choose_concentration(
        dose_ug_per_d, options_ug_per_ml, spec, max_interval_d=max_interval_d, max_ug_per_ml=max_ug_per_ml
    )


class BridgePlan(NamedTuple):
    """How the old fluid is pushed out of the system before the new program begins."""

    volume_ml: float  # fluid between reservoir and tip
    rate_nl: int  # while the old fluid runs, nL per pump tick
    hours: float
    after_nl: int  # from then on, nL per pump tick
    old_dose_ug_per_d: float  # of the old fluid's first drug while it runs
    new_dose_ug_per_d: float  # of the new fluid's first drug afterwards, at the rate the pump can run
    warnings: tuple[str, ...]


def plan_bridge(
    spec: PumpSpec,
    *,
    old_ug_per_ml: float,
    new_ug_per_ml: float,
    dose_ug_per_d: float,
    old_dose_ug_per_d: float | None = None,
    catheter_cm: float | None = None,
) -> BridgePlan:
    """The bridge for a change of drug or concentration: until the old fluid is out, run it at its own dose.

    Without a bridge the old fluid is pushed in at the new rate: from 10 to 20 mg/mL that halves the dose for a day, from
    20 to 10 mg/mL it doubles it.

    Args:
        spec: the model of pump.
        old_ug_per_ml, new_ug_per_ml: concentration of the drug before and after, µg/mL.
        dose_ug_per_d: dose wanted after the bridge, µg/d of the new drug.
        old_dose_ug_per_d: dose wanted while the old fluid runs, µg/d of the old drug; the same number when missing.
        catheter_cm: implanted length; the model's own when missing.

    Raises:
        ConfigError: a number is not finite and positive, or the pump takes no rate.
    """
    if spec.kind == "constant":
        raise ConfigError(f"{spec.name} runs at one flow: a bridge cannot be programmed")
    before = dose_ug_per_d if old_dose_ug_per_d is None else old_dose_ug_per_d
    numbers = (("old concentration", old_ug_per_ml), ("new concentration", new_ug_per_ml))
    for name, number in (*numbers, ("dose", dose_ug_per_d), ("dose during the bridge", before)):
        if not (math.isfinite(number) and number > 0.0):
            raise ConfigError(f"{name} {number} is not finite and positive")
    warnings: list[str] = []
    rates = []
    for what, dose, conc in (("bridge", before, old_ug_per_ml), ("new program", dose_ug_per_d, new_ug_per_ml)):
        wanted = dose / conc / ML_PER_NL / TICKS_PER_DAY
        rate = min(max(math.floor(wanted / spec.rate_step_nl) * spec.rate_step_nl, spec.min_rate_nl), spec.max_rate_nl)
        if rate > wanted:
            warnings.append(f"the {what} runs at the pump's lowest rate and gives more than {dose:g} µg/d")
        elif wanted - rate > spec.rate_step_nl:
            warnings.append(f"the {what} runs at the pump's highest rate and gives less than {dose:g} µg/d")
        rates.append(rate)
    volume = spec.dead_ml(catheter_cm)
    per_day = ML_PER_NL * TICKS_PER_DAY
    return BridgePlan(
        volume_ml=volume,
        rate_nl=rates[0],
        hours=volume / (rates[0] * per_day) * 24.0,
        after_nl=rates[1],
        old_dose_ug_per_d=rates[0] * per_day * old_ug_per_ml,
        new_dose_ug_per_d=rates[1] * per_day * new_ug_per_ml,
        warnings=tuple(warnings),
    )
