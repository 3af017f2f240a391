"""Numbers changed in the text of a parameter file: the numbers change, and every other byte stays."""

from __future__ import annotations

import difflib
import tomllib

import pytest

from thecal.core.errors import ParameterError
from thecal.experiments.validation.calibration.outputs import data_folder
from thecal.experiments.validation.calibration.problem import shipped_names
from thecal.experiments.validation.calibration.toml_lines import edited
from thecal.physiology.population import shipped

INLINE = """# A head.
[a]
b = { value = 1.0, unit = "1/h", source = "value = 3, } # no end", range = [0.5, 2.0], cv = 0.2 }  # a = { value = 9 }
c={value=2,unit='x'}
d.e = { value = 1e-3, unit = "x", note = "a \\"quoted\\" one" }

["f"]
g = { unit = "x", value = -4.0 }
"""
TABLES = """[a.b]
value = 1.0 # a remark, with value = 2
unit = "x"
cv = 0.2

[a.c]
unit = "y"
value = 3.0"""


def text_of(name):
    return data_folder().joinpath(*f"{name}.toml".split("/")).read_bytes().decode()


@pytest.mark.parametrize(
    ("text", "edits", "before", "after"),
    [
        (INLINE, {"a.b": {"value": 1.5}}, "b = { value = 1.0,", "b = { value = 1.5,"),
        (INLINE, {"a.b": {"cv": 0.25}}, "cv = 0.2 }", "cv = 0.25 }"),
        (INLINE, {"a.b": {"note": 'a "new" one'}}, "cv = 0.2 }", 'cv = 0.2, note = "a \\"new\\" one" }'),
        (INLINE, {"a.b": {"source": "other"}}, '"value = 3, } # no end"', '"other"'),
        (INLINE, {"a.c": {"value": 2.5}}, "value=2,", "value=2.5,"),
        (INLINE, {"a.c": {"kind": "calibrated"}}, "'x'}", "'x', kind = \"calibrated\"}"),
        (INLINE, {"a.d.e": {"value": 2e-3}}, "1e-3", "0.002"),
        (INLINE, {"f.g": {"value": 4.0}}, "-4.0", "4.0"),
        (TABLES, {"a.b": {"value": 1.5}}, "value = 1.0 #", "value = 1.5 #"),
        (TABLES, {"a.b": {"note": "n"}}, "cv = 0.2\n", 'cv = 0.2\nnote = "n"\n'),
        (TABLES, {"a.c": {"value": 4.0}}, "value = 3.0", "value = 4.0"),
        (TABLES, {"a.c": {"kind": "calibrated"}}, "value = 3.0", 'value = 3.0\nkind = "calibrated"\n'),
    ],
)
def test_one_place_changes_and_no_other(text, edits, before, after):
    assert text.count(before) == 1
    assert edited(text, edits, "x.toml") == text.replace(before, after)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("text", [INLINE, TABLES])
def test_line_ends_and_byte_order_marks_stay(text, mark, ending):
    given = mark + text.replace("\n", ending)
    found = edited(given, {"a.b": {"value": 7.0, "note": "n"}, "a.c": {"value": 8.0}}, "x.toml")
    assert found.startswith(mark)
    assert found.count("\n") == found.count(ending)
    plain = edited(text, {"a.b": {"value": 7.0, "note": "n"}, "a.c": {"value": 8.0}}, "x.toml")
    assert found == mark + plain.replace("\n", ending)


@pytest.mark.parametrize("name", shipped_names())
def test_every_number_of_every_shipped_file_can_be_changed(name):
    text = text_of(name)
    numbers = shipped(name)
    edits = {key: {"value": 1.25 * number.value + 1.0} for key, number in numbers.items()}
    found = edited(text, edits, name)
    changed = [line for line in difflib.ndiff(text.splitlines(), found.splitlines()) if line.startswith("- ")]
    assert len(changed) == len(numbers)
    back = {key: {"value": number.value} for key, number in numbers.items()}
    assert tomllib.loads(edited(found, back, name)) == tomllib.loads(text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[a]\nb = 1.0\n", "a.b"),
        ("[a]\nb = { value = 1.0 }\n", "a.c"),
        ('t = """\n[a]\nb = { value = 1.0 }\n"""\n', "a.b"),
        ('a = """\nb = { value = 1.0 }\n"""\nb = { value = 2.0 }\nb.c = 1', "b"),
    ],
)
def test_what_cannot_be_edited_is_refused(text, key):
    with pytest.raises(ParameterError, match=f"x.toml: .*{key}|cannot be edited"):
        edited(text, {key: {"value": 3.0}}, "x.toml")
