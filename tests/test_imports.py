"""Importing Thecal is light, and what needs only the core dependencies runs without any extra."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

EXTRAS = (
    "torch",
    "stable_baselines3",
    "safetensors",
    "mlflow",
    "pyarrow",
    "pandas",
    "plotly",
    "jinja2",
    "yaml",
    "fastapi",
    "uvicorn",
)
NEED_AN_EXTRA = {
    "thecal.agents.backends.lean_network": "torch",
    "thecal.agents.backends.lean_ppo": "torch",
    "thecal.agents.backends.lean_update": "torch",
    "thecal.agents.backends.dagger": "stable_baselines3",
    "thecal.agents.backends.lagrangian": "stable_baselines3",
    "thecal.agents.backends.pupil": "torch",
    "thecal.agents.backends.sb3": "torch",
    "thecal.agents.backends.sb3_more": "torch",
    "thecal.agents.backends.sb3_state": "torch",
    "thecal.dashboard.server": "uvicorn",
    "thecal.agents.backends.sb3_timing": "stable_baselines3",
    "thecal.agents.backends.warm_start": "torch",
    "thecal.envs.adapters.make": "stable_baselines3",
    "thecal.envs.adapters.sb3": "stable_baselines3",
    "thecal.envs.adapters.sb3_discrete": "stable_baselines3",
    "thecal.experiments.assurance.adversary": "stable_baselines3",
    "thecal.experiments.assurance.end_to_end": "stable_baselines3",
    "thecal.experiments.assurance.end_to_end_ways": "stable_baselines3",
}
WITHOUT_EXTRAS = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_light_and_registers_the_environments():
    run(
        "import sys, thecal, gymnasium as gym;"
        "heavy = {'torch', 'stable_baselines3', 'mlflow', 'numba', 'plotly', 'pandas'} & set(sys.modules);"
        "assert not heavy, heavy;"
        "assert 'thecal/CancerMorphine-v0' in gym.registry;"
        "assert 'thecal/NonCancerMorphine-v0' in gym.registry"
    )


def test_only_named_modules_need_an_extra():
    script = """
        import importlib, pkgutil, thecal
        for module in pkgutil.walk_packages(thecal.__path__, "thecal."):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                print(module.name, error.name.partition(".")[0])
    """
    printed = run(WITHOUT_EXTRAS + textwrap.dedent(script))
    assert dict(line.split() for line in printed.splitlines()) == NEED_AN_EXTRA


def test_the_environment_runs_without_extras():
    script = """
        import gymnasium as gym
        import numpy as np

        env = gym.make("thecal:thecal/CancerMorphine-v0")
        env.reset(seed=1)
        rewards = [env.step(np.zeros(2, np.float32))[1] for _ in range(10)]
        batch = gym.make_vec("thecal:thecal/CancerMorphine-v0", num_envs=2, vectorization_mode="vector_entry_point")
        batch.reset(seed=1)
        assert np.isfinite(rewards).all()
        assert np.isfinite(batch.step(np.zeros((2, 2), np.float32))[1]).all()
    """
    run(WITHOUT_EXTRAS + textwrap.dedent(script))


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["list", "policies"], ["list", "tasks"]])
def test_the_command_line_answers_without_extras(words):
    script = f"from thecal.experiments.cli import run; raise SystemExit(run({words!r}))"
    assert run(WITHOUT_EXTRAS + script).strip()
