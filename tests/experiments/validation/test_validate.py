"""The scorecard as it is shown: counted, readable at 80 columns, drawn, saved and read again without running a patient."""

from __future__ import annotations

import io
import json
import math
import re

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from thecal.core.errors import ParameterError
from thecal.experiments.cli import app, run
from thecal.experiments.reports.validation_page import load, render
from thecal.experiments.validation import reproductions
from thecal.experiments.validation.bands import Vpc
from thecal.experiments.validation.reproductions import vpc
from thecal.experiments.validation.scores import Score, from_records, records, tally
from thecal.experiments.validation.seeds import DEVELOPMENT_SEEDS, FINAL_SEEDS
from thecal.experiments.validation.targets import GROUPS, digits, load_targets
from thecal.experiments.validation.validate import details, summary, table, visual_checks
from thecal.physiology import structures

from support.scores import FIELDS, shipped_scores, some_scores, target


def printed(shown, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(shown)
    return console.export_text()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4228.4, "4230"),
        (999.96, "1000"),
        (0.00891, "0.00891"),
        (-1234.0, "-1230"),
        (1e6, "1000000"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert digits(value) == text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"low": 5.0}, "low 5.0 is not below high 4.0"),
        ({"scale": "log", "low": 0.0}, "needs a low above 0"),
        ({"role": "guess"}, "role"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_target_that_contradicts_itself_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        target(**changes)


def test_a_damaged_entry_is_named(monkeypatch):
    entry = {name: value for name, value in FIELDS.items() if name not in ("key", "unit")}
    monkeypatch.setattr("thecal.experiments.validation.targets.read_tables", lambda *_: {"half_life": entry})
    with pytest.raises(ParameterError, match=r"adaptation\.toml: half_life: .*unit"):
        load_targets()


@pytest.mark.parametrize(
    ("scale", "value", "place"),
    [
        ("linear", 1.0, 0.0), ("linear", 4.0, 1.0), ("linear", 7.0, 2.0), ("linear", -2.0, -1.0),
        ("log", 1.0, 0.0), ("log", 2.0, 0.5), ("log", 16.0, 2.0), ("log", 0.0, -math.inf), ("log", -3.0, -math.inf),
    ],
)  # fmt: skip
def test_place_inside_the_interval(scale, value, place):
    assert target(scale=scale).place(value) == pytest.approx(place)


def test_an_end_that_is_no_bound_is_not_shown():
    assert target(high=1e9).interval == "over 1"
    assert target().interval == "1–4"
    assert [target(unit=unit).suffix for unit in ("1", "ratio", "mL/h")] == ["", "", " mL/h"]


def test_table_fits_eighty_columns_and_says_everything():
    scores = shipped_scores(lambda target: target.high * 1.01)
    text = printed(table(scores))
    assert max(map(len, text.splitlines())) <= 80
    squeezed = re.sub(r"\s+", " ", text)
    for title in GROUPS.values():
        assert re.search(rf"{title}, 0 of \d+", squeezed)
    assert squeezed.count(" miss") == len(scores)
    for score in scores:
        assert f" {score.target.interval} " in squeezed
    assert "…" not in text


def test_caption_counts_by_role():
    text = summary(some_scores())
    assert text.startswith("1 of 3 within tolerance")
    assert "undecided" not in text
    for part in ("calibration: 0 of 1", "informed: 0 of 1", "test: 1 of 1"):
        assert part in text
    assert tally(some_scores()[:1]) == {"calibration": (0, 1)}
    assert printed(table(some_scores())).index("Kinetics, 1 of 2") < printed(table(some_scores())).index("Trials")


def test_details_tell_regimen_population_and_source():
    text = re.sub(r"\s+", " ", printed(details(some_scores())))
    assert "Half-life in CSF: observed 2 h, interval 1–4, simulated 2.5, P 1.00, pass" in text
    for part in ("one bolus at L3", "n = 8; interval: range", "A 1984, B 60:448 (source, high confidence)", "1 of 3"):
        assert part in text


def test_a_band_is_percentiles_over_patients_that_are_there():
    simulated = np.array([np.linspace(0.0, 100.0, 101), np.linspace(0.0, 200.0, 101)]).T
    simulated[100, 1] = np.nan
    band = Vpc("t", "u", [0.0, 1.0], simulated, [(1.0, 2.0, 1.0, 3.0)], "s").band()
    assert (band.low[0], band.median[0], band.high[0]) == pytest.approx((5.0, 50.0, 95.0))
    assert band.median[1] == pytest.approx(99.0)
    with pytest.raises(ParameterError, match=r"shape \(101, 2\) does not fit 1 times"):
        Vpc("t", "u", [0.0], simulated, [], "s").band()


def test_visual_checks_run_all_that_are_there(monkeypatch):
    check = Vpc("t", "u", [0.0, 1.0], np.ones((3, 2)), [(1.0, 2.0, 1.0, 3.0)], "s")
    monkeypatch.setattr(vpc, "VPCS", {"first": lambda _: check, "second": lambda _: check})
    shown = []
    assert [band.median for band in visual_checks(shown.append)] == [[1.0, 1.0]] * 2
    assert shown == ["first", "second"]


def test_a_row_that_is_no_score_is_named():
    row = records([Score(target=target(), values=(1.0,))])[0]
    with pytest.raises(ParameterError, match="'half_life' is incomplete"):
        from_records([{name: value for name, value in row.items() if name != "unit"}])


@pytest.fixture
def instant(monkeypatch):
    """Patients that give exactly what was observed, in both structures."""
    exact = {target.key: (lambda _, value=target.observed: value) for target in load_targets()}
    monkeypatch.setattr(reproductions, "REPRODUCTIONS", exact)
    monkeypatch.setattr(vpc, "VPCS", {})


def test_command_writes_the_page(instant, tmp_path):
    shown = CliRunner().invoke(app, ["validate", "--docs", str(tmp_path), "--strict", "--workers", "1"])
    assert shown.exit_code == 0
    assert "second structural model" in shown.stdout
    assert f"{len(load_targets())} of {len(load_targets())} within tolerance" in shown.stdout
    assert (tmp_path / "validation.md").read_text(encoding="utf-8") == render(load(tmp_path))


def test_command_gives_details_and_json(instant):
    long = CliRunner().invoke(app, ["validate", "csf_half_life", "--long"])
    assert "Nordberg 1984" in long.stdout
    rows = json.loads(CliRunner().invoke(app, ["validate", "csf_half_life", "--json"]).stdout)
    assert [row["key"] for row in rows] == ["csf_half_life"]
    assert {"regimen", "population", "source", "role", "simulated", "error", "probability", "passed"} <= set(rows[0])
    assert rows[0]["seeds"] == list(DEVELOPMENT_SEEDS[:2])


def test_command_takes_cohorts_and_structures(instant):
    words = ["validate", "csf_half_life", "bolus_spread", "--json", "--seeds", "3", "--structure", "both"]
    rows = json.loads(CliRunner().invoke(app, [*words, "--seed-set", "final"]).stdout)
    assert [(row["key"], row["structure"]) for row in rows] == [
        ("csf_half_life", "axial"), ("bolus_spread", "axial"), ("csf_half_life", "compartment")
    ]  # fmt: skip
    assert {tuple(row["seeds"]) for row in rows} == {FINAL_SEEDS[:3]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "9"], "each set has 8 seeds"),
        (["--seed-set", "calibration"], "not one of development, final"),
        (["--structure", "third"], "not one of axial, compartment, both"),
        (["--docs", "d", "--seeds", "2"], "write the whole score"),
        (["--record", "d", "--structure", "axial"], "write the whole score"),
        (["--record", "d"], "not the checkout that runs"),
        (["csf_half_life", "--record", "."], "name none"),
    ],
)
def test_what_cannot_be_scored_or_recorded_is_refused(instant, capsys, words, said):
    assert run(["validate", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_the_whole_score_is_recorded_in_one_command(instant, monkeypatch, tmp_path):
    monkeypatch.setattr(structures, "FOLDER", tmp_path / "physiology")
    monkeypatch.setattr(structures, "FILE", tmp_path / "physiology" / "data" / "structures.json")
    (tmp_path / "physiology" / "data").mkdir(parents=True)
    shown = CliRunner().invoke(app, ["validate", "--full", "--workers", "1", "--record", str(tmp_path)])
    assert shown.exit_code == 0, shown.stderr
    found = load(tmp_path / "docs")
    assert (tmp_path / "docs" / "validation.md").read_text(encoding="utf-8") == render(found)
    assert found.origin.seed_set == "development"
    assert {score.target.key for score in found.short} == {target.key for target in load_targets()}
    record = structures.read_record()
    assert record.seeds == DEVELOPMENT_SEEDS
    assert not record.stale
    standing = record.structures["compartment"]
    assert standing.met == standing.of == sum("compartment" in target.structures for target in load_targets())


def test_a_page_of_some_targets_is_refused(instant, capsys, tmp_path):
    assert run(["validate", "csf_half_life", "--docs", str(tmp_path)]) == 2
    assert "name none" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
