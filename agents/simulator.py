"""A simulator to plan with: virtual patients in rows, set where the plan begins and asked for doses step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.agents.view import BOLUS, RATE, TARGET, Flags, Floats, ObservationView
from thecal.core.errors import ConfigError
from thecal.core.layout import NL_PER_ML, TICKS_PER_DAY
from thecal.envs.batch import Batch

_UG_PER_MG = 1000.0
Rows = NDArray[np.int64]


class Simulator:
    """Rows of virtual patients behind the actions of a task.

    A privileged policy gets one with the true batch behind it, and :meth:`sync` lets rows stand where true patients stand, on
    the days that they will meet. Anybody else gets patients of another split (:meth:`begin`), and nothing of the true ones.

    Args:
        batch: simulated here; nobody else steps it.
        view: how its actions are scaled.
        truth: the batch that is treated, for a privileged policy only.
    """

    def __init__(self, batch: Batch, view: ObservationView, truth: Batch | None = None) -> None:
        self.batch = batch
        self.view = view
        self._truth = truth

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.batch.n

    @property
    def knows_truth(self) -> bool:
        """Whether :meth:`sync` may be called."""
        return self._truth is not None

    @property
    def start_mg(self) -> Floats:
        """Starting dose of the first drug, mg/d, ``[rows]``."""
        return self._mg(self.batch.par["task"]["start_rate_nl"])

    @property
    def dose_mg(self) -> Floats:
        """Dose of the first drug at the rate in force, mg/d, ``[rows]``."""
        return self._mg(self.batch.world["shield"]["prev_rate"])

    @property
    def steps_left(self) -> NDArray[np.int64]:
        """Decisions until the end of each row's episode, ``[rows]``; never negative."""
        left: NDArray[np.int64] = np.maximum(self.batch.spec.n_steps - self.batch.world["episode"]["step"], 0)
        return left

    def sync(self, patients: Rows) -> None:
        """Let row ``k`` stand where the true patient ``patients[k]`` of the batch stands now.

        Args:
            patients: places in the true batch, ``[rows]``; one may stand in several rows.

        Raises:
            ConfigError: the policy is not privileged.
        """
        if self._truth is None:
            raise ConfigError("the true patients are not shown: only a privileged policy plans with them")
        self.batch.restore(self._truth.snapshot(patients))

    def begin(self, where: Rows, patients: Rows) -> None:
        """Begin new episodes in the rows ``where`` with ``patients`` of the simulator's own split, ``[len(where)]``.

        Raises:
            ConfigError: the rows stand for true patients.
        """
        if self._truth is not None:
            raise ConfigError("rows of true patients stand where those stand: sync them")
        self.batch.restart(where, patients, np.zeros(len(where), np.uint64))

    def take(self, source: Simulator, rows: Rows, where: Rows | None = None) -> None:
        """Let own rows (``where``, or all) stand where ``rows`` of another simulator of the same policy stand.

        A simulator may take from itself: rows are read before any is written.
        """
        self.batch.restore(source.batch.snapshot(rows), slice(None) if where is None else where)

    def step(self, dose_mg: ArrayLike, armed: ArrayLike = 0.0, active: Flags | None = None) -> NDArray[np.void]:
        """Ask for a dose, as far as the task's action and the shield let it be reached, and advance one decision.

        Args:
            dose_mg: of the first drug, mg/d, scalar or ``[rows]``.
            armed: ``bolus_size`` in [0, 1], scalar or ``[rows]``; dropped where the task has none.
            active: rows that are stepped, ``[rows]``; all where it is None.

        Returns:
            TICK_OUT records ``[rows]``, valid until the next step; zero in rows that were not stepped.
        """
        ratio = np.broadcast_to(np.asarray(dose_mg, np.float64), self.rows) / self.start_mg
        now = self.dose_mg / self.start_mg
        asked = pursue(self.view, ratio, now)
        actions = self.view.action(self.rows, now, **asked, **{BOLUS: armed})
        self.batch.advance(actions.astype(np.float64), active)
        return self.batch.out

    def _mg(self, rate_nl: NDArray[Any]) -> Floats:
        conc = self.batch.par["shield"]["conc"][:, 0].astype(np.float64)  # µg/mL
        mg: Floats = rate_nl * (TICKS_PER_DAY / NL_PER_ML / _UG_PER_MG) * conc
        return mg


_LOWEST = 1e-6  # of a ratio that is divided by


def pursue(view: ObservationView, wanted: Floats, now: Floats) -> dict[str, Floats]:
    """The action component ``[n]`` that pursues a multiple of the starting rate.

    Args:
        view: of the task.
        wanted: multiples of the starting rate to reach, ``[n]``.
        now: multiples running now, ``[n]``; where one is NaN a relative rate is held, while a target is asked for all the same.
    """
    if TARGET in view.action_names:
        return {TARGET: view.actions.target(wanted)}
    change = np.nan_to_num(wanted / np.maximum(now, _LOWEST) - 1.0)
    return {RATE: view.actions.rate(change)}
