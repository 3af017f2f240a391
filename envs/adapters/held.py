"""The batch behind an adapter: everybody may read it, nobody may put another one in its place."""

from __future__ import annotations

from typing import Any

from thecal.core.errors import ConfigError
from thecal.envs.batch import Batch


class HoldsBatch:
    """Mixed into an adapter that keeps its batch as ``_batch``."""

    _batch: Batch

    @property
    def batch(self) -> Batch:
        """The patients as arrays, which can be read and not written."""
        return self._batch

    @batch.setter
    def batch(self, batch: Any) -> None:
        raise ConfigError("batch of an environment follows from its scenario and cannot be set")
