"""Outcomes on trajectories whose numbers can be added up by hand: death, sedation, windows of dose, harm."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import UnknownNameError
from thecal.envs.measures import event_counts, steps_alive
from thecal.envs.outcomes import CATALOG, OUTCOMES, outcome, outcomes

from support.runs import die, hand_run


def test_every_outcome_says_what_it_is():
    assert len({entry.key for entry in OUTCOMES}) == len(OUTCOMES)
    assert [entry.key for entry in CATALOG.values()] == list(CATALOG)
    for entry in CATALOG.values():
        assert entry.label
        assert entry.unit
        assert entry.text.endswith(".")
        assert entry.better in (-1, 0, 1)
        assert (entry.margin is not None) == (entry.role == "cost")
    assert all(entry.role != "primary" for entry in CATALOG.values())  # a task says which is


def test_unknown_outcome_is_named():
    with pytest.raises(UnknownNameError, match="unknown outcome 'happiness'"):
        outcome("happiness")


def test_one_number_for_each_patient():
    found = outcomes(hand_run(48, 3))
    assert set(found) == {entry.key for entry in OUTCOMES}
    assert all(values.shape == (3,) and values.dtype == np.float64 for values in found.values())


def test_time_controlled_is_a_share_of_the_whole_horizon():
    run = hand_run(48, 2)
    run["controlled_h"][:12, 0] = 1.0
    assert outcomes(run)["time_controlled"].tolist() == [25.0, 0.0]


def test_a_death_costs_the_rest_of_the_horizon():
    run = hand_run(48, 2, controlled_h=1.0, pain_mean=2.0)
    found = outcomes(die(run, patient=0, step=11))
    assert found["time_controlled"].tolist() == [25.0, 100.0]
    assert found["mean_nrs"].tolist() == [(12 * 2 + 36 * 10) / 48, 2.0]
    assert found["died"].tolist() == [100.0, 0.0]
    assert found["responder30"].tolist() == [0.0, 100.0]


def test_a_death_in_the_last_step_is_no_response():
    found = outcomes(die(hand_run(48, 1, pain_mean=1.0), patient=0, step=47))
    assert found["died"].tolist() == [100.0]
    assert found["responder30"].tolist() == [0.0]


def test_rates_are_per_time_alive():
    run = hand_run(48, 2, demands_given=0.5, intervened=1, violations=4)
    run["dose_ug"][:, :, 0] = 100.0
    found = outcomes(die(run, patient=0, step=11))
    alive_d = 11.5 / 24.0
    np.testing.assert_allclose(found["dose_mg_per_day"], [12 * 0.1 / alive_d, 2.4])
    np.testing.assert_allclose(found["demands_given"], [6 / alive_d, 12.0])
    assert found["interventions"].tolist() == [100.0, 100.0]
    assert found["would_be_violations"].tolist() == [1000.0, 1000.0]
    assert steps_alive(run).tolist() == [12.0, 48.0]


@pytest.mark.parametrize(
    ("felt", "responder30", "responder50"),
    [(5.7, 0.0, 0.0), (5.5, 100.0, 0.0), (4.1, 100.0, 0.0), (3.9, 100.0, 100.0)],
)
def test_response_is_judged_in_the_last_quarter_against_no_drug(felt, responder30, responder50):
    run = hand_run(48, 1, pain_mean=8.0)
    run["pain_mean"][36:] = felt
    found = outcomes(run)
    assert found["responder30"].tolist() == [responder30]
    assert found["responder50"].tolist() == [responder50]


def test_sedation_is_no_relief():
    run = hand_run(48, 2, pain_mean=0.0, bt_h=1.0)
    run["unrousable_h"][:, 0] = 1.0
    found = outcomes(run)
    assert found["responder30"].tolist() == [0.0, 100.0]
    assert found["breakthrough_relief"].tolist() == [0.0, 100.0]


def test_half_an_hour_unrousable_counts_half():
    run = hand_run(48, 1, pain_mean=2.0, bt_h=1.0, unrousable_h=0.5)
    np.testing.assert_allclose(outcomes(run)["breakthrough_relief"], 100 * (1 - (0.5 * 2 + 0.5 * 8) / 8))


def test_no_pain_to_relieve_is_no_response():
    assert outcomes(hand_run(48, 1, pain_mean=0.0, pain0=0.0))["responder30"].tolist() == [0.0]


def test_relief_in_breakthrough_needs_a_breakthrough():
    run = hand_run(48, 3, pain_mean=6.0)
    run["bt_h"][5, :2] = 0.5
    run["pain_mean"][5, :2] = 4.0
    found = outcomes(die(run, patient=1, step=20))["breakthrough_relief"]
    np.testing.assert_array_equal(found, [50.0, 0.0, np.nan])


def test_harm_is_added_up():
    run = hand_run(48, 1)
    run["resp_h"][3:5, 0] = 0.5
    run["resp_events"][3, 0] = 1
    run["sed_h"][10:13, 0] = 1.0
    run["sed_events"][[10, 30], 0] = 1
    run["withdrawal_h"][40:, 0] = 1.0
    run["nausea"][:24, 0] = 2.0
    found = outcomes(run)
    expected = {
        "resp_hours": 1.0, "resp_events": 1.0, "sed_hours": 3.0, "sed_events": 2.0, "withdrawal_hours": 8.0,
        "nausea_mean": 1.0, "died": 0.0,
    }  # fmt: skip
    assert {key: found[key].item() for key in expected} == expected


@pytest.mark.parametrize(("tick_h", "window"), [(1.0, 24), (4.0, 6), (0.25, 96), (5.0, 4)])
def test_cap_is_judged_anew_from_the_doses(tick_h, window):
    rng = np.random.default_rng(3)
    cap = 4.5 * window
    run = hand_run(4 * window, 3, tick_h=tick_h, cap_ug=cap)
    run["dose_ug"][:, :, 0] = rng.integers(0, 10, size=(4 * window, 3))
    doses = run["dose_ug"][:, :, 0].astype(np.float64)
    expected = [sum(doses[max(0, k - window + 1) : k + 1, i].sum() > cap for k in range(4 * window)) for i in range(3)]
    assert 0 < sum(expected) < 3 * 4 * window
    assert outcomes(run)["cap_violations"].tolist() == expected


def test_riding_the_cap_is_no_violation():
    run = hand_run(96, 1, cap_ug=1000.0)
    run["dose_ug"][:, :, 0] = 1000.0 / 24.0
    assert outcomes(run)["cap_violations"].tolist() == [0.0]
    run["dose_ug"][50, 0, 0] += 0.1
    assert outcomes(run)["cap_violations"].tolist() == [24.0]


def test_return_leaves_out_the_training_penalty():
    run = hand_run(48, 1, reward=0.5, r_shield=-0.25)
    assert outcomes(run)["return"].tolist() == [36.0]


def test_large_sums_keep_their_digits():
    run = hand_run(20_000, 1, reward=0.1)
    run["reward"][0] = 1.0e5
    expected = 1.0e5 + 19_999 * float(np.float32(0.1))
    np.testing.assert_allclose(outcomes(run)["return"], expected, rtol=1e-9)


def test_events_are_counted_over_patients_and_days():
    run = hand_run(48, 3)
    run["resp_events"][[3, 9], 0] = 1
    run["resp_events"][5, 1] = 1
    counts = event_counts(die(run, patient=2, step=23))
    assert counts["respiratory"] == {"onsets": 3.0, "patients": 2, "patient_days": pytest.approx(4 + 23.5 / 24)}
    assert counts["death"]["patients"] == 1
    assert counts["sedation"]["onsets"] == 0


def test_death_makes_no_mean_of_symptoms_better():
    run = die(hand_run(4, 2, ashworth=3.0, function=60.0), 0, 1)
    assert outcomes(run, ["mean_ashworth"])["mean_ashworth"].tolist() == [4.0, 3.0]
    assert outcomes(run, ["mean_function"])["mean_function"].tolist() == [30.0, 60.0]


def test_a_press_is_answered_denied_or_met_no_bolus():
    """Nothing denies a bolus that nobody armed: the three add up to all presses."""
    armed = np.zeros((48, 2))
    armed[:24] = 30.0
    run = hand_run(48, 2, demands_given=0.0, demands_denied=1.0, requested_bolus_ul=armed)
    run.data["demands_given"][:12], run.data["demands_denied"][:12] = 1.0, 0.0
    found = outcomes(run, ("demands_given", "demands_denied", "demands_unarmed"))
    assert {key: values.tolist() for key, values in found.items()} == {
        "demands_given": [6.0, 6.0],
        "demands_denied": [6.0, 6.0],
        "demands_unarmed": [12.0, 12.0],
    }
