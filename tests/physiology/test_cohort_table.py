"""Cohort tables: what is written is read back, every bad cell is named by row, and patients come out of the charts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thecal.core.errors import ConfigError, StoreError
from thecal.physiology.cohort import draw
from thecal.physiology.cohort_spec import load_cohort_spec
from thecal.physiology.cohort_table import CohortTableError, read_table, write_table
from thecal.physiology.covariates import COVARIATES
from thecal.physiology.population import sampler
from thecal.physiology.variability import drug_spreads

HEAD = "patient,age_y,male,height_cm,weight_kg"
GOOD = "a,60,true,170,70"


def _write(folder: Path, *lines: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _problems(path: Path) -> list[str]:
    with pytest.raises(CohortTableError) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path.name}: {len(caught.value.problems)} problem")
    return [str(problem) for problem in caught.value.problems]


def _column(name: str, n: int):
    covariate = COVARIATES[name]
    if name in ("height_cm", "weight_kg"):
        return st.lists(st.floats(150, 200) if name == "height_cm" else st.floats(60, 90), min_size=n, max_size=n)
    one = {
        "number": st.floats(covariate.low, covariate.high),
        "whole": st.integers(int(covariate.low), int(covariate.high)),
        "flag": st.booleans(),
        "choice": st.sampled_from(covariate.choices or ("",)),
    }[covariate.kind]
    return st.lists(one, min_size=n, max_size=n)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), n=st.integers(1, 6), ending=st.sampled_from(["csv", "parquet"]))
def test_what_is_written_is_read_back(tmp_path: Path, data, n: int, ending: str) -> None:
    columns = {name: np.array(data.draw(_column(name, n))) for name in COVARIATES}
    splits = data.draw(st.none() | st.lists(st.sampled_from(["train", "tune", "test"]), min_size=n, max_size=n))
    path = tmp_path / f"t.{ending}"
    write_table(path, columns, [f"p{i}" for i in range(n)], splits)
    found = read_table(path)
    assert found.ids == [f"p{i}" for i in range(n)]
    assert (found.splits is None) == (splits is None)
    for name, values in columns.items():
        assert found.columns[name].tolist() == values.tolist(), name


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,sixty,true,170,70", "row 2, age_y: 'sixty' is not a number"),
        ("a,nan,true,170,70", "row 2, age_y: 'nan' is not finite"),
        ("a,-inf,true,170,70", "row 2, age_y: '-inf' is not finite"),
        ("a,6_0,true,170,70", "row 2, age_y: '6_0' is not a number (a point before the decimals"),
        ('a,"60,5",true,170,70', "row 2, age_y: '60,5' is not a number (a point before the decimals"),
        ('a,"1,060",true,170,70', "row 2, age_y: '1,060' is not a number"),
        ("a,\u0666\u0660,true,170,70", "row 2, age_y: "),
        ("a,0x3c,true,170,70", "row 2, age_y: '0x3c' is not a number"),
        ("a,60,1.0,170,70", "row 2, male: '1.0' is neither true nor false"),
        ("a,60,5,true,170,70", "row 2, row: has 6 cells, the header 5"),
        ("a,160,true,170,70", "row 2, age_y: '160' is outside 1 to 120 year"),
        ("a,,true,170,70", "row 2, age_y: is blank"),
        ("a,60,perhaps,170,70", "row 2, male: 'perhaps' is neither true nor false"),
        ("a,60,true,1.7,70", "row 2, height_cm: '1.7' is outside 50 to 230 cm"),
        ("a,60,true,170", "row 2, row: has 4 cells, the header 5"),
        ("a,60,true,210,30", "row 2, weight_kg: gives a body mass index of 7 kg/m²"),
        (",60,true,170,70", "row 2, patient: is blank"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column(tmp_path: Path, row: str, reason: str) -> None:
    (found,) = _problems(_write(tmp_path, HEAD, row))
    assert found.startswith(reason)


def test_all_problems_are_reported_at_once_and_long_lists_cut(tmp_path: Path) -> None:
    path = _write(tmp_path, HEAD, *(f"p{i},x,true,170,y" for i in range(30)))
    assert len(_problems(path)) == 60
    with pytest.raises(CohortTableError, match="and 40 more"):
        read_table(path)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("age_y,male,height_cm", "weight_kg: is missing"),
        ("age,male,height_cm,weight_kg", "age: no such column; meant age_y?"),
        ("age_y,male,height_cm,weight_kg,crcl", "crcl: no such column"),
        ("age_y,male,height_cm,weight_kg,age_y", "age_y: stands twice"),
        ("age_y,male,sex,height_cm,weight_kg", "sex: stands beside 'male'"),
    ],
)
def test_a_bad_header_is_named(tmp_path: Path, header: str, reason: str) -> None:
    row = ",".join("1" for _ in header.split(","))
    assert any(reason in problem for problem in _problems(_write(tmp_path, header, row)))


@pytest.mark.parametrize(("mark", "words"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_named(tmp_path: Path, mark: str, words: str) -> None:
    lines = (HEAD.replace(",", mark), GOOD.replace(",", mark))
    assert _problems(_write(tmp_path, *lines)) == [
        f"row 1, file: its columns are separated by {words}; save it with commas"
    ]


@pytest.mark.parametrize("ending", ["CSV", "Csv", "PARQUET", "Parquet"])
def test_an_ending_may_be_in_capitals(tmp_path: Path, ending: str) -> None:
    columns = {
        "age_y": np.array([60.0]),
        "male": np.array([True]),
        "height_cm": np.array([170.0]),
        "weight_kg": np.array([70.0]),
    }
    write_table(tmp_path / f"t.{ending}", columns, ["a"])
    assert read_table(tmp_path / f"t.{ending}").columns["age_y"].tolist() == [60.0]


def test_a_byte_order_mark_and_crlf_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + f"{HEAD}\r\n{GOOD}\r\n".encode())
    assert read_table(tmp_path / "t.csv").ids == ["a"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, ending: str) -> None:
    os.mkfifo(tmp_path / f"pipe.{ending}")
    (tmp_path / f"folder.{ending}").mkdir()
    assert "not a regular file" in _problems(tmp_path / f"pipe.{ending}")[0]
    assert "folder" in _problems(tmp_path / f"folder.{ending}")[0]


def test_other_faults_of_a_file(tmp_path: Path) -> None:
    assert _problems(_write(tmp_path, HEAD)) == ["file: holds no patient"]
    assert "holds no patient" in _problems(_write(tmp_path, "", name="empty.csv"))[0]
    assert "stands already in row 2" in _problems(_write(tmp_path, HEAD, GOOD, GOOD))[0]
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in _problems(tmp_path / "bytes.csv")[0]
    (tmp_path / "bad.parquet").write_bytes(b"not parquet")
    assert "cannot be read" in _problems(tmp_path / "bad.parquet")[0]
    with pytest.raises(StoreError, match="cannot be read"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(ConfigError, match=r"must be \.csv or \.parquet"):
        read_table(_write(tmp_path, HEAD, name="t.xlsx"))


def test_sex_may_stand_for_male_and_choices_are_checked(tmp_path: Path) -> None:
    head = "sex,age_y,height_cm,weight_kg,diagnosis,comt_met"
    found = read_table(_write(tmp_path, head, "F,40,160,60,crps,2", "m,41,180,80,visceral,0"))
    assert found.columns["male"].tolist() == [False, True]
    assert found.columns["diagnosis"].tolist() == ["crps", "visceral"]
    problems = _problems(_write(tmp_path, head, "F,40,160,60,crsp,1.5"))
    assert "meant crps?" in problems[0]
    assert "is not a whole number" in problems[1]


def _cohort(folder: Path, *lines: str) -> Path:
    _write(folder, *lines)
    path = folder / "mine.toml"
    path.write_text('name = "mine"\nbase = "noncancer"\ntable = "t.csv"\n', encoding="utf-8")
    return path


def test_patients_come_out_of_the_charts(tmp_path: Path) -> None:
    rows = ["a,60,true,170,70,train", "b,30,false,160,50,test", "c,80,true,180,90,test"]
    spec = load_cohort_spec(_cohort(tmp_path, f"{HEAD},split", *rows))
    cohort = draw(spec, ("morphine",), [0, 1], "test", 1)
    assert cohort.covariates["age_y"].tolist() == [30.0, 80.0]
    assert cohort.covariates["weight_kg"].tolist() == [50.0, 90.0]
    assert np.isfinite(cohort.covariates["medd_mg_per_d"]).all()  # drawn from the base
    own = drug_spreads(sampler(1, cohort.ids))["v_plasma_ml"]
    np.testing.assert_allclose(cohort.par["drug"]["v_plasma_ml"][:, 0], 80e3 * np.array([50.0, 90.0]) / 70.0 * own)
    with pytest.raises(ConfigError, match="holds 1 patients of split 'train', so there is no patient 1"):
        draw(spec, ("morphine",), [1], "train", 1)
    other = load_cohort_spec(_cohort(tmp_path, f"{HEAD},split", *rows[:2]))
    assert other.hash != spec.hash != load_cohort_spec("noncancer").hash


def test_without_splits_every_chart_is_a_test_patient(tmp_path: Path) -> None:
    spec = load_cohort_spec(_cohort(tmp_path, HEAD, GOOD))
    assert len(draw(spec, ("baclofen",), [0], "test", 1)) == 1
    with pytest.raises(ConfigError, match="every row is a test patient"):
        draw(spec, ("baclofen",), [0], "train", 1)
