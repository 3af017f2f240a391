"""The scorecard on disk: what is saved comes back, what is damaged is refused with file, score and reason, and what it counts."""

from __future__ import annotations

import json
import math

import pytest

from thecal.core.errors import StoreError
from thecal.experiments.reports.validation_page import render
from thecal.experiments.validation.scores import Score
from thecal.experiments.validation.stored import Origin, Saved, load, save, standings, write_record
from thecal.physiology.structures import read_record

from support.scores import CHECK, target

SEEDS = (5, 6, 7)


def scored(key, values, structure="axial", **changes):
    return Score(target=target(key=key, **changes), values=values, seeds=SEEDS, structure=structure)


@pytest.fixture
def made():
    scores = [
        scored("a", (2.0, 2.1, 2.05)),
        scored("b", (0.9, 1.1, 1.0), role="informed"),
        scored("c", (9.0, 9.5, math.nan), declared="2026-11-29"),
        scored("a", (3.9, 4.2, 4.0), "compartment"),
    ]
    short = [Score(target=scores[0].target, values=(1.0, 2.0))]
    return Saved(scores, [CHECK], short, Origin(seed_set="final", date="2026-11-29", model="abc"))


def edited(folder, edit):
    path = folder / "validation.json"
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(values))


def test_everything_comes_back(made, tmp_path):
    save(made, tmp_path)
    found = load(tmp_path)
    assert found.origin == made.origin
    assert [one.target for one in found.scores] == [one.target for one in made.scores]
    assert [one.verdict for one in found.scores] == ["pass", "undecided", "miss", "undecided"]
    assert found.scores[0].seeds == SEEDS
    assert [(one.target.key, one.values) for one in found.short] == [("a", (1.0, 2.0))]
    save(found, tmp_path / "again")
    assert (tmp_path / "again" / "validation.json").read_bytes() == (tmp_path / "validation.json").read_bytes()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda values: values["scores"][1].update(low=9.0), "score 'b' is incomplete: low 9.0 is not below"),
        (lambda values: values["scores"][1].update(source=""), "score 'b' is incomplete: source"),
        (lambda values: values["scores"][2].update(values=["x"]), "score 'c' is incomplete: values"),
        (lambda values: values["scores"][2].update(seeds=[1]), "score 'c' is incomplete: 1 seeds"),
        (lambda values: values["scores"].append(values["scores"][0]), "score 'a' stands twice"),
        (lambda values: values["scores"].append(7), "incomplete"),
        (lambda values: values.update(scores={}), "scores: missing, or not a list"),
        (lambda values: values.update(checks=[{"title": 1}]), "checks: "),
        (lambda values: values.update(origin={"who": "?"}), "origin: "),
        (lambda values: values.update(short=[{"key": "z"}]), "short: 'z'"),
        (lambda values: values.update(short=3), "short: None"),
        (lambda values: values["short"][0].update(values=["x"]), "score 'a' is incomplete"),
    ],
)
def test_damage_is_named(made, edit, said, tmp_path):
    save(made, tmp_path)
    edited(tmp_path, edit)
    with pytest.raises(StoreError, match=r"validation\.json: not a saved scorecard") as caught:
        load(tmp_path)
    assert said in str(caught.value)


def test_a_number_that_is_none_is_refused(made, tmp_path):
    path = save(made, tmp_path)
    path.write_text(path.read_text().replace('"observed": 2.0', '"observed": NaN', 1))
    with pytest.raises(StoreError, match="NaN is no number of JSON"):
        load(tmp_path)


def test_standings_count_all_and_untouched(made, tmp_path):
    found = standings(made)
    assert (found.model, found.seed_set, found.seeds) == ("abc", "final", SEEDS)
    axial, second = found.structures["axial"], found.structures["compartment"]
    assert (axial.met, axial.of, axial.untouched_met, axial.untouched_of) == (1, 3, 1, 2)
    assert (second.met, second.of) == (0, 1)
    assert read_record(write_record(made, tmp_path / "structures.json")) == found


def test_the_page_tells_error_probability_and_verdict(made):
    page = render(made)
    assert "3 cohorts (final seeds 5 to 7), scored on 2026-11-29" in page
    for part in ("2.05 ± 0.029", "3 of 3 cohorts inside", "*undecided*", "**miss**", "test, declared 2026-11-29"):
        assert part in page
    assert "## Undecided\n\n1. Half-life in CSF: observed 2 h" in page
    assert "## Undecided, second structural model\n\n1. Half-life" in page
    assert "## Misses, second structural model\n\nNone." in page
    assert "| **all** | | **1 of 3** | **0 of 1** |" in page
