"""How long solutions are good, what precipitates, and when to refill, against the published stability studies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.core.errors import ConfigError, UnknownNameError
from thecal.devices.chemistry import chemistry_file, chemistry_names, load_chemistry, load_mixtures, mixtures_file
from thecal.devices.solutions import assess, kernel_chemistry, refill_interval
from thecal.physiology.population import drug_names


def test_every_drug_has_a_chemistry_with_evidence():
    assert chemistry_names() == sorted(drug_names())
    for drug in chemistry_names():
        assert load_chemistry(drug).stable_d > 0.0
        for file in (chemistry_file(drug), mixtures_file()):
            assert all(quantity.source and quantity.confidence for quantity in file.values())


@pytest.mark.parametrize(
    ("drugs", "mg_per_ml", "days", "drug", "low", "high"),
    [
        (("morphine", "ziconotide"), (35.0, 0.025), 8.0, 1, 0.87, 0.92),  # Shields 2005: 90 %
        (("morphine", "ziconotide"), (35.0, 0.025), 15.0, 1, 0.78, 0.82),  # Shields 2005: 80 %
        (("morphine", "ziconotide"), (20.0, 0.025), 19.0, 1, 0.88, 0.92),  # Shields 2008: 90 %
        (("morphine", "ziconotide"), (10.0, 0.025), 34.0, 1, 0.88, 0.92),  # Shields 2008: 90 %
        (("ziconotide",), (0.025,), 60.0, 0, 0.80, 1.0),  # seed review: over 80 % for 45-60 d
        (("morphine",), (20.0,), 90.0, 0, 0.95, 1.0),
        (("hydromorphone", "bupivacaine"), (15.0, 10.0), 90.0, 0, 0.90, 1.0),  # Macorig 2018
        (("morphine", "bupivacaine", "clonidine"), (20.0, 20.0, 0.5), 90.0, 0, 0.94, 1.0),  # Classen 2004
        (("sufentanil", "clonidine"), (0.01, 0.1), 7.0, 0, 0.85, 0.905),  # Sorrieul 2023: under 90 % at day 7
    ],
)
def test_what_is_left_agrees_with_the_studies(drugs, mg_per_ml, days, drug, low, high):
    left = assess(drugs, [1e3 * amount for amount in mg_per_ml]).left(days)
    assert low <= left[drug] <= high


def test_stability_and_volume_each_limit_the_refill_interval():
    report = assess(["morphine"], [20e3])
    assert report.stable_d == 90.0
    slow, fast = (refill_interval(report, usable_ml=38.0, flow_ml_per_d=flow) for flow in (0.1, 1.0))
    assert (slow.days, slow.limited_by) == (90.0, "stability")
    assert (fast.days, fast.limited_by) == (38.0, "volume")


def test_a_new_pumps_first_ziconotide_is_replaced_in_two_weeks():
    assert assess(["ziconotide"], [25.0], first_fill=True).stable_d == 14.0
    assert assess(["ziconotide"], [25.0]).stable_d == pytest.approx(84.0, abs=0.5)
    assert assess(["ziconotide"], [5.0]).stable_d == pytest.approx(40.0, abs=1.0)


def test_a_local_anesthetic_s_base_falls_out_near_neutral_ph():
    assert not assess(["bupivacaine"], [30e3]).precipitates[0]
    neutral = assess(["bupivacaine"], [30e3], ph=7.4)
    assert neutral.precipitates[0]
    assert neutral.soluble_ug_per_ml[0] == pytest.approx(150.0 * (1.0 + 10**0.7), rel=1e-6)
    assert any("precipitates" in text for text in neutral.warnings)


def test_an_unstudied_mixture_says_so_and_keeps_a_month_at_most():
    report = assess(["fentanyl", "midazolam"], [1e3, 500.0])
    assert report.status == "unknown"
    assert report.stable_d <= 30.0
    assert report.decay_per_d[0] == 2.0 * load_chemistry("fentanyl").decay_per_d
    assert any("no study" in text for text in report.warnings)


def test_a_mixture_is_no_better_than_its_worst_pair():
    report = assess(["morphine", "clonidine", "ziconotide"], [10e3, 500.0, 25.0])
    assert report.status == "limited"
    assert report.stable_d <= assess(["morphine", "ziconotide"], [10e3, 25.0]).stable_d
    assert any("not recommended by the label" in text for text in report.warnings)


@given(st.floats(0.1, 60.0), st.floats(0.1, 60.0))
def test_more_morphine_never_spares_ziconotide(first, second):
    less, more = sorted((first, second))
    slow, fast = (assess(["morphine", "ziconotide"], [1e3 * amount, 25.0]).decay_per_d[1] for amount in (less, more))
    assert slow <= fast * (1.0 + 1e-12)
    assert slow >= load_chemistry("ziconotide").decay_per_d


def test_kernels_get_the_same_numbers_by_the_hour():
    report = assess(["ziconotide", "fentanyl"], [25.0, 1e3])
    fields = kernel_chemistry(report)
    assert fields["decay_per_h"][0] == pytest.approx(report.decay_per_d[0] / 24.0)
    assert fields["wall_ug"].tolist() == [75.0, 0.0, 0.0]
    assert fields["catheter_wall_ug"].tolist() == [0.0, 20.0, 0.0]
    assert math.isinf(fields["soluble_ug_per_ml"][2])


def test_every_mixture_names_known_drugs_and_a_source():
    for drugs, mixture in load_mixtures().items():
        assert 2 <= len(drugs) <= 3
        assert mixture.source
        assert mixture.stable_d > 0.0


@pytest.mark.parametrize(
    ("drugs", "conc", "error"),
    [
        (["water"], [1.0], UnknownNameError),
        (["morphine"], [0.0], ConfigError),
        (["morphine"], [math.nan], ConfigError),
        (["morphine", "morphine"], [1.0, 1.0], ConfigError),
        (["morphine"], [1.0, 2.0], ConfigError),
        ([], [], ConfigError),
        (["morphine", "fentanyl", "clonidine", "baclofen"], [1.0] * 4, ConfigError),
    ],
)
def test_a_solution_that_makes_no_sense_is_refused(drugs, conc, error):
    with pytest.raises(error):
        assess(drugs, conc)
