"""A headroom's file: read back as it was written, and anything else refused in one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from thecal import __version__
from thecal.core.errors import StoreError
from thecal.envs.scenario import Scenario
from thecal.experiments.analysis.headroom import Headroom, judge
from thecal.experiments.analysis.headroom_stored import load_headroom, save_headroom, to_dict


@pytest.fixture(scope="module")
def record() -> Headroom:
    """A record in which one patient has no score, and no way is open."""
    rng = np.random.default_rng(0)
    names = ("random", "fixed", "guideline", "pid", "pid_guarded", "max_request", "hindsight", "oracle")
    values = {name: {"well_treated": rng.uniform(0, 100, 12)} for name in names}
    values["oracle"]["well_treated"] = values["hindsight"]["well_treated"] = values["fixed"]["well_treated"].copy()
    return Headroom(
        date="2026-11-30", kernel="k", wiring="w", scenario=Scenario.of(split="tune"), scenario_hashes={"1": "h"},
        profile="seed_2025", proved=True, wide=False, patients=12, seeds=(1,), multiples=(0.5, 1.0),
        left_out={"hindsight_unshielded": "why"}, judgment=judge(values, {name: (name, "rule") for name in names}),
    )  # fmt: skip


@pytest.fixture
def file(record, tmp_path):
    return save_headroom(record, tmp_path / "headroom.json")


def test_what_was_written_is_read_back(record, file):
    assert np.isnan(record.judgment.open_share)  # a missing number survives
    assert to_dict(load_headroom(file)) == to_dict(record)
    assert load_headroom(file).judgment.rules == record.judgment.rules


def test_the_head_says_what_wrote_it(file):
    values = json.loads(file.read_text(encoding="utf-8"))
    assert (values["kind"], values["schema"], values["thecal"]) == ("headroom", 2, __version__)
    assert (values["split"], values["note"], values["passed"]) == ("tune", "simulation only", False)
    assert (values["seeds"], values["scenario_hashes"], values["kernel"], values["wiring"]) == (
        [1],
        {"1": "h"},
        "k",
        "w",
    )
    assert len(values["sentences"]) == 4


def spoil(file, **changes):
    values = json.loads(file.read_text(encoding="utf-8")) | changes
    file.write_text(
        json.dumps({key: value for key, value in values.items() if value is not ...}, default=str), encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "comparison"}, "not the headroom of a task"),
        ({"kind": ...}, "not the headroom of a task"),
        ({"schema": 1}, "with schema 1"),
        ({"patients": ...}, "patients"),
        ({"patients": "many"}, "patients"),
        ({"extra": 1}, "extra"),
        ({"judgment": []}, "judgment"),
        ({"scenario": {"task": 3}}, "scenario"),
    ],
)
def test_anything_else_is_refused(file, changes, said):
    spoil(file, **changes)
    with pytest.raises(StoreError, match=said):
        load_headroom(file)


@pytest.mark.parametrize("content", ["", "[]", "{", "1", '{"kind": NaN}'])
def test_a_damaged_file_is_refused(file, content):
    file.write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=r"headroom\.json"):
        load_headroom(file)


def test_no_file_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        load_headroom(tmp_path / "none.json")
