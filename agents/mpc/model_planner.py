"""Plans with model patients that were given the doses so far: which candidate is best on average over them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thecal.agents.mpc.ensemble import Ensemble, Rows
from thecal.agents.mpc.planner import Planner, PlanSettings
from thecal.agents.mpc.rehearsal import best, choose, multiples, rehearse
from thecal.agents.mpc.response import READS, Said, Utility, calm, heard, said
from thecal.agents.rules.signs import is_harmed
from thecal.agents.settings import number
from thecal.agents.view import Fields, Flags, Floats
from thecal.envs.signs import sign_limits

TOGETHER = 4096  # rows of a rehearsal that are simulated side by side, which bounds its memory


class ModelSettings(PlanSettings):
    """Numbers of a plan with model patients, and of their correction by what is heard."""

    tracking: float = number("hour", gt=0)
    width: float = number("nrs", gt=0)
    harm: float = number("dimensionless", ge=0)
    tie: float = number("1/nrs", ge=0)


class ModelPlanner(Planner):
    """Follows every patient with ``each`` models of another split, and plans with ``tried`` of them.

    Nothing but the observation is known of the patient. The dose that is planned is never raised while signs of harm are there.
    A subclass says which models there are, and may weigh them.
    """

    reads: tuple[str, ...] = READS
    settings: ModelSettings
    each = 1
    tried = 1

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self._grid = multiples(self.settings.lowest, self.settings.highest, self.settings.doses)
        rule = self.settings
        self.models = Ensemble(self.context.simulate(n * self.each), n, rule.tracking)
        self._utility = Utility(rule.width, rule.harm, rule.tie)
        self._block = max(1, min(n, TOGETHER // (self.tried * len(self._grid))))
        self._ahead = self.context.simulate(self._block * self.tried * len(self._grid))
        self.start_mg: Floats = np.full(n, np.nan)

    def _begin(self, rows: Flags) -> None:
        super()._begin(rows)
        self.start_mg[rows] = np.nan
        patients, scale = self._drawn()
        self.models.begin(rows, patients, scale)

    def _drawn(self) -> tuple[Rows, Floats]:
        """Indices of the models in their split and what their doses are multiplied by, both ``[n, each]``."""
        raise NotImplementedError

    def _listen(self, fields: Fields) -> None:
        """Advance the models by the step that is over, and correct them by what was heard in it."""
        ratio = self.ratio
        own = fields["dose_mg_per_d"] / ratio
        self.start_mg = np.where(np.isfinite(self.start_mg) | ~(own > 0.0), self.start_mg, own)
        later = (self.steps > 0) & np.isfinite(self.start_mg)
        if later.any():
            self.models.follow(np.nan_to_num(ratio * self.start_mg), later)
            told = heard(fields, self.view.tick_h, spasms=self.view.goal == "spasticity")
            told = told._replace(pain=np.where(later, told.pain, np.nan), nausea=np.where(later, told.nausea, np.nan))
            self._weigh(fields, told.pain, later)
            self.models.correct(told, self.view.tick_h)

    def _weigh(self, fields: Fields, pain: Floats, where: Flags) -> None:
        """Let what was heard weigh the models, before it corrects them; nothing where there is one."""

    def _picked(self) -> Rows:
        """The models that a plan is made with, each as often as it weighs, ``[n, tried]``."""
        return np.zeros((self.n, 1), np.int64)

    def _most(self) -> Floats:
        """The most pain at which the goal is met beside each model, NRS, ``[n, each]``."""
        return self.models.goal

    def _plan(self, fields: Fields, due: Flags) -> None:
        known = due & np.isfinite(self.start_mg)
        picked = self._picked()
        for block in np.array_split(np.flatnonzero(known), -(-max(1, int(known.sum())) // self._block)):
            if block.size:
                worth = self._rehearsed(block, picked[block])
                candidates = self._grid[:, None] * self.ratio[block]
                self.wanted[block] = choose(candidates, best(worth))
        signs = is_harmed({name: fields[name] for name in ("poss", "rr", "spo2")}, sign_limits())
        self.wanted[known] = calm(signs, self.wanted, self.ratio)[known]

    def _rehearsed(self, block: NDArray[np.int64], picked: Rows) -> Floats:
        """Mean worth of each candidate in the patients ``block``, ``[candidates, len(block)]``."""
        models, ahead, count = self.models, self._ahead, len(self._grid)
        own = block[:, None] * models.each + picked  # [patients, tried]
        rows = np.tile(own.ravel(), count)
        full = np.resize(rows, ahead.rows)  # what is left over repeats, and is not read
        ahead.take(models.simulator, full)
        offsets = Said(models.pain_off.ravel()[full], models.nausea_off.ravel()[full])
        most = self._most().ravel()[full]
        now = (self.ratio * self.start_mg)[full // models.each]
        multiple = np.resize(np.repeat(self._grid, own.size), ahead.rows)
        doses = multiple * now * models.scale.ravel()[full]

        def score(out: NDArray[np.void], _k: int) -> Floats:
            found = said(ahead, out)
            corrected = Said(found.pain + offsets.pain, found.nausea + offsets.nausea)
            return self._utility.of(corrected, most, out, self.view.tick_h)

        worth = rehearse(ahead, doses, np.zeros(ahead.rows), self.horizon_steps, score)
        mean: Floats = worth[: rows.size].reshape(count, len(block), -1).mean(axis=2)
        return mean
