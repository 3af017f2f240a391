"""What Stable-Baselines3 logs, as metrics of a tracked run."""

from __future__ import annotations

import warnings
from typing import Any

from thecal.core.errors import StoreError
from thecal.experiments.tracking.tracker import Tracker


def sb3_writer(tracker: Tracker) -> Any:
    """An SB3 ``KVWriter``: every ``logger.dump()`` becomes one batch; a store that fails is left alone after a warning.

    Append it to ``model.logger.output_formats``.
    """
    from stable_baselines3.common.logger import KVWriter

    class TrackerWriter(KVWriter):
        def __init__(self) -> None:
            self.failed = False

        def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
            """Log the numbers of one dump."""
            if self.failed:
                return
            try:
                tracker.metrics(key_values, step)
            except StoreError as error:
                # Hours of training are worth more than their curve.
                self.failed = True
                warnings.warn(f"training goes on without tracking: {error}", RuntimeWarning, stacklevel=2)

        def close(self) -> None:
            """Nothing is held open."""

    return TrackerWriter()
