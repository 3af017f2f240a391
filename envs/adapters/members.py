"""One environment of a batch by itself, as ``call``, ``get_attr``, ``set_attr`` and ``env_method`` of batches speak of it."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from thecal.core.errors import ConfigError
from thecal.envs.adapters.arguments import some_patients
from thecal.envs.adapters.bedside import bedside_line, read_pump
from thecal.envs.snapshots import Snapshot

# Attributes of a batch that are the same in a single environment; and its own ones that are not.
_SHARED = ("spec", "render_mode", "metadata", "batch")
_OF_THE_WHOLE = ("num_envs", "reset_infos", "observation_space", "action_space", "closed", "mode")


class Member:
    """Environment ``i`` of an adapter: what the single environment has, as far as it does not move time.

    Args:
        owner: the adapter; what its environments share is read from it.
        i: which one.
    """

    def __init__(self, owner: Any, i: int) -> None:
        self._owner, self._i = owner, i

    def __getattr__(self, name: str) -> Any:
        shared = name in _SHARED or (name in vars(self._owner) and name not in _OF_THE_WHOLE)
        if name.startswith("_") or not shared:
            self._lacks(name)
        return getattr(self._owner, name)

    @property
    def unwrapped(self) -> Member:
        """Itself."""
        return self

    @property
    def observation_space(self) -> Any:
        """The space of one observation."""
        return self._owner.member_spaces()[0]

    @property
    def action_space(self) -> Any:
        """The space of one action."""
        return self._owner.member_spaces()[1]

    @property
    def np_random(self) -> np.random.Generator:
        """The stream that its patients and their days are drawn from."""
        stream: np.random.Generator = self._owner.draws.stream(self._i)
        return stream

    @property
    def np_random_seed(self) -> int | None:
        """The seed of that stream."""
        seed: int | None = self._owner.draws.seed(self._i)
        return seed

    @property
    def patients(self) -> NDArray[np.int64]:
        """Indices (in the split) that a reset draws from; they can be set."""
        pool: NDArray[np.int64] = self._owner.draws.pool(self._i)
        return pool

    @property
    def action_masks(self) -> Any:
        """Where actions are discrete: a call gives ``bool[A]``, which of them the shield would run unchanged."""
        if not hasattr(self._owner, "action_masks"):
            self._lacks("action_masks")
        return lambda: self._owner.action_masks()[self._i]

    def snapshot(self) -> Snapshot:
        """A copy of the state; :meth:`restore` of this or another environment of the scenario continues from it."""
        return self._owner.batch.snapshot([self._i], [self._owner.member_totals(self._i)])  # type: ignore[no-any-return]

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot.

        Raises:
            ConfigError: as :meth:`thecal.envs.batch.Batch.restore`.
        """
        self._owner.batch.restore(snapshot, [self._i])
        self._owner.member_restored(self._i, snapshot.totals[0])

    def interrogate(self) -> dict[str, list[tuple[str, str]]]:
        """What a programmer would show of the pump now."""
        return read_pump(self._owner.batch, self._i)

    def render(self) -> str | None:
        """One line of text with what a bedside observer would see."""
        return None if self._owner.render_mode is None else bedside_line(self._owner.batch, self._i)

    def set(self, name: str, value: Any) -> None:
        """Set an attribute of this environment alone.

        Raises:
            ConfigError: all environments share it, or it follows from the rest.
            AttributeError: there is no such attribute.
        """
        if name == "patients":
            self._owner.draws.choose_pool(self._i, some_patients(value))
            return
        getattr(self, name)
        raise ConfigError(f"{name} is shared by all environments of a batch and cannot be set; patients can")

    def _lacks(self, name: str) -> NoReturn:
        raise AttributeError(f"an environment of a batch has no attribute {name!r}")
