"""The part of training that needs Torch and Stable-baselines3; imported only when something is trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from thecal.agents.backends.base import Throughput
from thecal.agents.backends.checkpoint import Checkpoints
from thecal.agents.backends.hyperparameters import PPOSettings, RLSettings, SACSettings, SB3Settings
from thecal.agents.backends.lean_ppo import LeanPPO
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.backends.sb3_state import read_state, shapes_of, write_state
from thecal.agents.backends.sb3_timing import Meter, TimedCallbacks, TimedLogger, TimedVecEnv
from thecal.core.errors import ConfigError, StoreError

_ACTIVATIONS: dict[str, type[torch.nn.Module]] = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}


def make_model(algorithm: str, env: VecEnv, settings: RLSettings, seed: int, ppo: type[PPO] = LeanPPO) -> BaseAlgorithm:
    """A fresh Stable-baselines3 algorithm on the timed environment.

    Args:
        algorithm: by name, of Stable-baselines3 or sb3-contrib.
        env: what to train on.
        settings: hyperparameters of that algorithm.
        seed: of network, exploration and ``env``.
        ppo: the class of PPO; Stable-baselines3's own gives the same numbers, slower.

    Raises:
        ConfigError: the settings belong to another algorithm.
    """
    if not isinstance(settings, SB3Settings):
        raise ConfigError(f"algorithm {algorithm!r} cannot use {type(settings).__name__}")
    policy: dict[str, Any] = {"net_arch": list(settings.net_arch), "activation_fn": _ACTIVATIONS[settings.activation]}
    timed = TimedVecEnv(env)
    common: dict[str, Any] = {
        "learning_rate": settings.learning_rate_at,
        "gamma": settings.gamma,
        "batch_size": settings.batch_size,
        "policy_kwargs": policy,
        "seed": seed,
        "device": "cpu",
    }
    if isinstance(settings, PPOSettings | SACSettings) and algorithm in ("ppo", "sac"):
        policy["log_std_init"] = settings.log_std_init
    if algorithm == "ppo" and isinstance(settings, PPOSettings):
        return _quiet(ppo("MlpPolicy", timed, **common, **settings.model_dump(include=_PPO_FIELDS)))
    if algorithm == "sac" and isinstance(settings, SACSettings):
        return _quiet(SAC("MlpPolicy", timed, **common, **settings.model_dump(include=_SAC_FIELDS)))
    from thecal.agents.backends.sb3_more import make_more  # needs sb3-contrib

    return _quiet(make_more(algorithm, timed, common, settings))


def _quiet(model: BaseAlgorithm) -> BaseAlgorithm:
    """Give the model a logger without outputs (SB3's own leaves a folder in the temporary directory for every run).

    A callback that wants the metrics appends its ``KVWriter`` to ``model.logger.output_formats``.
    """
    model.set_logger(TimedLogger(folder=None, output_formats=[]))
    return model


_PPO_FIELDS = {"n_steps", "n_epochs", "gae_lambda", "clip_range", "ent_coef", "vf_coef", "max_grad_norm", "target_kl"}
_SAC_FIELDS = {"buffer_size", "learning_starts", "tau", "train_freq", "gradient_steps", "ent_coef"}


class CheckpointCallback(BaseCallback):
    """Writes checkpoints between rollouts, where the state of a training is smallest and whole."""

    def __init__(self, checkpoints: Checkpoints, env: Any) -> None:
        super().__init__()
        self.checkpoints, self.env = checkpoints, env

    def _on_training_start(self) -> None:
        self.checkpoints.begin(self.model.num_timesteps)

    def _on_rollout_start(self) -> None:
        frames = self.model.num_timesteps
        if self.checkpoints.due(frames):
            self.checkpoints.write(frames, partial(read_state, self.model, self.env))

    def _on_step(self) -> bool:
        return True


def learn(
    model: BaseAlgorithm,
    frames: int,
    callbacks: Sequence[BaseCallback],
    checkpoints: Checkpoints | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Throughput, bool]:
    """Run the training; Ctrl-C ends it early and keeps what was learned. Returns the speed, and whether it was ended.

    Args:
        model: made by :func:`make_model`.
        frames: decisions in all, those of a checkpoint that is continued included.
        callbacks: of Stable-baselines3.
        checkpoints: where to write them, and the one to continue from.
        clock: by which the speed is told; wall time, or :func:`time.process_time` where other work shares the machine.

    Raises:
        ConfigError: the training diverged, or the model was not made here.
        StoreError: the checkpoint does not fit.
    """
    env = model.get_env()
    while not isinstance(env, TimedVecEnv):
        if not isinstance(env, VecEnvWrapper):
            raise ConfigError("the model was not made by make_model")
        env = env.venv
    meter = Meter(env, clock)
    others = TimedCallbacks(meter, callbacks)
    writer = (
        [] if checkpoints is None else [TimedCallbacks(meter, [CheckpointCallback(checkpoints, env.venv)], "store")]
    )
    everyone = CallbackList([meter, others, *writer])
    everyone.init_callback(model)  # so that an interrupt before the first rollout finds them ready
    if checkpoints is not None and checkpoints.head is not None:
        state = checkpoints.head.state
        write_state(model, env.venv, checkpoints.read(shapes_of(model, env.venv, state)), state)
    interrupted = False
    try:
        model.learn(frames - model.num_timesteps, everyone, reset_num_timesteps=model.num_timesteps == 0)
    except KeyboardInterrupt:
        interrupted = True
        everyone.on_training_end()
    except ValueError as error:
        if all(torch.isfinite(values).all() for values in model.policy.parameters()):
            raise
        raise ConfigError(
            f"the training diverged at frame {model.num_timesteps:,}: weights became infinite; lower learning_rate"
        ) from error
    return meter.result(), interrupted


def state_arrays(model: BaseAlgorithm) -> dict[str, NDArray[np.float32]]:
    """The policy's whole state dict as arrays."""
    return {key: value.detach().cpu().numpy() for key, value in model.policy.state_dict().items()}


def read_zip(
    path: Path, names: tuple[str, ...], action_names: tuple[str, ...], algorithm: str
) -> tuple[PolicyRecord, dict[str, NDArray[Any]]]:
    """Read a trusted Stable-baselines3 zip of an ``MlpPolicy``.

    Raises:
        StoreError: the file is missing, not such a zip, or its network is of another kind.
    """
    kind: type[PPO] | type[SAC] = SAC if algorithm == "sac" else PPO
    try:
        model = kind.load(path, device="cpu")
        whole: Any = model.policy
        body = whole.mlp_extractor.policy_net if kind is PPO else whole.actor.latent_pi
        widths = tuple(layer.out_features for layer in body if isinstance(layer, torch.nn.Linear))
        activation: Literal["tanh", "relu"] = "relu" if isinstance(body[1], torch.nn.ReLU) else "tanh"
    except Exception as error:  # a foreign pickle may fail in any way
        raise StoreError(f"{path}: cannot be read as a Stable-baselines3 {algorithm} zip ({error})") from error
    record = PolicyRecord(
        algorithm="sac" if kind is SAC else "ppo",
        task="unknown",
        task_hash="",
        observation_names=names,
        action_names=action_names,
        n_actions=len(action_names),
        net_arch=widths,
        activation=activation,
        settings={},
        seed=0,
        frames=model.num_timesteps,
        interrupted=False,
        thecal_version="unknown",
    )
    return record, state_arrays(model)
