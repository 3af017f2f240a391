"""Patients drawn with changed numbers, also in other processes, which find these functions by name."""

from __future__ import annotations

from collections.abc import Mapping

from thecal.physiology.cohort import cohort_hash, draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.overlay import Change
from thecal.physiology.population import shipped


def drawn_hash() -> str:
    """Of a few patients with the numbers as they are now."""
    return cohort_hash(draw(load_cohort_spec("noncancer"), ("morphine",), range(4), "tune", 4101))


def hash_with(changes: Mapping[tuple[str, str], Change]) -> str:
    """Of the same patients with changed numbers."""
    with shipped.overlaid(changes):
        return drawn_hash()
