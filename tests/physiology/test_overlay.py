"""Changed numbers laid over the shipped files: what is drawn changes, and nothing is left of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from thecal.core.errors import ParameterError
from thecal.core.executor import Processes
from thecal.physiology.cohort import cohort_hash, draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.overlay import Change
from thecal.physiology.population import shipped

from support.overlays import drawn_hash, hash_with

MU, SENSITIVITY = ("receptors/mu", "breathing.sensitivity"), ("receptors/mu", "analgesia.sensitivity")


def test_what_is_drawn_changes_and_nothing_is_left():
    before, spec = drawn_hash(), load_cohort_spec("noncancer").hash
    with shipped.overlaid({MU: Change(cv=0.3)}):
        assert shipped("receptors/mu")["breathing.sensitivity"].cv == 0.3
        assert drawn_hash() != before
        assert load_cohort_spec("noncancer").hash != spec
    assert drawn_hash() == before
    assert load_cohort_spec("noncancer").hash == spec


def test_an_error_within_leaves_nothing():
    with pytest.raises(ZeroDivisionError), shipped.overlaid({MU: Change(cv=0.3)}):
        raise ZeroDivisionError
    assert shipped("receptors/mu")["breathing.sensitivity"].cv != 0.3


def test_overlays_lie_upon_each_other():
    with shipped.overlaid({MU: Change(cv=0.3), SENSITIVITY: Change(cv=0.4)}):
        with shipped.overlaid({MU: Change(value=1.5)}):
            file = shipped("receptors/mu")
            assert (file["breathing.sensitivity"].value, file["breathing.sensitivity"].cv) == (1.5, 0.3)
            assert file["analgesia.sensitivity"].cv == 0.4
        assert shipped("receptors/mu")["breathing.sensitivity"].value == 1.0


def test_other_threads_and_processes_do_not_see_it():
    before = drawn_hash()
    with shipped.overlaid({MU: Change(cv=0.3)}), ThreadPoolExecutor(1) as pool:
        assert pool.submit(drawn_hash).result() == before
        changes = [{MU: Change(cv=0.3)}, {}]
        assert list(Processes(1).map(hash_with, changes)) == [drawn_hash(), before]


def test_a_cohort_and_what_builds_on_it_change():
    with shipped.overlaid({("cohorts/noncancer", "pain.baseline"): Change(value=5.0)}):
        assert load_cohort_spec("noncancer").file["pain.baseline"].value == 5.0
        assert load_cohort_spec("high_oih").file["pain.baseline"].value == 5.0


def test_a_value_is_converted_to_the_unit_of_its_file():
    with shipped.overlaid({("drugs/morphine", "plasma.clearance"): Change(value=1000.0, unit="mL/min")}):
        assert shipped("drugs/morphine")["plasma.clearance"].value == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("where", "change", "said"),
    [
        (("receptors/nu", "a.b"), Change(1.0), "nu.toml: cannot be read"),
        (("receptors/mu", "breathing.sensitivty"), Change(1.0), "did you mean 'breathing.sensitivity'"),
        (MU, Change(90.0), "mu.toml: breathing.sensitivity: value 90.0 is outside its range"),
        (MU, Change(-1.0), "must be positive"),
        (MU, Change(cv=-0.1), "a spread cannot be negative"),
        (MU, Change(sd=0.1), "states no sd that could be changed"),
        (MU, Change(float("nan")), "finite"),
        (MU, Change(1.0, unit="mg"), "breathing.sensitivity: unit 'mg' cannot be read as 'dimensionless'"),
    ],
)
def test_what_no_file_could_state_is_refused(where, change, said):
    with pytest.raises(ParameterError, match=said), shipped.overlaid({where: change}):
        pass


def test_the_models_own_bounds_hold():
    with (
        shipped.overlaid({("receptors/mu", "breathing.emax"): Change(value=1.5)}),
        pytest.raises(ParameterError, match=r"mu.toml: breathing.emax: 1.5 dimensionless is outside"),
    ):
        draw(load_cohort_spec("noncancer"), ("morphine",), [0], "tune", 1)


def test_the_same_overlay_gives_the_same_patients():
    found = set()
    for _ in range(2):
        with shipped.overlaid({MU: Change(cv=0.3)}):
            found.add(cohort_hash(draw(load_cohort_spec("noncancer"), ("morphine",), range(4), "tune", 1)))
    assert len(found) == 1
