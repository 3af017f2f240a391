"""Where a segment of the spinal cord lies: the cord is shorter than the spine, so pain of the leg arrives at T11 to L1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ParameterError
from thecal.core.layout import LEVELS
from thecal.physiology.fields import CORD_ANCHORS
from thecal.physiology.population import constant, shipped
from thecal.physiology.sampling import Floats

SEGMENTS = tuple(
    f"{region}{n}" for region, count in (("C", 8), ("T", 12), ("L", 5), ("S", 5)) for n in range(1, count + 1)
)


def vertebra_of(segment: Floats) -> NDArray[np.int64]:
    """Node of the vertebral level (C1 is 1) at which segments ``[B]`` lie, counted from C1 (1) to S5 (30).

    Raises:
        ParameterError: the stated levels do not descend.
    """
    file = shipped("anatomy")
    at = [constant(file, f"cord.{name}", "dimensionless", 1.0, len(LEVELS)) for name in CORD_ANCHORS]
    if (np.diff(at) <= 0.0).any():
        raise ParameterError(f"{file.path}: cord.{CORD_ANCHORS[-1]}: the levels of the segments do not descend")
    numbers = [SEGMENTS.index(name) + 1 for name in CORD_ANCHORS]
    return np.floor(np.interp(segment, numbers, at) + 0.5).astype(np.int64)
