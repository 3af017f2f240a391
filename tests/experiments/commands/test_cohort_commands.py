"""The cohort commands: what is exported can be imported, a bad table is reported by row, a page shows every covariate."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from thecal.experiments.cli import run
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.covariates import COVARIATES


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_exported_cohort_comes_back_as_the_same_charts(tmp_path: Path, capsys, ending: str) -> None:
    table, out = tmp_path / f"p.{ending}", tmp_path / "made" / "mine.toml"
    assert (
        run(["cohort", "export", str(table), "-n", "12", "--split", "test", "--cohort", "cancer", "--seed", "3"]) == 0
    )
    assert run(["cohort", "import", str(table), "--base", "cancer", "--out", str(out)]) == 0
    assert "12 patients (12 test)" in capsys.readouterr().out
    mine = draw(load_cohort_spec(out), ("morphine",), range(12), "test", 3)
    original = draw(load_cohort_spec("cancer"), ("morphine",), range(12), "test", 3)
    for name in COVARIATES:
        assert mine.covariates[name].tolist() == original.covariates[name].tolist(), name
    assert mine.par.tobytes() == original.par.tobytes()


def test_an_imported_cohort_runs_in_a_task(tmp_path: Path) -> None:
    from thecal.envs import ThecalEnv, ThecalVectorEnv, make_sb3
    from thecal.envs.batch import Batch
    from thecal.envs.tasks import load_task

    table, out = tmp_path / "p.csv", tmp_path / "mine.toml"
    assert run(["cohort", "export", str(table), "-n", "4", "--split", "test"]) == 0
    assert run(["cohort", "import", str(table), "--base", "cancer", "--out", str(out)]) == 0
    batch = Batch(load_task("CancerMorphine").model_copy(update={"cohort": str(out)}), 4, split="test")
    batch.restart(np.arange(4), np.arange(4), np.arange(4, dtype=np.uint64))
    batch.advance(np.zeros((4, 2)))
    assert np.isfinite(batch.out["reward"]).all()
    vector = ThecalVectorEnv("CancerMorphine", 12, split="test", cohort=str(out))
    assert set(vector.reset(seed=0)[1]["patient"].tolist()) == {0, 1, 2, 3}, "nobody is drawn whom the table has not"
    assert ThecalEnv("CancerMorphine", split="test", cohort=str(out)).patients.tolist() == [0, 1, 2, 3]
    assert make_sb3("CancerMorphine", 2, split="test", cohort=str(out)).get_attr("patients")[1].tolist() == [0, 1, 2, 3]


def test_a_bad_table_is_reported_by_row_and_in_full(tmp_path: Path, capsys) -> None:
    table, report = tmp_path / "bad.csv", tmp_path / "problems.csv"
    table.write_text("age_y,male,height_cm,weight_kg\n" + "x,true,170,70\n" * 25, encoding="utf-8")
    line = ["cohort", "import", str(table), "--out", str(tmp_path / "m.toml"), "--report", str(report)]
    assert run(line) == 3
    said = capsys.readouterr().err
    assert "bad.csv: 25 problems" in said
    assert "row 2, age_y: 'x' is not a number" in said
    assert "and 5 more" in said
    rows = list(csv.reader(report.read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["row", "column", "value", "reason"]
    assert len(rows) == 26
    assert not (tmp_path / "m.toml").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--out", "m.csv"], "must be .toml"),
        (["--out", "m.toml", "--base", "healthy"], "unknown cohort 'healthy'"),
    ],
)
def test_bad_options_end_in_one_sentence(tmp_path: Path, capsys, words: list[str], reason: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text("age_y,male,height_cm,weight_kg\n60,true,170,70\n", encoding="utf-8")
    assert run(["cohort", "import", str(table), *words]) == 2
    assert reason in " ".join(capsys.readouterr().err.split())


def test_the_page_shows_every_covariate_and_what_it_is(tmp_path: Path) -> None:
    page = tmp_path / "c.html"
    assert run(["cohort", "describe", "--cohort", "spasticity", "-n", "60", "--plot", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Research simulation only" in text
    for item in COVARIATES.values():
        assert item.text in text, item.name
    assert "https://" not in text.split("plotly.js", 1)[0]
    assert run(["cohort", "describe", "-n", "1", "--plot", str(page)]) == 2


def test_covariates_are_listed(capsys) -> None:
    assert run(["list", "covariates", "--json"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in COVARIATES)


def test_flags_do_not_correlate_by_their_order_in_the_table() -> None:
    from thecal.experiments.reports.cohort_page import _ranks

    rng = np.random.default_rng(1)
    one, other = (rng.random((2, 4000)) < 0.2).astype(float)
    assert _ranks(np.array([3.0, 1.0, 3.0])).tolist() == [2.5, 1.0, 2.5]
    assert abs(np.corrcoef(_ranks(one), _ranks(other))[0, 1]) < 0.06
