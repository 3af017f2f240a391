"""The kinetics for other programs: the linear system is the kernel's, and SciPy and libRoadRunner find the same courses."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.clinic.events.schedule import schedule_of
from thecal.clinic.events.table import Event, EventTable
from thecal.core.errors import ConfigError
from thecal.core.layout import COMPARTMENT
from thecal.experiments.fitting.agreement import REGIMENS, agree, elsewhere
from thecal.experiments.fitting.linear import feeds_of, linear_of, solve
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec


@pytest.fixture(scope="module")
def par():
    return draw(load_cohort_spec("noncancer"), ("morphine",), [3], "tune", 1).par


def test_no_drug_is_made_or_lost_but_by_elimination(par):
    system = linear_of(par)
    lost = -system.matrix.sum(axis=0)
    places = [k for k, value in enumerate(lost) if value > 1e-9]
    assert [system.names[k] for k in places] == ["plasma"]
    assert lost[places[0]] == pytest.approx(par["drug"]["k10"][0, 0])
    assert np.abs(np.delete(lost, places)).max() < 1e-12
    assert (system.infused.sum(), system.injected.sum()) == pytest.approx((1.0, 1.0))


def test_a_steady_infusion_ends_where_it_must(par):
    system = linear_of(par)
    plan = schedule_of(EventTable((Event("1", 0.0, 1, 0.0, 40.0, steady=1, drug="morphine"),)), until_h=2000.0)
    end = solve(system, feeds_of(plan), np.array([2000.0]))[0]
    steady = np.linalg.solve(system.matrix, -40.0 * system.infused)
    assert end == pytest.approx(steady, rel=1e-6)
    assert end[system.place("plasma")] == pytest.approx(40.0 / par["drug"]["k10"][0, 0], rel=1e-6)


def test_scipy_agrees_and_the_kernel_is_near(par):
    # Limits, chosen after development runs: 1e-9 for the equations, and 1e-3 for the kernel's steps of a quarter of an hour.
    found = agree(par, "infusion over 12 h")
    assert max(found.csf, found.plasma) < 1e-9
    assert max(found.kernel_csf, found.kernel_plasma) < 1e-3


def test_another_engine_reads_the_model(par):
    pytest.importorskip("roadrunner")
    pytest.importorskip("libsbml")
    assert elsewhere(par, "rate doubled on day 2") < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", REGIMENS)
def test_every_regimen_agrees(par, name):
    found = agree(par, name)
    assert max(found.csf, found.plasma) < 1e-9
    assert max(found.kernel_csf, found.kernel_plasma) < 1e-3
    assert elsewhere(par, name) < 1e-6


def test_regions_are_refused():
    par = draw(load_cohort_spec("noncancer"), ("morphine",), [0], "tune", 1, structure=COMPARTMENT).par
    with pytest.raises(ConfigError, match="second structure"):
        linear_of(par)
