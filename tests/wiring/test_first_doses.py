"""The dose at the implant: what the rule says, what the limits allow of every drug, and who is how sensitive."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.core.rng import STREAM_DEVICE, uniforms
from thecal.envs import assembly
from thecal.envs.assembly import highest_starts

BOTH = ("morphine", "bupivacaine")


def test_only_a_depressant_makes_a_patient_sedated() -> None:
    taken = {"benzodiazepine": np.array([0, 1, 0, 1]), "gabapentinoid": np.array([0, 0, 1, 1])}
    cohort: Any = SimpleNamespace(covariates=taken)
    assert assembly._sedated(cohort).tolist() == [False, True, True, True]


def test_where_spasticity_comes_from_is_the_diagnosis() -> None:
    names = ["spasticity_cerebral", "cancer", "spasticity_spinal", "spasticity"]
    cohort: Any = SimpleNamespace(covariates={"diagnosis": np.array(names)})
    assert assembly._indications(cohort) == ["cerebral", "", "spinal", ""]


def test_the_highest_start_is_that_of_every_drug() -> None:
    most = {("morphine", 40.0): 90.0, ("bupivacaine", 40.0): 400.0, ("morphine", 0.0): 700.0, ("bupivacaine", 0.0): 8.0}
    profile = SimpleNamespace(highest_start=lambda drug, oral: most[drug, oral])
    cohort: Any = SimpleNamespace(covariates={"medd_mg_per_d": np.array([40, 0])})

    def of(*ratios: float) -> Any:
        task = SimpleNamespace(drugs=BOTH, solution=SimpleNamespace(ratios=ratios))
        return highest_starts(SimpleNamespace(task=task, profile=profile), cohort)  # type: ignore[arg-type]

    assert of(4.0).tolist() == [90.0, 2.0]
    assert of(8.0).tolist() == [50.0, 1.0]
    with pytest.raises(ValueError, match="shorter"):
        of()


def test_the_dose_at_the_implant_follows_the_rule() -> None:
    ids = np.array([11, 12, 2**40 + 5], np.uint64)

    class Three(SimpleNamespace):
        def __len__(self) -> int:
            return 3

    cohort: Any = Three(covariates={"start_dose_ug_per_d": np.array([100, 250, 900])}, ids=ids)

    def of(rule: str, dose: float | None, low: float, high: float) -> Any:
        start = SimpleNamespace(rule=rule, dose_ug_per_d=dose, low=low, high=high)
        where = SimpleNamespace(task=SimpleNamespace(start=start), scenario=SimpleNamespace(cohort_seed=77))
        return assembly._start_doses(where, cohort)  # type: ignore[arg-type]

    assert of("conversion", None, 1.0, 1.0).tolist() == [100.0, 250.0, 900.0]
    assert of("conversion", None, 0.34, 0.34).tolist() == [100.0 * 0.34, 250.0 * 0.34, 900.0 * 0.34]
    assert of("fixed", 42.5, 1.0, 1.0).tolist() == [42.5] * 3
    assert of("fixed", 42.5, 1.0, 1.0).dtype == np.float64
    share = np.array([uniforms(77, one, STREAM_DEVICE, 1)[0] for one in ids])
    drawn = of("fixed", 40.0, 0.5, 2.0)
    np.testing.assert_allclose(drawn, 40.0 * 0.5 * 4.0**share, rtol=1e-12)
    assert len(set(drawn.tolist())) == 3
    np.testing.assert_allclose(of("conversion", None, 0.5, 2.0)[1], 250.0 * 0.5 * 4.0 ** share[1], rtol=1e-12)
