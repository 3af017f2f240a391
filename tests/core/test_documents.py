"""The reader of files of tables: what is no plain file, no text or no valid table is refused in one sentence, nothing hangs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thecal.core import documents
from thecal.core.documents import has_suffix, read_tables, read_text, value_of
from thecal.core.errors import ConfigError, ParameterError


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_three_kinds_say_the_same(tmp_path):
    wanted = {"a": 1, "b": {"c": 0.5, "d": [True, "x"]}}
    for name, text in (
        ("f.toml", 'a = 1\n[b]\nc = 0.5\nd = [true, "x"]\n'),
        ("f.JSON", '{"a": 1, "b": {"c": 0.5, "d": [true, "x"]}}'),
        ("f.yml", "a: 1\nb:\n  c: 5e-1\n  d: [true, x]\n"),
    ):
        assert read_tables(_file(tmp_path, name, text)) == wanted


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("no", "no"), ("true", True), ("1e-3", 0.001), ("012", 12), ("0x10", 16), ("~", None), ("", None),
        ("2020-01-01", "2020-01-01"), ("1_000", "1_000"), ("'5'", "5"), ("-2", -2), ("1.", 1.0), ("12:30", "12:30"),
    ],
)  # fmt: skip
def test_yaml_reads_scalars_as_its_second_edition_does(tmp_path, text, value):
    found = read_tables(_file(tmp_path, "f.yaml", f"a: {text}\n"))["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("f.json", '{"a": 1, "a": 2}', "not valid JSON ('a' is given twice)"),
        ("f.json", '{"a": NaN}', "not valid JSON (NaN is no number of JSON)"),
        ("f.json", '{"a": ' + "[" * 100 + "]" * 100 + "}", "nested too deeply"),
        ("f.json", "[1]", "the top level is not a table"),
        ("f.yaml", "a: 1\na: 2", "not valid YAML ('a' is given twice)"),
        ("f.yaml", "b: {a: 1, a: 2}", "not valid YAML ('a' is given twice)"),
        ("f.yaml", "a: &x 1\nb: *x", "references (*) are not taken"),
        ("f.yaml", "1: 2", "the key 1 is not a text"),
        ("f.yaml", "a: !!python/object:os.system 1", "not valid YAML"),
        ("f.yaml", "a: " + "[" * 9000, "nested too deeply"),
        ("f.toml", "a = 1\na = 2", "not valid TOML"),
        ("f.toml", "a = " + "[" * 9000, "nested too deeply"),
        ("f.toml", "a = 1\0", "a NUL"),
    ],
)
def test_what_is_not_valid_is_named(tmp_path, name, text, said):
    with pytest.raises(ParameterError) as caught:
        read_tables(_file(tmp_path, name, text), ParameterError)
    assert str(caught.value).startswith(f"{name}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_plain_file_is_refused_and_waits_for_nothing(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    for path, said in (
        (tmp_path / "pipe.toml", "it is not a regular file"),
        (tmp_path / "folder.toml", "it is a folder"),
        (Path("/dev/zero"), "it is not a regular file"),
        (tmp_path / "none.toml", "No such file"),
        (tmp_path / ("x" * 300), "too long"),
        (tmp_path / "a\0b.toml", "null"),
    ):
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            read_tables(path)
        assert said in str(caught.value)
    monkeypatch.setattr(documents, "LARGEST", 10)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_text(_file(tmp_path, "big.toml", "a = 1" * 10), largest=10)


def test_an_ending_may_be_in_capitals():
    assert has_suffix("a/B.TOML", ".toml")
    assert has_suffix(Path("x.Parquet"), ".csv", ".parquet")
    assert not has_suffix("toml", ".toml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("1e-3", 0.001), ("true", True), ("[1, 2]", [1, 2]), ("word", "word"), (" a b ", "a b"),
        ("1\nb = 2", "1\nb = 2"), ("", ""),
    ],
)  # fmt: skip
def test_a_value_of_the_command_line(text, value):
    assert value_of(text) == value


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
    ending=st.sampled_from(["toml", "json", "yaml"]),
)
def test_any_bytes_are_a_table_or_one_sentence(tmp_path, content, ending):
    path = tmp_path / f"f.{ending}"
    path.write_bytes(content)
    try:
        assert isinstance(read_tables(path), dict)
    except ConfigError as error:
        said = str(error)
        assert said.startswith(f"f.{ending}: ")
