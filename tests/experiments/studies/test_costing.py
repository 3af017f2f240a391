"""A stored run priced: what its patients used is counted from what the rollout recorded, and costs what it costs by hand."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.clinic.costs.prices import read_prices
from thecal.core.errors import ConfigError, StoreError
from thecal.devices.fault_records import Fault
from thecal.experiments.rollouts.parquet import save_trajectories
from thecal.experiments.studies.costing import daily_utility, price_pair, price_run, stored_runs, use_of

from support.runs import die, hand_run

PRICES = read_prices()


def busy_run(**more):
    """Two patients over two days: one is refilled, calls, is rescued and has a leak and an infection; the other nothing."""
    run = hand_run(48, 2, function=100.0, **more)
    run["reservoir_est_ml"][:] = 10.0
    run["reservoir_est_ml"][20:, 0] = 38.0
    run["visits"][20, 0] = 1.0
    run["visits"][30, 0] = 1.0
    run["rescues"][31, 0] = 1.0
    run["fault_begun"][5, 0] = 1 << Fault.LEAK
    run["fault_begun"][6, 0] = (1 << Fault.INFECTION) | (1 << Fault.CLOCK_JUMP)
    run["dose_ug"][:, :, 0] = 250.0
    return run


def test_use_is_counted_from_the_record():
    use = use_of(busy_run())
    assert use.days.tolist() == [2.0, 2.0]
    assert use.refills.tolist() == [1.0, 0.0]
    assert use.visits.tolist() == [1.0, 0.0]
    assert use.emergencies.tolist() == [1.0, 0.0]
    assert use.events["catheter_revision"].tolist() == [1.0, 0.0]
    assert use.events["infection"].tolist() == [1.0, 0.0]
    assert use.events["pump_revision"].tolist() == [0.0, 0.0]
    assert use.drug_mg["morphine"] == pytest.approx([12.0, 12.0])


def test_a_grown_granuloma_and_an_ended_battery_count_once():
    run = busy_run(granuloma=1.0, battery_used=1.2)
    run["fault_begun"][3, 1] = 1 << Fault.GRANULOMA
    use = use_of(run)
    assert use.events["granuloma"].tolist() == [1.0, 1.0]
    assert use.replacements.tolist() == [1.0, 1.0]


def test_a_run_costs_what_its_use_costs():
    found = price_run([busy_run()], PRICES)
    drug = 12.0 * 3.2
    assert found.total.mean == pytest.approx(23455.0 + drug + (250 + 120 + 9000 + 9000 + 25000) / 2)
    assert found.upkeep_month.mean == pytest.approx((drug + 21685.0) * 365.25 / 12 / 2)
    without = price_run([busy_run()], PRICES, upfront=False)
    assert found.total.mean - without.total.mean == pytest.approx(23455.0)


def test_blocks_give_what_one_run_gives():
    whole, parts = price_run([busy_run()], PRICES), price_run([busy_run(), busy_run()], PRICES)
    assert parts.total.mean == pytest.approx(whole.total.mean)
    assert len(parts.patients) == 4


def test_utility_of_days_is_that_of_their_means():
    run = busy_run()
    run["pain_mean"][:24] = 8.0
    assert daily_utility(run)[:, 1].tolist() == pytest.approx([1 - 0.575, 1 - 0.121])
    run["sed_h"][24:] = 1.0
    assert daily_utility(run)[1, 1] == pytest.approx((1 - 0.121) * 0.7)


def test_the_dead_gain_nothing():
    run = die(busy_run(), 0, 24)
    lived = daily_utility(run)
    assert lived[1, 0] < 0.03 * lived[1, 1]
    assert use_of(run).days[0] == pytest.approx(24.5 / 24.0)


def test_a_run_too_short_or_too_thin_is_refused():
    with pytest.raises(ConfigError, match="shorter than a day"):
        daily_utility(hand_run(12, 2))
    thin = busy_run()
    del thin.data["rescues"]
    with pytest.raises(ConfigError, match="does not hold rescues"):
        use_of(thin)


def test_two_stored_runs_are_compared_pair_by_pair(tmp_path):
    quiet, busy = hand_run(48, 2, function=100.0, pain_mean=8.0, policy="quiet"), busy_run()
    for name, run in (("a", busy), ("b", quiet)):
        (tmp_path / name).mkdir()
        save_trajectories(run, tmp_path / name / "trajectories.parquet")
    first, second, pair = price_pair(tmp_path / "a", tmp_path / "b", PRICES)
    assert (first.policy, second.policy) == ("hand", "quiet")
    assert pair.cost.mean == pytest.approx(first.total.mean - second.total.mean)
    assert pair.effect.mean == pytest.approx(2 * 0.454 / 365.25)
    assert pair.result.place == "dearer and better"
    assert pair.result.icer == pytest.approx(pair.cost.mean / pair.effect.mean)
    assert pair.curve[0].share <= pair.curve[-1].share


def test_runs_of_other_patients_are_not_compared(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        save_trajectories(hand_run(48, 2, seed=seed), tmp_path / f"{name}.parquet")
    with pytest.raises(ConfigError, match="ran with seed"):
        price_pair(tmp_path / "a.parquet", tmp_path / "b.parquet", PRICES)


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(StoreError, match="no such file"):
        stored_runs(tmp_path)
    assert np.size(list(tmp_path.iterdir())) == 0
