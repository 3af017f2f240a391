"""Events of a life through the whole environment: the same for every policy, hidden, restored, and no change where none is."""

from __future__ import annotations

import copy
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.core.jit import set_threads
from thecal.envs.batch import Batch
from thecal.envs.kernel.observation import FIELD_NAMES
from thecal.envs.kernel.records import PUBLIC_NAMES, TRUTH_NAMES
from thecal.envs.scenario import Scenario
from thecal.envs.tasks import load_task
from thecal.physiology.life_records import LIFE_NAMES, Lever, Life

from support.lives import life_file, once
from support.task_files import written

N = 16
ON_H, DAYS = 24.0, 5
HELD, ASKED = (0.0, 0.0), (0.9, 1.0)


def batch(
    life: Any = None, *, n: int = N, first: int = 0, seed: int = 3, task: Any = "CancerMorphine", **options: Any
) -> Batch:
    built = Batch(task, n, split="test", life=None if life is None else str(life), **options)
    built.restart(np.arange(n), np.arange(first, first + n), np.full(n, seed, np.uint64))
    return built


def run(built: Batch, days: float, action: Any = HELD) -> dict[str, Any]:
    """``[steps, n]`` of every field of the step's report, and of the levers."""
    actions = np.tile(np.resize(np.array(action), built.spec.n_actions), (built.n, 1))
    rows, levers = [], []
    for _ in range(round(days * 24 / built.spec.tick_h)):
        built.advance(actions)
        rows.append(built.out.copy())
        levers.append(built.world["patient"]["life"]["lever"].copy())
    log = np.stack(rows)
    return {name: log[name] for name in log.dtype.names} | {"lever": np.stack(levers)}


@cache
def without() -> dict[str, Any]:
    return run(batch(), DAYS)


def test_a_life_in_which_nothing_comes_changes_no_bit(tmp_path: Path) -> None:
    never = life_file(tmp_path, sedative=once(central=2.0) | {"chance": 0.0}, apnea=once(apnea=0.5) | {"chance": 0.0})
    same, none = run(batch(never), DAYS), run(batch("none"), DAYS)
    for name, values in without().items():
        np.testing.assert_array_equal(values, same[name], err_msg=name)
        np.testing.assert_array_equal(values, none[name], err_msg=name)
    assert not same["life"].any()


@pytest.mark.parametrize(
    ("kind", "levers", "field", "sign"),
    [
        ("sedative", {"central": 6.0}, "sedation", 1), ("sedative", {"central": 6.0}, "rr_min", -1),
        ("progression", {"pain": 3.0}, "pain_mean", 1), ("progression", {"pain": 3.0}, "pain0", 1),
        ("remission", {"pain": -3.0}, "pain_mean", -1), ("infection", {"gradient": 25.0}, "spo2_min", -1),
        ("infection", {"temperature": 2.0}, "temperature", 1), ("infection", {"temperature": 2.0}, "hr", 1),
        ("dehydration", {"pressure": 0.15}, "sbp", -1), ("dehydration", {"heart_rate": 15.0}, "hr", 1),
        ("apnea", {"apnea": 0.4}, "spo2_min", -1), ("oral_stop", {"analgesia": 0.5}, "relief", -1),
        ("renal_decline", {"renal": 0.1}, "plasma", 1), ("renal_decline", {"renal": 0.1}, "sedation", 1),
    ],
)  # fmt: skip
def test_an_event_moves_the_patient_and_fades(tmp_path: Path, kind: str, levers: Any, field: str, sign: int) -> None:
    log = run(batch(life_file(tmp_path, **{kind: once(ON_H, **levers)})), DAYS)
    begin = round(ON_H)  # an hour a step
    np.testing.assert_array_equal(
        log[field][:begin], without()[field][:begin], err_msg="before its onset no bit changes"
    )
    height = slice(begin + 8, begin + 6 + 48)
    assert sign * (log[field][height] - without()[field][height]).mean() > 0.0
    bit = log["life"] >> LIFE_NAMES.index(kind) & 1
    assert bit[:begin].max() == 0
    assert bit[height].min() == 1
    assert bit[-1].max() == 0
    assert not log["lever"][-1].any()
    begun = log["life_begun"] >> LIFE_NAMES.index(kind) & 1
    assert begun.sum(axis=0).tolist() == [1] * N


def test_an_infection_raises_spasticity_under_baclofen(tmp_path: Path) -> None:
    task = written(tmp_path, "Baclofen")
    life = life_file(tmp_path, infection=once(ON_H, spasticity=1.6))
    plain, ill = (run(batch(chosen, task=task), 4) for chosen in (None, life))
    at = round((ON_H + 24) / load_task(task).tick_h)
    assert (ill["ashworth"][at] > plain["ashworth"][at]).all()
    np.testing.assert_array_equal(ill["pain0"][at], plain["pain0"][at])


