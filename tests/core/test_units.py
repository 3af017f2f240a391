"""Units: what files state becomes the one internal unit of each quantity, and what does not fit is refused."""

from __future__ import annotations

import pytest

from thecal.core.errors import ParameterError
from thecal.core.units import factor


@pytest.mark.parametrize(
    ("unit", "internal", "expected"),
    [
        ("mL/min", "mL/h", 60.0), ("mg/day", "ug/day", 1000.0), ("mg/mL", "ug/mL", 1000.0), ("day", "hour", 24.0),
        ("cm**2/s", "cm**2/h", 3600.0), ("L", "mL", 1000.0), ("percent", "dimensionless", 0.01), ("1/day", "1/h", 1 / 24),
        ("nrs/month", "nrs/h", 12 / (365.25 * 24)), ("breath/min", "breath/min", 1.0), ("minute", "hour", 1 / 60),
    ],
)  # fmt: skip
def test_units(unit: str, internal: str, expected: float) -> None:
    assert factor(unit, internal) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "internal"),
    [("mL", "mg"), ("zorkmid", "cm"), ("mL/0", "mL"), ("(mL", "mL"), ("", "mL"), ("mL/", "mL"), ("hour", "1/h")],
)
def test_units_that_do_not_fit_are_refused(unit: str, internal: str) -> None:
    with pytest.raises(ParameterError, match="cannot be read as"):
        factor(unit, internal)
