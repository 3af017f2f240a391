"""The largest relief of a receptor follows the responsiveness of the patient's pain by the power that its file states."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.parameters import ParameterFile
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.overlay import Change
from thecal.physiology.population import shipped

LARGEST = 0.98  # no drug removes all pain
POWER = "analgesia.responsiveness"


def _largest(*drugs: str, field: str = "emax_noci") -> np.ndarray:
    drawn = draw(load_cohort_spec("noncancer"), drugs, np.arange(400), "tune", 7)
    found: np.ndarray = drawn.par["channel"][field][:, : len(drugs)]
    return found


def _value(receptor: str, key: str) -> float:
    file: ParameterFile = shipped(f"receptors/{receptor}")
    return file[key].value


@pytest.mark.parametrize(("drug", "receptor"), [("ziconotide", "n_calcium"), ("bupivacaine", "sodium_channel")])
def test_a_receptor_follows_by_its_own_power(drug: str, receptor: str) -> None:
    found = _largest("morphine", drug)
    responsiveness = found[:, 0] / _value("mu", "analgesia.emax_noci")
    expected = _value(receptor, "analgesia.emax_noci") * responsiveness ** _value(receptor, POWER)
    free = found[:, 0] < LARGEST
    assert free.mean() > 0.9
    np.testing.assert_allclose(found[free, 1], np.minimum(LARGEST, expected[free]), rtol=1e-12)


def test_a_receptor_that_states_no_power_does_not_follow() -> None:
    assert POWER not in shipped("receptors/gaba_b")
    np.testing.assert_array_equal(_largest("morphine", "baclofen")[:, 1], _value("gaba_b", "analgesia.emax_noci"))


def test_a_power_of_zero_leaves_the_receptor_alone() -> None:
    with shipped.overlaid({("receptors/sodium_channel", POWER): Change(value=0.0)}):
        found = _largest("bupivacaine")[:, 0]
    np.testing.assert_array_equal(found, _value("sodium_channel", "analgesia.emax_noci"))


@pytest.mark.parametrize(("drug", "most"), [("clonidine", 0.35), ("midazolam", 0.35), ("ziconotide", 0.25)])
def test_some_pain_answers_to_hardly_anything(drug: str, most: float) -> None:
    """In the tenth of patients whose pain answers least to opioids, other analgesics do little on average."""
    found = _largest("morphine", drug)
    least = found[:, 0] <= np.quantile(found[:, 0], 0.1)
    assert found[least, 1].mean() < most
    assert found[least, 1].mean() < 0.5 * found[~least, 1].mean()
