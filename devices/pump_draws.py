"""How pumps of one model differ: the flow bias and the battery of one pump, from standard normal numbers."""

from __future__ import annotations

import math

from thecal.core.distributions import truncated_normal
from thecal.core.errors import ConfigError
from thecal.devices.specs import PumpSpec


def sample_flow_bias(spec: PumpSpec, normal_value: float) -> float:
    """The bias of one pump from one standard normal number, by the inverse of the truncated normal distribution.

    Raises:
        ConfigError: ``normal_value`` is not finite.
    """
    if not math.isfinite(normal_value):
        raise ConfigError(f"flow bias cannot be drawn from {normal_value}: it must be a finite number")
    if spec.flow_bias_sd == 0.0:
        return spec.flow_bias
    mean, sd = spec.flow_bias, spec.flow_bias_sd
    low, high = ((edge - mean) / sd for edge in (spec.flow_bias_low, spec.flow_bias_high))
    drawn = mean + sd * float(truncated_normal([normal_value], low, high)[0])
    return min(max(drawn, spec.flow_bias_low), spec.flow_bias_high)


def sample_battery(spec: PumpSpec, normal_value: float) -> float:
    """The battery life of one pump relative to the model's median, from one standard normal number (log-normal).

    Raises:
        ConfigError: ``normal_value`` is not finite.
    """
    if not math.isfinite(normal_value):
        raise ConfigError(f"battery life cannot be drawn from {normal_value}: it must be a finite number")
    return math.exp(math.sqrt(math.log1p(spec.battery_cv**2)) * normal_value)
