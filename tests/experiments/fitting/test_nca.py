"""Non-compartmental figures: published results of validated programs, closed forms, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thecal.clinic.events.table import Event, EventTable
from thecal.core.errors import ConfigError
from thecal.experiments.fitting.nca import figures
from thecal.experiments.fitting.profiles import profiles

# Theophylline, subjects 1 and 2 (R's data set Theoph, 320 mg by mouth; subject 2's levels recalled). Results of Phoenix WinNonlin
# with linear-up log-down areas as tests of public packages quote them; the recalled levels give them to six digits.
THEOPH = {
    1: (
        [0, 0.25, 0.57, 1.12, 2.02, 3.82, 5.10, 7.03, 9.05, 12.12, 24.37],
        [0.74, 2.84, 6.57, 10.50, 9.66, 8.58, 8.36, 7.47, 6.89, 5.94, 3.28],
        {"auc_last": 147.234748, "auc_inf": 214.923632, "cl_f": 1.488901, "vz_f": 30.726232, "half_life_h": 14.3044},
    ),
    2: (
        [0, 0.27, 0.52, 1.00, 1.92, 3.50, 5.02, 7.03, 9.00, 12.00, 24.30],
        [0.00, 1.72, 7.91, 8.31, 8.33, 6.85, 6.08, 5.40, 4.55, 3.01, 0.90],
        {"auc_last": 88.731275, "auc_inf": 97.377935, "cl_f": 3.286165, "vz_f": 31.571502, "half_life_h": 6.6593},
    ),
}


@pytest.mark.parametrize("subject", THEOPH)
def test_published_results_of_theophylline(subject):
    times, levels, published = THEOPH[subject]
    found = figures(times, levels, 320.0)
    for name, value in published.items():
        digits = 5e-5 if name == "half_life_h" else 1e-6
        assert getattr(found, name) == pytest.approx(value, abs=digits), name


def test_one_compartment_after_a_bolus():
    rate, volume, dose = 0.2, 10.0, 100.0
    t = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0])
    found = figures(t, dose / volume * np.exp(-rate * t), dose, start="back", part_h=(1.5, 30.0))
    assert found.lambda_z == pytest.approx(rate)
    assert found.points == 6
    assert found.auc_inf == pytest.approx(dose / volume / rate)
    assert found.aumc_inf == pytest.approx(dose / volume / rate**2)
    assert (found.mrt_h, found.cl_f, found.vz_f) == pytest.approx((1.0 / rate, rate * volume, volume))
    part = dose / volume / rate * (math.exp(-1.5 * rate) - math.exp(-30.0 * rate))
    assert found.auc_part == pytest.approx(part)


def test_an_infusion_shortens_the_residence_time():
    t, c = [0.0, 1.0, 2.0, 4.0, 8.0], [0.0, 4.0, 3.0, 1.7, 0.5]
    whole, less = figures(t, c, 10.0), figures(t, c, 10.0, infusion_h=1.0)
    assert whole.mrt_h - less.mrt_h == pytest.approx(0.5)


def test_levels_below_the_limit_count_as_the_field_does():
    t, c = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.1, 4.0, 2.0, 0.1, 1.0, 0.5, 0.1]
    below = [1, 0, 0, 1, 0, 0, 1]
    same = figures([0.0, 1.0, 2.0, 4.0, 5.0], [0.0, 4.0, 2.0, 1.0, 0.5])
    assert figures(t, c, censored=below) == same


def test_a_rising_end_has_no_terminal_slope():
    found = figures([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 5.0, 1.0, 2.0, 3.0], 10.0)
    assert found.lambda_z is None
    assert found.auc_inf is None
    assert found.auc_last == pytest.approx(2.5 + 4.0 / math.log(5.0) + 1.5 + 2.5)


@pytest.mark.parametrize(
    ("t", "c", "more", "reason"),
    [
        ([0.0, 1.0], [1.0, -1.0], {}, "not negative"),
        ([0.0, 0.0], [1.0, 1.0], {}, "must rise"),
        ([0.0, 1.0], [1.0, 0.0], {}, "two are needed"),
        ([1.0, 2.0], [1.0, 2.0], {"start": "back"}, "traced back"),
        ([0.0, 1.0], [1.0, 2.0], {"start": "once"}, "not one of"),
        ([0.0, 1.0], [1.0, 2.0, 3.0], {}, "as many"),
        ([0.0, 1.0], [1.0, 2.0], {"part_h": (2.0, 1.0)}, "partial area"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(t, c, more, reason):
    with pytest.raises(ConfigError, match=reason):
        figures(t, c, **more)


def test_profiles_of_a_table_count_from_the_dose():
    rows = [Event("a", 5.0, 1, 100.0, drug="morphine")]
    rows += [Event("a", 5.0 + h, 0, what="csf", value=10.0 * math.exp(-0.2 * h)) for h in (1.0, 2.0, 4.0, 8.0)]
    rows += [Event("b", 0.0, 1, 1.0, drug="morphine"), Event("b", 1.0, 1, 1.0, drug="morphine")]
    rows += [Event("b", 2.0, 0, what="csf", value=1.0), Event("b", 3.0, 0, what="csf", value=0.5)]
    found, skipped = profiles(EventTable(tuple(rows)), start="back")
    assert found[0].found.vz_f == pytest.approx(10.0)
    assert [(one.patient, "2 doses" in one.reason) for one in skipped] == [("b", True)]
