"""Files of targets: what is missing, impossible or unreadable is refused with file, key and reason; shipped ones are sound."""

from __future__ import annotations

from importlib.resources import files

import pytest

from thecal.core.errors import ParameterError
from thecal.experiments.validation import targets
from thecal.experiments.validation.reproductions import REPRODUCTIONS, THEMES
from thecal.experiments.validation.targets import load_targets, read_targets
from thecal.physiology.population import drug_names

GOOD = {
    "title": '"Half-life"', "unit": '"h"', "observed": "2.0", "low": "1.0", "high": "4.0", "spread": '"range"',
    "population": '"n = 8"', "regimen": '"one bolus"', "source": '"A 1984"', "confidence": '"high"', "kind": '"source"',
    "role": '"test"', "drug": '"morphine"', "group": '"kinetics"',
}  # fmt: skip


def written(folder, **changes):
    entry = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    path = folder / "theme.toml"
    path.write_text("[half_life]\n" + "".join(f"{name} = {value}\n" for name, value in entry.items()))
    return path


def test_a_sound_target_is_read(tmp_path):
    path = written(tmp_path, structures='["axial"]', declared="2026-11-29")
    found = read_targets(path)[0]
    assert (found.key, found.structures, str(found.declared)) == ("half_life", ("axial",), "2026-11-29")
    assert read_targets(written(tmp_path, declared='"2026-11-29"'))[0].declared == found.declared


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": None}, "source"),
        ({"source": '"  "'}, "source"),
        ({"unit": '"furlongz"'}, "unit: 'furlongz' is neither a unit"),
        ({"unit": '""'}, "unit"),
        ({"observed": '"two"'}, "observed"),
        ({"observed": "true"}, "observed"),
        ({"low": "nan"}, "low"),
        ({"high": "inf"}, "high"),
        ({"low": "4.0"}, "low 4.0 is not below high 4.0"),
        ({"observed": "9.0"}, "observed 9.0 lies outside of 1.0 to 4.0"),
        ({"scale": '"log"', "low": "0.0"}, "a log scale needs a low above 0"),
        ({"unit": '"%"', "low": "-1.0"}, "not within 0 to 100 %"),
        ({"unit": '"%"', "high": "104.0"}, "not within 0 to 100 %"),
        ({"structures": "[]"}, "structures"),
        ({"structures": '["third"]'}, "structures"),
        ({"declared": '"yesterday"'}, "declared"),
        ({"role": '"guess"'}, "role"),
        ({"colour": '"red"'}, "colour"),
    ],
)
def test_a_bad_target_is_refused_with_file_key_and_reason(changes, said, tmp_path):
    with pytest.raises(ParameterError, match=rf"^theme\.toml: half_life: .*{said}"):
        read_targets(written(tmp_path, **changes))


def test_a_bound_may_lie_beside_what_was_observed(tmp_path):
    found = read_targets(written(tmp_path, observed="9.0", spread='"upper bound of the interval"'))[0]
    assert not found.low <= found.observed <= found.high


@pytest.mark.parametrize("text", ["half_life = 3", "[half_life]\nkey = 'other'"])
def test_what_is_no_table_of_a_target_is_refused(text, tmp_path):
    path = tmp_path / "theme.toml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=r"^theme\.toml: half_life: "):
        read_targets(path)


def test_a_name_stands_in_one_file(monkeypatch):
    one = load_targets()[0]
    monkeypatch.setattr(targets, "read_targets", lambda _: [one])
    with pytest.raises(ParameterError, match=rf"{one.key}: another file has a target of this name"):
        load_targets()


def test_every_file_of_the_folder_is_read_and_reproduced():
    folder = files("thecal.experiments.validation") / "data" / "targets"
    read = [one.key for path in folder.iterdir() if path.name.endswith(".toml") for one in read_targets(path)]
    found = load_targets()
    assert sorted(read) == sorted(one.key for one in found) == sorted(REPRODUCTIONS)
    assert sum(map(len, THEMES.values())) == len(REPRODUCTIONS)
    assert len(found) >= 82
    assert {one.drug for one in found} == set(drug_names())


def test_what_no_parameter_knew_says_since_when():
    assert [one.key for one in load_targets() if one.role == "test" and one.declared is None] == []
