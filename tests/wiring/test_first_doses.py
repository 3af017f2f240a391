"""The dose at the implant: what the rule says, what the limits allow of every drug, and who is how sensitive."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.core.rng import STREAM_DEVICE, uniforms
from thecal.envs import assembly
from thecal.envs.starts import highest_starts, seed_ledger, start_doses, sustained_rate
from thecal.safety.records import SHIELD_PAR, SHIELD_STATE

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
    caps = {"morphine": 9000.0, "bupivacaine": 12_000.0}
    profile = SimpleNamespace(highest_start=lambda drug, oral: most[drug, oral], cap_ug=caps.__getitem__)

    class Two(SimpleNamespace):
        def __len__(self) -> int:
            return 2

    cohort: Any = Two(covariates={"medd_mg_per_d": np.array([40, 0])})

    def of(*ratios: float, inherited: bool = False) -> Any:
        task = SimpleNamespace(
            drugs=BOTH, solution=SimpleNamespace(ratios=ratios), start=SimpleNamespace(inherited=inherited)
        )
        return highest_starts(SimpleNamespace(task=task, profile=profile), cohort)  # type: ignore[arg-type]

    assert of(4.0).tolist() == [90.0, 2.0]
    assert of(8.0).tolist() == [50.0, 1.0]
    # Somebody else wrote an inherited program: the caps judge it, of every drug, and no limit on starts does.
    assert of(1.0, inherited=True).tolist() == [9000.0, 9000.0]
    assert of(4.0, inherited=True).tolist() == [3000.0, 3000.0]
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
        return start_doses(where, cohort)  # type: ignore[arg-type]

    assert of("conversion", None, 1.0, 1.0).tolist() == [100.0, 250.0, 900.0]
    assert of("conversion", None, 0.34, 0.34).tolist() == [100.0 * 0.34, 250.0 * 0.34, 900.0 * 0.34]
    assert of("fixed", 42.5, 1.0, 1.0).tolist() == [42.5] * 3
    assert of("fixed", 42.5, 1.0, 1.0).dtype == np.float64
    share = np.array([uniforms(77, one, STREAM_DEVICE, 1)[0] for one in ids])
    drawn = of("fixed", 40.0, 0.5, 2.0)
    np.testing.assert_allclose(drawn, 40.0 * 0.5 * 4.0**share, rtol=1e-12)
    assert len(set(drawn.tolist())) == 3
    np.testing.assert_allclose(of("conversion", None, 0.5, 2.0)[1], 250.0 * 0.5 * 4.0 ** share[1], rtol=1e-12)


def limits(**values: Any) -> Any:
    row = np.zeros(1, SHIELD_PAR)[0]
    usual = {"n_caps": 2, "cap_pg": (97 * 500, 97 * 4000, 0, 0), "conc": (5, 20, 0, 0), "rate_step": 8, "min_rate": 16}
    for name, value in (usual | values).items():
        row[name] = value if np.ndim(value) == 0 else value[: row[name].shape[0]]
    return row


@pytest.mark.parametrize(
    ("asked", "changes", "rate"),
    [
        (90, {}, 88),
        (1000, {}, 96),
        (5, {}, 16),
        (1000, {"cap_pg": (97 * 500, 97 * 900, 0, 0)}, 40),
        (1000, {"n_caps": 1}, 96),
    ],
)
def test_a_program_runs_as_far_as_every_cap_holds_it(asked: int, changes: dict[str, Any], rate: int) -> None:
    assert sustained_rate(limits(**changes), asked) == rate


def test_the_ledger_counts_an_inherited_program_of_a_day() -> None:
    par = limits()
    state = np.zeros(1, SHIELD_STATE)[0]
    state["prev_rate"] = 40
    seed_ledger(state, par)
    assert (state["ledger"][0] == 200).all()
    assert (state["ledger"][1] == 800).all()
    assert not state["ledger"][2:].any()
    assert state["dose24"].tolist()[:3] == [96 * 200, 96 * 800, 0]
