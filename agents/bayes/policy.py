"""The Bayesian policy: model patients weighed by all that is heard, a plan that is best on average over them."""

from __future__ import annotations

import numpy as np

from thecal.agents.bayes.calibration import Ranks, rank_of
from thecal.agents.bayes.weights import effective, normalized, systematic, tempered
from thecal.agents.info import PolicyInfo
from thecal.agents.mpc.ensemble import Rows
from thecal.agents.mpc.model_planner import ModelPlanner, ModelSettings
from thecal.agents.settings import number
from thecal.agents.view import Fields, Flags, Floats

TEXT = (
    "Bayesian dose finding: virtual patients of another split get the doses so far, reported pain, nausea, sedation and vital "
    "signs weigh them (tempered, resampled, jittered), and the dose is planned that is best on average over them."
)


class BayesSettings(ModelSettings):
    """Numbers of plan and filter; ``data/bayes.toml`` gives value, source and confidence of each."""

    each: float = number("dimensionless", ge=2, le=512)
    tried: float = number("dimensionless", ge=1, le=64)
    pool: float = number("dimensionless", ge=2, le=2000)
    potency: float = number("dimensionless", ge=0, le=2)
    jitter: float = number("dimensionless", ge=0, le=1)
    power: float = number("dimensionless", gt=0, le=1)
    memory: float = number("hour", gt=0)
    least: float = number("dimensionless", ge=1)
    renew: float = number("dimensionless", ge=0, le=1)
    noise_nrs: float = number("nrs", gt=0)
    noise_nausea: float = number("dimensionless", gt=0)
    noise_poss: float = number("dimensionless", gt=0)
    noise_rr: float = number("breath/minute", gt=0)
    noise_spo2: float = number("percent", gt=0)


class Bayes(ModelPlanner):
    """An ensemble filter over virtual patients, and sequential choice of the dose by expected utility.

    Attributes:
        log_weights: of each patient's models, ``[n, each]``.
        size: effective number of models behind the last plan, ``[n]``.
        ranks: where reports fell in what was predicted for them.
    """

    info = PolicyInfo(name="bayes", label="Bayesian dose finding", kind="model-based", text=TEXT)
    settings: BayesSettings

    def __init__(self, **overrides: float) -> None:
        super().__init__(BayesSettings.load("bayes", **overrides))
        self.each = round(self.settings.each)
        self.tried = min(round(self.settings.tried), self.each)

    def _allocate(self, n: int) -> None:
        super()._allocate(n)
        self.log_weights: Floats = np.zeros((n, self.each))
        self.size: Floats = np.full(n, float(self.each))
        self.ranks = Ranks()

    def _begin(self, rows: Flags) -> None:
        super()._begin(rows)
        self.log_weights[rows] = 0.0
        self.size[rows] = self.each

    def _random(self, purpose: int) -> list[np.random.Generator]:
        """A stream for every patient that depends on nothing but who that is, the days, the step and the purpose."""
        who = zip(self.context.patients.tolist(), self.steps.tolist(), strict=True)
        return [np.random.default_rng([purpose, self.context.seed, patient, step]) for patient, step in who]

    def _drawn(self) -> tuple[Rows, Floats]:
        pool = max(round(self.settings.pool), self.each)
        streams = self._random(0)
        patients = np.array([stream.permutation(pool)[: self.each] for stream in streams])
        return patients, np.exp(self.settings.potency * self._normal(streams))

    def _normal(self, streams: list[np.random.Generator]) -> Floats:
        return np.array([stream.standard_normal(self.each) for stream in streams])

    def _weigh(self, fields: Fields, pain: Floats, where: Flags) -> None:
        rule, models = self.settings, self.models
        told = models.corrected()
        self.ranks.add(rank_of(pain, told.pain, self._weights(), rule.noise_nrs))
        world = models.simulator.batch.world["patient"]
        misses = [
            (pain[:, None] - models.pain) / rule.noise_nrs,
            (fields["nausea"][:, None] - models.nausea) / rule.noise_nausea,
        ]
        for name, noise in (("poss", rule.noise_poss), ("rr", rule.noise_rr), ("spo2", rule.noise_spo2)):
            misses.append((fields[name][:, None] - world[name].reshape(self.n, -1)) / noise)
        surprise = np.sum([np.nan_to_num(miss) ** 2 for miss in misses], axis=0)
        kept = np.exp(-self.view.tick_h / rule.memory)
        new = kept * self.log_weights - 0.5 * rule.power * surprise
        self.log_weights[where] = new[where]

    def _weights(self) -> Floats:
        """Tempered weights ``[n, each]``; a model that died counts only where all have."""
        return tempered(np.where(self.models.alive, self.log_weights, -np.inf), min(self.settings.least, self.each))

    def _picked(self) -> Rows:
        weights = self._weights()
        self.size[:] = effective(weights)
        self._renew(weights)
        offset = np.array([stream.random() for stream in self._random(1)])
        return systematic(self._weights(), self.tried, offset)

    def _renew(self, weights: Floats) -> None:
        """Resample where few models carry the weight; copies go apart by jitter of their potency."""
        poor = effective(normalized(self.log_weights)) < self.settings.renew * self.each
        if not poor.any():
            return
        streams = self._random(2)
        offset = np.array([stream.random() for stream in streams])
        chosen = systematic(weights, self.each, offset)
        scale = np.take_along_axis(self.models.scale, chosen, axis=1)
        scale *= np.exp(self.settings.jitter * self._normal(streams))
        self.models.resample(poor, chosen, scale)
        self.log_weights[poor] = 0.0