def events(log: dict[str, Any]) -> Any:
    return log["life_begun"], log["life"], log["lever"]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Much happens, but nobody dies of it."""
    kind = {
        "hazard": 20.0,
        "earliest": 0.0,
        "rise": 5.0,
        "length": (9.0, ', cv = 0.8, distribution = "lognormal"'),
        "fade": 7.0,
    }
    return life_file(
        tmp_path_factory.mktemp("life"), sedative={**kind, "central": 1.2}, infection={**kind, "temperature": 0.5},
        remission={**kind, "pain": (-1.0, ", range = [-2.0, 0.0]")}, oral_stop=once(12.0, pain=0.5),
        progression={"hazard": 10.0, "earliest": 6.0, "most": 3, "rise": 4.0, "pain": 0.5},
    )  # fmt: skip


def test_two_policies_meet_the_same_events_on_the_same_days(busy: Path) -> None:
    one, other = (run(batch(busy), 4, action) for action in (HELD, ASKED))
    assert (one["dose_ug"] != other["dose_ug"]).any()
    assert one["life_begun"].any(axis=0).all()
    for own, theirs in zip(events(one), events(other), strict=True):
        np.testing.assert_array_equal(own, theirs)


def test_events_are_the_same_alone_in_a_batch_and_on_threads(busy: Path) -> None:
    n = 70  # from 64 on the parallel kernel runs
    try:
        set_threads(1)
        one = run(batch(busy, n=n), 3, ASKED)
        set_threads(2)
        two = run(batch(busy, n=n), 3, ASKED)
    finally:
        set_threads(1)
    alone = run(batch(busy, n=1, first=5), 3, ASKED)
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name], err_msg=name)
        np.testing.assert_array_equal(values[:, 5], alone[name][:, 0], err_msg=name)
    assert (run(batch(busy, n=4, seed=4), 3)["life_begun"] != one["life_begun"][:, :4]).any(), (
        "another seed, other days"
    )


def test_a_snapshot_in_mid_event_goes_on_bit_for_bit(busy: Path) -> None:
    built = batch(busy)
    before = run(built, 2)
    assert before["life"][-1].all(), "in the midst of it"
    taken, twin, thawed = built.snapshot(), copy.deepcopy(built), pickle.loads(pickle.dumps(built))
    due = run(built, 2, ASKED)
    other = batch(busy, first=N, seed=9)
    run(other, 1)
    other.restore(taken)
    np.testing.assert_array_equal(other.out["life"], before["life"][-1])
    for again in (other, twin, thawed):
        log = run(again, 2, ASKED)
        for name, values in due.items():
            np.testing.assert_array_equal(values, log[name], err_msg=name)


def test_a_snapshot_belongs_to_its_life(busy: Path) -> None:
    with pytest.raises(ConfigError, match="scenario"):
        batch().restore(batch(busy).snapshot())


def test_what_happens_is_truth_and_no_policy_sees_it() -> None:
    assert {"life", "life_begun"} <= set(TRUTH_NAMES)
    assert not any("life" in name for name in (*PUBLIC_NAMES, *FIELD_NAMES))


def test_a_scenario_names_a_life_and_its_hash_follows_it(tmp_path: Path, busy: Path) -> None:
    plain, none, course = (
        Scenario.of("CancerMorphine", life=life).resolve() for life in (None, "none", "cancer_course")
    )
    assert plain.life is none.life is None
    assert plain.hash == none.hash != course.hash
    assert plain.task.hash != course.task.hash
    assert course.life is not None
    assert course.task.life == course.life.name == "cancer_course"
    assert course.task.title.endswith("(life cancer_course)")
    copied = tmp_path / "copy.toml"
    copied.write_bytes(busy.read_bytes())
    named = [Scenario.of("CancerMorphine", life=path).resolve().hash for path in (busy, copied)]
    assert named[0] == named[1] not in (plain.hash, course.hash)


def test_a_task_file_names_a_life(tmp_path: Path) -> None:
    path = tmp_path / "Mine.toml"
    text = (Path(__file__).parents[2] / "envs/data/tasks/CancerMorphine.toml").read_text()
    path.write_text(text.replace('cohort = "cancer"', 'cohort = "cancer"\nlife = "cancer_month"'))
    scene = Scenario.of(path).resolve()
    assert scene.life is not None
    assert scene.life.name == "cancer_month"
    assert Scenario.of(path, life="none").resolve().life is None
    assert batch(task=path).par["patient"]["life"]["on"].all()


@pytest.mark.parametrize("value", ["cancer_curse", "missing.toml", 7])
def test_an_unknown_life_is_refused_in_one_sentence(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"life|missing\.toml") as found:
        Scenario.of("CancerMorphine", life=value).resolve()
    assert "\n" not in str(found.value)


def test_a_record_is_no_number_that_a_difficulty_could_multiply(tmp_path: Path) -> None:
    path = tmp_path / "Mine.toml"
    text = (Path(__file__).parents[2] / "envs/data/tasks/CancerMorphine.toml").read_text()
    path.write_text(text.replace("[difficulty.easy]", "[difficulty.easy]\nlife = 2.0"))
    with pytest.raises(ConfigError, match="'life' is not a parameter of the patient"):
        load_task(path)


def test_a_shipped_month_matters() -> None:
    """Four weeks of cancer: most patients meet something, and pain and hours of sleep apnea differ from a quiet month."""
    log = run(batch("cancer_month", n=60), 28)
    met = log["life_begun"].any(axis=0)
    assert 0.7 < met.mean() < 1.0
    kinds = {name for k, name in enumerate(LIFE_NAMES) if (log["life_begun"] >> k & 1).any()}
    assert kinds == set(LIFE_NAMES)
    assert np.abs(log["lever"]).max(axis=(0, 1))[Lever.PAIN] > 1.5
    assert (log["life"][-1] >> Life.ORAL_STOP & 1).mean() == pytest.approx(0.5, abs=0.26)
