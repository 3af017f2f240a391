"""Clients for reinforcement learning, each in a virtual environment of its own with its newest release, on Thecal's ids.

Each runs a short script of ``scripts/``, which trains or collects a little and holds the client's account against Thecal's own.
A client whose requirements leave no place for Thecal's is an expected failure with pip's own reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).resolve().parent / "scripts"
_PARTS = ("src", "physiology", "devices", "safety", "envs", "agents", "experiments")
_CACHES = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
DISCRETE, PLAIN = "thecal:thecal/CancerMorphine-Discrete-v0", "thecal:thecal/CancerMorphine-v0"
TORCH = "torch==2.13.0"  # a build for processors alone, where the index has one


class Client(NamedTuple):
    """What to install, and which script then shows that it works; none where only the installation is tried."""

    packages: tuple[str, ...]
    script: str | None
    torch: bool = True


CLIENTS = {
    "stable-baselines3": Client(("stable-baselines3",), "sb3"),
    "sb3-contrib": Client(("sb3-contrib",), "contrib"),
    "rl-zoo": Client(("rl_zoo3",), "zoo"),
    "sbx": Client(("sbx-rl",), "sbx_client"),
    "tianshou": Client(("tianshou",), "tianshou_client"),
    "skrl": Client(("skrl",), "skrl_client"),
    "torchrl": Client(("torchrl",), "torchrl_client"),
    "rllib": Client(("ray[rllib]",), "rllib_client"),
    "d3rlpy": Client(("d3rlpy",), "offline"),
    "minari": Client(("minari[hdf5,create]", "pillow"), "minari_client", torch=False),
    "mo-gymnasium": Client(("mo-gymnasium",), "mo", torch=False),
    "omnisafe": Client(("omnisafe",), None),
    "safety-gymnasium": Client(("safety-gymnasium",), None, torch=False),
}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thecal as it is in the checkout, built outside of it."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in _PARTS:
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=_CACHES)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    built = folder / "dist"
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(built), str(folder)]
    subprocess.run(command, check=True, timeout=600)
    return next(built.glob("*.whl"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the kernels are compiled to, once for all clients."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    return Path(given) if given else tmp_path_factory.mktemp("numba")


def install(python: Path, *packages: str) -> str:
    """Pip's reason when it cannot, else nothing."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode == 0:
        return ""
    _, conflict, rest = done.stdout.partition("The conflict is caused by:")
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
    return " ".join(" ".join([*lines, conflict + rest]).split())[:600]


def told(python: Path, script: str, folder: Path, cache: Path) -> dict[str, object]:
    """Run a script against the checkout and read its last line."""
    # The wheel has shown that the releases go together; the checkout's own path lets all clients share what is compiled.
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))}
    environment = given | {"PYTHONPATH": str(ROOT / "src"), "NUMBA_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
    command = [str(python), str(SCRIPTS / f"{script}.py")]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=1800
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_works(name: str, wheel: Path, cache: Path, tmp_path: Path) -> None:
    client = CLIENTS[name]
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=300)
    python = tmp_path / "venv" / "bin" / "python"
    if client.torch and (reason := install(python, TORCH)):
        pytest.fail(f"torch does not install: {reason}")
    if reason := install(python, str(wheel), *client.packages):
        pytest.xfail(f"{name} does not install beside Thecal: {reason}")
    assert client.script is not None, f"{name} installs now, and wants a script that tries it"
    found = told(python, client.script, tmp_path, cache)
    print(f"{name}: {json.dumps(found)}")
    assert found["ran"]


CLEANRL = {
    "ppo.py": (DISCRETE, "--total-timesteps", "2048", "--num-envs", "2", "--num-steps", "128"),
    "dqn.py": (DISCRETE, "--total-timesteps", "2000", "--learning-starts", "500", "--buffer-size", "2000"),
    "ppo_continuous_action.py": (PLAIN, "--total-timesteps", "2048", "--num-steps", "1024"),
    "sac_continuous_action.py": (
        PLAIN,
        "--total-timesteps",
        "1500",
        "--learning-starts",
        "500",
        "--buffer-size",
        "2000",
    ),
    "td3_continuous_action.py": (
        PLAIN,
        "--total-timesteps",
        "1500",
        "--learning-starts",
        "500",
        "--buffer-size",
        "2000",
    ),
}


@pytest.fixture(scope="session")
def cleanrl(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with what CleanRL's scripts import, and the Gymnasium that they pin."""
    folder = tmp_path_factory.mktemp("cleanrl")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=300)
    python = folder / "bin" / "python"
    reason = install(python, TORCH) or install(
        python, str(wheel), "gymnasium==0.29.1", "tensorboard", "tyro", "tenacity", "huggingface-hub", "wandb"
    )
    assert not reason, reason
    return python


@pytest.mark.skipif(
    "CLEANRL" not in os.environ,
    reason="CLEANRL names no checkout of vwxyzjn/cleanrl; the package of that name on the index is of 2021 and speaks gym",
)
@pytest.mark.parametrize("script", CLEANRL)
def test_cleanrl_runs_unmodified(script: str, request: pytest.FixtureRequest, cache: Path, tmp_path: Path) -> None:
    python, home = request.getfixturevalue("cleanrl"), Path(os.environ["CLEANRL"]).resolve()
    env_id, *options = CLEANRL[script]
    paths = os.pathsep.join([str(ROOT / "src"), str(home)])
    environment = os.environ | {"PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(cache), "OMP_NUM_THREADS": "1"}
    command = [str(python), str(home / "cleanrl" / script), "--env-id", env_id, *options]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=1800
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    returns = [float(found) for found in re.findall(r"episodic_return=\[?(-?[\d.]+)", done.stdout)]
    assert len(returns) >= 2, "an episode of four weeks has 672 steps"


def test_every_script_belongs_to_a_client() -> None:
    used = {client.script for client in CLIENTS.values() if client.script} | {"watch"}
    assert used == {path.stem for path in SCRIPTS.glob("*.py")}
