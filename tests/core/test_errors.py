"""Errors say what would have been right, and missing packages are named with what to install."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from thecal.core.errors import ConfigError, MissingExtraError, UnknownNameError, did_you_mean
from thecal.core.extras import EXTRAS, importing, require

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
# Where the package to install has another name than the module to import.
PACKAGES = {
    "stable_baselines3": "stable-baselines3", "sb3_contrib": "sb3-contrib", "z3": "z3-solver",
    "libsbml": "python-libsbml", "roadrunner": "libroadrunner",
}  # fmt: skip


def test_a_near_name_is_offered_outside_the_list() -> None:
    text = str(UnknownNameError("policy", "guidline", ["pid", "guideline", "fixed"], hint="or a folder"))
    assert text == ("unknown policy 'guidline' (did you mean 'guideline'?); known: fixed, guideline, pid; or a folder")


@pytest.mark.parametrize(
    ("name", "ending"),
    [("MORPHINE", " (did you mean 'morphine'?)"), ("xyz", ""), ("", ""), ("morfine", " (did you mean 'morphine'?)")],
)
def test_a_suggestion_only_where_something_is_near(name: str, ending: str) -> None:
    assert did_you_mean(name, ["baclofen", "morphine"]) == ending


def test_extras_are_those_of_the_package() -> None:
    declared = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra, names in EXTRAS.items():
        wanted = {one.split(">")[0].split("=")[0] for one in declared[extra]}
        assert {PACKAGES.get(name, name) for name in names} == wanted


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require("tracking", "track")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(MissingExtraError, match=r"a report needs mlflow, plotly: pip install 'thecal\[track,report\]'"):
        require("a report", "track", "report")
    assert issubclass(MissingExtraError, ConfigError)
    assert MissingExtraError.exit_code == 5


def test_an_import_that_fails_names_its_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'thecal\[study\]' \(No module"), importing("it", "study"):
        import thecal_no_such_module  # noqa: F401
