"""What is declared (packages, data files, contracts, versions) is what exists, and every file says what it is for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import thecal

from support.modules import imports, modules

ROOT = Path(__file__).resolve().parents[1]
LINKED = ("physiology", "devices", "safety", "envs", "agents", "clinic", "experiments", "dashboard")
FOLDERS = ("src/thecal/core", *LINKED)  # from the bottom up


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def name_of(folder):
    """The package in a folder of the checkout."""
    return "thecal." + folder.removeprefix("src/thecal/").replace("/", ".")


def test_every_package_is_declared_and_linked(project):
    setuptools = project["tool"]["setuptools"]
    found = {"thecal": "src/thecal"}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            path = init.parent.relative_to(ROOT).as_posix()
            found[name_of(path)] = path
    for folder in LINKED:
        assert (ROOT / "src" / "thecal" / folder).resolve() == ROOT / folder
    assert set(setuptools["packages"]) == set(found)
    assert setuptools["package-dir"] == found


def test_every_folder_with_code_is_a_package():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), f"{path} is left out of the wheel"


def test_every_data_file_is_shipped(project):
    patterns = project["tool"]["setuptools"]["package-data"]
    folders = project["tool"]["setuptools"]["package-dir"]
    shipped = {
        path for name, globs in patterns.items() for pattern in globs for path in (ROOT / folders[name]).glob(pattern)
    }
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc"):
                assert path in shipped, f"{path} is left out of the wheel"


def test_the_shields_contract_names_every_model(project):
    contracts = project["tool"]["importlinter"]["contracts"]
    (alone,) = (contract for contract in contracts if contract["name"] == "the shield stands alone")
    assert alone["source_modules"] == ["thecal.safety"]
    assert alone["forbidden_modules"] == ["thecal.devices", "thecal.physiology"]


def test_the_layers_name_every_folder_in_order(project):
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["name"] == "imports run one way")
    assert layers == [name_of(folder) for folder in reversed(FOLDERS)]


def test_types_are_relaxed_only_where_kernels_are(project):
    relaxed = next(o["module"] for o in project["tool"]["mypy"]["overrides"] if "disable_error_code" in o)
    for name in relaxed:
        path = ROOT / "src" / (name.replace(".", "/") + ".py")
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^\s*@(kernel|entry_point\(.*\))$", text, re.MULTILINE), f"{name} holds no kernel"


def test_versions_agree():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {thecal.__version__}\n" in citation
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", thecal.__version__)


def test_every_file_says_what_it_is_for_and_stays_short():
    for folder in (*FOLDERS, "benchmarks", "docs", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            lines = path.read_text(encoding="utf-8").splitlines()
            assert lines, f"{path} is empty"
            assert lines[0].startswith('"""'), f"{path} does not begin with what it is for"
            assert len(lines) <= 300, f"{path} has {len(lines)} lines"


def test_modules_import_each_other_in_no_circle():
    graph = {name: imports(name) for name in modules()}
    while True:  # what imports, or is imported by, nothing that is left can be in no circle
        inner = {name for name in graph if graph[name] & set(graph)} & set().union(*graph.values())
        if inner == set(graph):
            break
        graph = {name: graph[name] & inner for name in inner}
    assert graph == {}


def test_test_names_are_short_and_stand_once_in_a_file():
    for path in (ROOT / "tests").rglob("test_*.py"):
        names = re.findall(r"^ *def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(set(names)) == len(names), f"{path} has two tests of one name"
        for name in names:
            assert len(name) < 60, f"{path}: {name} has {len(name)} characters"


def test_every_toml_and_yaml_file_can_be_read():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.toml"):
            assert tomllib.loads(path.read_text(encoding="utf-8")), path
    for name in ("CITATION.cff", ".pre-commit-config.yaml"):
        assert yaml.safe_load((ROOT / name).read_text(encoding="utf-8")), name


def test_no_link_leads_nowhere_and_none_leaves_the_repository():
    links = [path for path in (ROOT / "src").rglob("*") if path.is_symlink()]
    assert {path.name for path in links} == set(LINKED)
    for path in links:
        assert path.resolve().is_dir()
        assert not path.readlink().is_absolute(), f"{path} would break in another place"
        assert path.resolve().is_relative_to(ROOT)


def test_the_citation_has_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
