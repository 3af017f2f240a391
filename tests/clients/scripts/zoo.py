"""RL Zoo: its training program with ppo and sac on Thecal's ids, and settings of ours."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from watch import PLAIN, finite, tell

SETTINGS = """
{env}:
  n_timesteps: !!float 200
  policy: 'MlpPolicy'
  {more}
"""
MORE = {"ppo": "n_steps: 64\n  batch_size: 32", "sac": "learning_starts: 50\n  buffer_size: 500"}

for algorithm, more in MORE.items():
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.yml"
        settings.write_text(SETTINGS.format(env=PLAIN, more=more))
        words = [
            "--algo", algorithm, "--env", PLAIN, "--gym-packages", "thecal", "--conf-file", str(settings), "--log-folder", folder,
            "--eval-freq", "-1", "--device", "cpu", "--env-kwargs", "horizon_d:2", "split:'train'", "--verbose", "0",
        ]  # fmt: skip
        subprocess.run([sys.executable, "-m", "rl_zoo3.train", *words], check=True)
        import stable_baselines3

        saved = list(Path(folder).rglob("*.zip"))
        assert saved, "a model was saved"
        model = getattr(stable_baselines3, algorithm.upper()).load(saved[0], device="cpu")
        assert model.num_timesteps >= 200
        assert finite(model.policy.parameters())
tell("rl_zoo3", *(f"train --algo {name}" for name in MORE))
