"""Results on disk: the round trip is exact, the old keys are there, and what another version wrote is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from thecal import __version__
from thecal.core.errors import StoreError
from thecal.core.files import as_json
from thecal.experiments.analysis.results import Difference, Interval
from thecal.experiments.analysis.stored import FILE, SCHEMA, load_result, save_result, to_dict

from support.reports import synthetic_data

OLD_KEYS = {
    "note", "task", "task_hash", "seed", "split", "difficulty", "shield_mode", "unshielded", "reference", "primary",
    "training_seeds", "patients", "estimates", "tails", "differences", "events", "shield", "verdicts", "better",
}  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return synthetic_data(n=10, hours=24).result


def test_a_result_comes_back_exactly(result, tmp_path):
    save_result(result, tmp_path)
    for path in (tmp_path, tmp_path / FILE):
        again = load_result(path)
        assert to_dict(again) == to_dict(result)
        assert type(again.policies["ppo"].values["died"]) is np.ndarray
        assert again.policies["ppo"].info == result.policies["ppo"].info
        assert again.outcomes == result.outcomes


def test_missing_numbers_are_null_and_come_back_missing(result, tmp_path):
    nothing = Interval(mean=math.nan, low=math.nan, high=math.nan)
    ppo = result.policies["ppo"]
    values = {**ppo.values, "died": np.array([0.0, math.nan])}
    changed = ppo.model_copy(update={"estimates": {**ppo.estimates, "died": nothing}, "values": values})
    gap = Difference(mean=0.0, low=math.nan, high=0.0, p_adjusted=math.nan)
    gaps = {**result.differences, "ppo": {**result.differences["ppo"], "died": gap}}
    save_result(
        result.model_copy(update={"policies": {**result.policies, "ppo": changed}, "differences": gaps}), tmp_path
    )
    stored = json.loads((tmp_path / FILE).read_text(), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert stored["estimates"]["ppo"]["died"] == {"mean": None, "low": None, "high": None}
    again = load_result(tmp_path)
    assert math.isnan(again.policies["ppo"].estimates["died"].mean)
    assert math.isnan(again.policies["ppo"].values["died"][1])
    assert math.isnan(again.differences["ppo"]["died"].low)
    assert again.differences["ppo"]["died"].p_adjusted is None


def test_every_old_key_is_still_there(result):
    values = to_dict(result)
    assert set(values) >= OLD_KEYS
    assert set(values) - OLD_KEYS == {
        "schema", "thecal", "spec", "scenario", "scenario_hash", "profile", "cohort_seed", "infos", "outcomes", "values",
        "unproved", "wide", "transfers",
    }  # fmt: skip
    assert values["thecal"] == __version__
    assert values["training_seeds"]["ppo"] == 1
    assert set(values["better"]) == set(values["verdicts"]) == set(result.others)


def test_results_of_0_1_are_refused_with_the_way_out(result, tmp_path):
    old = {key: value for key, value in to_dict(result).items() if key in OLD_KEYS}
    (tmp_path / FILE).write_text(json.dumps(old))
    with pytest.raises(StoreError, match=r"written by Thecal 0\.1.*run the comparison again"):
        load_result(tmp_path)


def test_results_of_a_newer_version_are_refused(result, tmp_path):
    newer = to_dict(result) | {"schema": SCHEMA + 1, "thecal": "9.9"}
    (tmp_path / FILE).write_text(as_json(newer))
    with pytest.raises(StoreError, match=r"written by Thecal 9\.9 with schema"):
        load_result(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", '{"schema": 1}', '{"schema": 1, "infos": {"a": {}}}'])
def test_damaged_files_are_refused_in_one_sentence(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(StoreError, match="not a comparison's result"):
        load_result(tmp_path)


def test_an_unknown_field_is_refused_by_name(result, tmp_path):
    (tmp_path / FILE).write_text(as_json(to_dict(result) | {"surprise": 1}))
    with pytest.raises(StoreError, match="surprise"):
        load_result(tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        load_result(tmp_path)
