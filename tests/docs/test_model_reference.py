"""The model reference is what the parameter files say now, and no link of the pages leads nowhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from thecal.core.parameters import read_parameters

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs" / "model.md").read_text(encoding="utf-8")


def test_model_reference_is_up_to_date(page):
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert page == module.render(), "run `python docs/generate.py`"


@pytest.mark.parametrize("folder", ["physiology", "devices", "safety"])
def test_every_parameter_of_every_file_is_there(page, folder):
    files = sorted((ROOT / folder / "data").rglob("*.toml"))
    assert files
    for file in files:
        section = page.partition(f"### `{file.relative_to(ROOT).as_posix()}`")[2].partition("\n##")[0]
        for key in read_parameters(file):
            assert f"| `{key}` |" in section, f"{file.name}: {key}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path):
    for target in re.findall(r"\]\((?!\w+:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target
