"""Model patients beside each real one: given the dose that really ran, and corrected by what was heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.agents.mpc.response import Heard, Said, goal, said
from thecal.agents.simulator import Simulator
from thecal.agents.view import Flags, Floats

Rows = NDArray[np.int64]


class Ensemble:
    """``each`` model patients beside every one of ``n`` patients; model ``k`` of patient ``i`` is row ``i * each + k``.

    The difference between what is heard and what a model says is a disturbance of its output, additive, as in offset-free
    predictive control: an average over time that later predictions are corrected by.

    Args:
        simulator: of ``n * each`` rows.
        n: number of patients.
        tracking_h: time constant of the disturbance, h.

    Attributes:
        scale: what each model's dose is multiplied by, ``[n, each]``: its potency beside that of its cohort patient.
        pain_off, nausea_off: disturbances, points, ``[n, each]``.
        pain, nausea: what the models said of the last step, uncorrected, ``[n, each]``.
    """

    def __init__(self, simulator: Simulator, n: int, tracking_h: float) -> None:
        self.simulator, self.n = simulator, n
        self.each = simulator.rows // n
        self._tracking_h = tracking_h
        shape = (n, self.each)
        self.scale: Floats = np.ones(shape)
        self.pain_off: Floats = np.zeros(shape)
        self.nausea_off: Floats = np.zeros(shape)
        self.pain: Floats = np.full(shape, np.nan)
        self.nausea: Floats = np.full(shape, np.nan)

    def begin(self, where: Flags, patients: Rows, scale: Floats) -> None:
        """Begin anew beside the patients ``where`` ``[n]``; of models and scales, ``[n, each]``, only their rows count."""
        rows = np.flatnonzero(np.repeat(where, self.each))
        self.simulator.begin(rows, patients.ravel()[rows])
        self.scale[where] = scale[where]
        for column in (self.pain_off, self.nausea_off):
            column[where] = 0.0
        self.pain[where] = self.nausea[where] = np.nan

    def follow(self, dose_mg: Floats, where: Flags) -> None:
        """Advance the models of the patients ``where`` ``[n]`` by a step under the doses that ran, mg/d, ``[n]``."""
        doses = (self.scale * dose_mg[:, None]).ravel()
        out = self.simulator.step(doses, 0.0, np.repeat(where, self.each))
        found = said(self.simulator, out)
        self.pain[where] = found.pain.reshape(self.n, -1)[where]
        self.nausea[where] = found.nausea.reshape(self.n, -1)[where]

    def correct(self, told: Heard, tick_h: float) -> None:
        """Let the disturbances follow what was heard; nothing moves where nothing was."""
        share = -np.expm1(-tick_h / self._tracking_h)
        pairs = ((self.pain_off, self.pain, told.pain), (self.nausea_off, self.nausea, told.nausea))
        for offset, own, report in pairs:
            miss = report[:, None] - own - offset
            offset += np.where(np.isfinite(miss), share * miss, 0.0)

    def resample(self, where: Flags, chosen: Rows, scale: Floats) -> None:
        """Let models stand where others of the same patient stand.

        Args:
            where: patients, ``[n]``.
            chosen: for each place the model that it continues, ``[n, each]``.
            scale: of the dose from now on, ``[n, each]``.
        """
        if not where.any():
            return
        source = (np.arange(self.n)[:, None] * self.each + chosen)[where].ravel()
        self.simulator.take(self.simulator, source, np.flatnonzero(np.repeat(where, self.each)))
        for column in (self.pain_off, self.nausea_off, self.pain, self.nausea):
            column[where] = np.take_along_axis(column, chosen, axis=1)[where]
        self.scale[where] = scale[where]

    @property
    def alive(self) -> Flags:
        """Whether each model lives, ``[n, each]``."""
        live: Flags = (self.simulator.batch.world["episode"]["terminated"] == 0).reshape(self.n, -1)
        return live

    @property
    def goal(self) -> Floats:
        """The most pain at which each model's goal is met, NRS, ``[n, each]``."""
        return goal(self.simulator).reshape(self.n, -1)

    def corrected(self) -> Said:
        """What the models say now with the disturbance in it, ``[n, each]``."""
        return Said(self.pain + self.pain_off, self.nausea + self.nausea_off)
