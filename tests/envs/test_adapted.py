"""Other drugs and horizons of a task: what changes, what does not, and what is refused before any patient is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.core.errors import ConfigError
from thecal.envs.adapted import read_drugs
from thecal.envs.batch import Batch
from thecal.envs.scenario import Scenario

from support.task_files import written

# Content hashes as they were before a scenario had drugs and a horizon of its own: without them nothing changes.
HASHES = {
    "CancerMorphine": (
        "acec1d0f680b4084485d4b18abfb9f899dca9de8ed17c56ec6d9ed09595e8354",
        "9ad8fe747405187ab10eecad06349688670ae9fc09ce3e61094bcbe31b086231",
    ),
    "NonCancerMorphine": (
        "01298c032aa948303a59dbe2e739e22ef0fb3bc4ed3246306313505b11fdf3de",
        "3fddb0a27216761447c440b5cc71efbe6b0912ef34a8cb4f9ba307c3403585c4",
    ),
    "NonCancerMix": (
        "903bb4325aa48ea55a24a714a1ef21087cbadbc7340f48d91bf1b36ef9796969",
        "bad5a90b261131d8cd3d173382f5ad964f4642e7f3651cf28f5700f6438e6dac",
    ),
}


@pytest.mark.parametrize("task", HASHES)
def test_hashes_stay_where_neither_is_given(task):
    plain, other = HASHES[task]
    assert Scenario.of(task).resolve().hash == plain
    assert Scenario.of(task, difficulty="shift", faults="stress", cohort="elderly").resolve().hash == other


def test_the_drugs_and_horizon_of_the_task_change_nothing():
    same = Scenario.of("NonCancerMix", drugs="morphine+bupivacaine", horizon_d=180).resolve()
    assert same.task == Scenario.of("NonCancerMix").resolve().task
    assert same.hash == HASHES["NonCancerMix"][0]


def test_another_drug_brings_its_own_doses_limits_and_scale():
    plain = Scenario.of("CancerMorphine").resolve()
    found = Scenario.of("CancerMorphine", drugs="hydromorphone").resolve()
    assert found.task.drugs == found.drugs == ("hydromorphone",)
    assert found.hash != plain.hash
    assert found.task.hash != plain.task.hash
    assert found.task.title.endswith("(drugs hydromorphone)")
    assert "morphine" in found.task.evidence
    highest = found.profile.max_concentration("hydromorphone") / 1000.0
    shares = np.array(plain.task.solution.options_mg_per_ml) / (plain.profile.max_concentration("morphine") / 1000.0)
    assert np.allclose(np.array(found.task.solution.options_mg_per_ml) / highest, shares)
    high = dict(zip(found.lens.names, found.lens.high, strict=True))
    assert high["dose_mg_per_d"] == pytest.approx(found.profile.cap_ug("hydromorphone") / 1000.0)
    batches = [Batch(scene, 1) for scene in (plain, found)]
    for batch in batches:
        batch.restart(np.array([0]), np.array([3]), np.array([1], np.uint64))
        batch.advance(np.zeros((1, 2)))
        assert batch.out["dose_ug"][0, 0] > 0.0
    weaker, stronger = (float(batch.out["dose_ug"][0, 0]) for batch in batches)
    assert stronger < weaker / 3, "hydromorphone begins with the converted dose"


def test_a_mixture_runs_with_its_ratio():
    scene = Scenario.of("CancerMorphine", drugs={"morphine": 1, "bupivacaine": 1.5}).resolve()
    assert scene.scenario.drugs == "morphine+bupivacaine:1.5"
    assert scene.task.title.endswith("(drugs morphine+bupivacaine:1.5)")
    batch = Batch(scene, 1)
    batch.restart(np.array([0]), np.array([3]), np.array([1], np.uint64))
    first, second, _ = batch.par["ordered_conc"][0]
    assert second == pytest.approx(1.5 * first)
    assert Scenario.of("CancerMorphine", drugs=("morphine", "bupivacaine:1.5")) == scene.scenario


def test_the_horizon_counts_in_steps_and_ends_the_episode():
    scene = Scenario.of("CancerMorphine", horizon_d=2).resolve()
    assert (scene.task.n_steps, scene.base.horizon_d) == (48, 2.0)
    assert Batch(scene, 1).restart(np.array([0]), np.array([0]), np.array([0], np.uint64)) is None
    longer = Scenario.of("CancerMorphine", horizon_d=60).resolve()
    assert longer.task.n_steps == 60 * 24
    assert len({scene.hash, longer.hash, HASHES["CancerMorphine"][0]}) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"drugs": "aspirin"}, "unknown drug of profile seed_2025 'aspirin'"),
        (
            {"drugs": "morphine+bupivacaine"},
            "bupivacaine needs its mass for each mg of morphine, as morphine.bupivacaine:2",
        ),
        ({"drugs": "morphine:2"}, "give the first drug alone"),
        ({"drugs": "morphine+"}, "give the first drug alone"),
        ({"drugs": "morphine+bupivacaine:x"}, "the ratio of bupivacaine is not a positive number"),
        ({"drugs": "morphine+bupivacaine:0"}, "the ratio of bupivacaine is not a positive number"),
        ({"drugs": "morphine+morphine:1"}, "a drug stands twice"),
        ({"drugs": "morphine+ziconotide:0.001+sufentanil:0.01"}, "is not listed"),
        ({"drugs": 7}, "drugs: .*text"),
        ({"horizon_d": 0}, "horizon_d: .*above 0"),
        ({"horizon_d": 1e9}, "horizon_d: .*at most 3660"),
        ({"horizon_d": 1.01}, "not a whole number of steps"),
        ({"horizon_d": "soon"}, "horizon_d: .*number"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(options, words):
    with pytest.raises(ConfigError, match=words) as found:
        Scenario.of("CancerMorphine", **options).resolve()
    assert "\n" not in str(found.value)


def test_tasks_with_a_stated_start_or_a_choice_refuse(tmp_path):
    with pytest.raises(ConfigError, match="states a starting dose of baclofen"):
        Scenario.of(written(tmp_path, "Baclofen"), drugs="morphine").resolve()
    with pytest.raises(ConfigError, match="chooses among mixtures"):
        Scenario.of(written(tmp_path, "Everything"), drugs="morphine").resolve()


@pytest.mark.parametrize("text", ["a", " a + b : 2 ", "a+b:2+c:0.5", "a+b"])
def test_texts_of_drugs_are_read(text):
    names, ratios = read_drugs(text)
    assert names[0] == "a"
    assert len(ratios) == len(names) - 1
