"""Parameter files: what a number must carry, what is refused, and how it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from thecal.core.errors import ParameterError, ThecalError
from thecal.core.parameters import read_parameters

GOOD = 'value = 2.0, unit = "mL", source = "Someone 1999", confidence = "high"'


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_number_is_read_with_its_evidence(tmp_path: Path) -> None:
    more = ', kind = "derived", cv = 0.2, distribution = "lognormal", range = [1.0, 3.0], note = "n"'
    file = read_parameters(_file(tmp_path, f'title = "T"\n[a.b]\nc = {{ {GOOD}{more} }}\n[d]\ntext = "t"\nflag = true'))
    assert list(file) == ["a.b.c"]
    assert len(file) == 1
    assert file.texts == {"title": "T", "d.text": "t", "d.flag": True}
    number = file["a.b.c"]
    assert (number.value, number.cv, number.range, number.kind) == (2.0, 0.2, (1.0, 3.0), "derived")
    assert file.get_in("a.b.c", "L") == pytest.approx(0.002)
    assert "a.b.c" in file
    assert "a.b" not in file


def test_a_number_in_its_own_table_is_the_same(tmp_path: Path) -> None:
    text = '[a.b]\nvalue = 2.0\nunit = "mL"\nsource = "Someone 1999"\nconfidence = "high"'
    assert read_parameters(_file(tmp_path, text))["a.b"].value == 2.0


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (GOOD.replace('source = "Someone 1999", ', ""), "source: is missing"),
        (GOOD.replace("Someone 1999", " "), "source is empty"),
        (GOOD.replace('unit = "mL", ', ""), "unit: is missing"),
        (GOOD.replace("value = 2.0, ", ""), "value: is missing"),
        (GOOD.replace(', confidence = "high"', ""), "confidence: is missing"),
        (GOOD.replace('"high"', '"sure"'), "confidence"),
        (GOOD.replace("2.0", "nan"), "finite"),
        (GOOD.replace("2.0", "inf"), "finite"),
        (GOOD.replace("2.0", '"2.0"'), "value: must be a number"),
        (GOOD.replace("2.0", "true"), "value: must be a number"),
        (f'{GOOD}, kind = "guess"', "kind"),
        (f"{GOOD}, cv = 0.2", "needs a distribution"),
        (f'{GOOD}, cv = 0.2, sd = 0.1, distribution = "normal"', "not both"),
        (f'{GOOD}, cv = -0.2, distribution = "normal"', "negative"),
        (f'{GOOD}, sd = -0.2, distribution = "normal"', "negative"),
        (f'{GOOD}, sd = 0.2, distribution = "cauchy"', "distribution"),
        (f"{GOOD}, range = [3.0, 4.0]", "outside its range"),
        (f"{GOOD}, range = [4.0, 1.0]", "outside its range"),
        (f"{GOOD}, range = [1.0]", "range"),
        (f"{GOOD}, spread = 1.0", "spread"),
        (GOOD.replace("2.0", "-2.0") + ', cv = 0.2, distribution = "lognormal"', "must be positive"),
        (GOOD.replace("2.0", "0.0") + ', cv = 0.2, distribution = "lognormal"', "must be positive"),
    ],
)
def test_a_number_that_lacks_or_contradicts_something_fails(number: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as caught:
        read_parameters(_file(tmp_path, f"[csf]\nspinal = {{ {number} }}"))
    assert str(caught.value).startswith("mine.toml: csf.spinal")
    assert reason in str(caught.value)


@pytest.mark.parametrize("bare", ["3", "3.0", "-1e9", "nan"])
def test_a_bare_number_is_refused(bare: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"mine\.toml: csf\.spinal: a bare number; give value, unit, source"):
        read_parameters(_file(tmp_path, f"[csf]\nspinal = {bare}"))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"absent\.toml: cannot be read"):
        read_parameters(tmp_path / "absent.toml")
    with pytest.raises(ParameterError, match=r"mine\.toml: not valid TOML"):
        read_parameters(_file(tmp_path, "[csf"))
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ParameterError, match=r"mine\.toml: cannot be read \(line 1 is not UTF-8"):
        read_parameters(tmp_path / "mine.toml")


def test_a_key_that_is_missing_or_out_of_bounds_is_named(tmp_path: Path) -> None:
    file = read_parameters(_file(tmp_path, f"[csf]\nspinal = {{ {GOOD} }}"))
    with pytest.raises(ParameterError, match=r"mine\.toml: csf\.cranial: missing"):
        file.get_in("csf.cranial", "mL")
    with pytest.raises(ParameterError, match=r"mine\.toml: csf\.spinal: unit 'mL' cannot be read as 'hour'"):
        file.get_in("csf.spinal", "hour")
    with pytest.raises(ParameterError, match=r"mine\.toml: csf\.spinal: 2\.0 mL is outside \[3\.0, inf\]"):
        file.get_in("csf.spinal", "mL", minimum=3.0)
    assert file.get_in("csf.spinal", "mL", minimum=2.0, maximum=2.0) == 2.0


def test_corrupt_files_end_the_command_line_with_their_own_code() -> None:
    assert issubclass(ParameterError, ThecalError)
    assert ParameterError.exit_code == 3
