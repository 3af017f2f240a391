"""The declared packages are the folders that exist, and importing Thecal stays light."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("physiology", "devices", "safety", "envs", "agents", "experiments")


def test_every_package_is_declared_and_linked():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {"thecal"}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add("thecal." + init.parent.relative_to(ROOT).as_posix().replace("/", "."))
        assert (ROOT / "src" / "thecal" / folder).resolve() == ROOT / folder
    assert set(setuptools["packages"]) == found
    assert set(setuptools["package-dir"]) == found


def test_import_is_light_and_registers_the_environments():
    code = (
        "import sys, thecal, gymnasium as gym;"
        "heavy = {'torch', 'stable_baselines3', 'mlflow', 'numba', 'plotly', 'pandas'} & set(sys.modules);"
        "assert not heavy, heavy;"
        "assert 'thecal/CancerMorphine-v0' in gym.registry;"
        "assert 'thecal/NonCancerMorphine-v0' in gym.registry"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_file_says_what_it_is_for_and_stays_short():
    for folder in (*FOLDERS, "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            lines = path.read_text(encoding="utf-8").splitlines()
            assert lines, f"{path} is empty"
            assert lines[0].startswith('"""'), f"{path} does not begin with what it is for"
            assert len(lines) <= 350, f"{path} has {len(lines)} lines"
