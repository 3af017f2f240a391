"""The whole state of a Stable-baselines3 training between two rollouts, as arrays and plain numbers, and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from thecal.agents.backends.checkpoint import Shapes
from thecal.core.errors import StoreError

Arrays = dict[str, NDArray[Any]]
_COUNTERS = ("num_timesteps", "_episode_num", "_n_updates")
_BUFFER = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
_MOMENTS = ("exp_avg", "exp_avg_sq")  # of Adam, beside its count of steps
_KEYS = 624  # of NumPy's global generator


def read_state(model: BaseAlgorithm, env: Any) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and plain numbers from which :func:`write_state` makes the same training in another process.

    Args:
        model: between two rollouts.
        env: the adapter at work, with ``training_state``, ``training_shapes`` and ``continue_from``.
    """
    arrays, env_state = env.training_state()
    arrays = {f"env.{name}": values for name, values in arrays.items()}
    kind, keys, place, has_gauss, gauss = np.random.get_state()
    arrays["numpy.keys"] = np.asarray(keys, np.uint64)
    arrays["torch"] = torch.get_rng_state().numpy()
    arrays["last_obs"] = np.asarray(model._last_obs)
    arrays["last_starts"] = np.asarray(model._last_episode_starts, np.bool_)
    networks, variables, optimizers = _parts(model)
    for name, tensor in {**_tensors(networks), **variables}.items():
        arrays[name] = tensor.detach().numpy()
    begun = [name for name, optimizer in optimizers.items() if optimizer.state_dict()["state"]]
    for name in begun:
        for k, entry in optimizers[name].state_dict()["state"].items():
            arrays |= {f"{name}.{k}.{part}": entry[part].numpy() for part in ("step", *_MOMENTS)}
    state = {
        "counters": {name: int(getattr(model, name)) for name in _COUNTERS},
        "progress_remaining": float(model._current_progress_remaining),
        "episodes": [dict(entry) for entry in model.ep_info_buffer or ()],
        "numpy": {"kind": str(kind), "place": int(place), "has_gauss": int(has_gauss), "gauss": float(gauss)},
        "actions": model.action_space.np_random.bit_generator.state,
        "optimizers": begun,
        "env": env_state,
    }
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        rows = buffer.buffer_size if buffer.full else buffer.pos
        arrays |= {f"buffer.{name}": getattr(buffer, name)[:rows] for name in _BUFFER}
        state["buffer"] = {"pos": int(buffer.pos), "full": bool(buffer.full)}
    return arrays, state


def shapes_of(model: BaseAlgorithm, env: Any, state: Mapping[str, Any]) -> Shapes:
    """Shape and type of every array that a checkpoint with this ``state`` must have for a fresh ``model``.

    Raises:
        StoreError: the state is not one of such a model.
    """
    try:
        return _shapes(model, env, state)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"the checkpoint does not fit this training ({type(error).__name__}: {error})") from error


def _shapes(model: BaseAlgorithm, env: Any, state: Mapping[str, Any]) -> Shapes:
    found = {f"env.{name}": shape for name, shape in env.training_shapes().items()}
    found["numpy.keys"] = ((_KEYS,), np.dtype(np.uint64))
    found["torch"] = (tuple(torch.get_rng_state().shape), np.dtype(np.uint8))
    n, space = env.num_envs, env.observation_space
    found["last_obs"] = ((n, *space.shape), np.dtype(space.dtype))
    found["last_starts"] = ((n,), np.dtype(np.bool_))
    networks, variables, optimizers = _parts(model)
    for name, tensor in {**_tensors(networks), **variables}.items():
        found[name] = (tuple(tensor.shape), np.dtype(np.float32))
    for name in state["optimizers"]:
        members = [member for group in optimizers[name].param_groups for member in group["params"]]
        for k, member in enumerate(members):
            found[f"{name}.{k}.step"] = ((), np.dtype(np.float32))
            found |= {f"{name}.{k}.{part}": (tuple(member.shape), np.dtype(np.float32)) for part in _MOMENTS}
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        rows = _rows(buffer, state["buffer"])
        for name in _BUFFER:
            whole = getattr(buffer, name)
            found[f"buffer.{name}"] = ((rows, *whole.shape[1:]), whole.dtype)
    return found


def write_state(model: BaseAlgorithm, env: Any, arrays: Arrays, state: Mapping[str, Any]) -> None:
    """Put a fresh ``model`` and its ``env`` into the state of a checkpoint.

    Raises:
        StoreError: a number is not finite or out of its range.
    """
    for name, values in arrays.items():
        if not name.startswith("env.") and values.dtype.kind == "f" and not np.isfinite(values).all():
            raise StoreError(f"the checkpoint is damaged: {name} holds a number that is not finite")
    try:
        _write(model, env, arrays, state)
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, OverflowError) as error:
        raise StoreError(f"the checkpoint does not fit this training ({type(error).__name__}: {error})") from error


def _write(model: BaseAlgorithm, env: Any, arrays: Arrays, state: Mapping[str, Any]) -> None:
    env.continue_from({name.removeprefix("env."): values for name, values in arrays.items() if name.startswith("env.")},
                      state["env"])  # fmt: skip
    networks, variables, optimizers = _parts(model)
    with torch.no_grad():
        for name, tensor in {**_tensors(networks), **variables}.items():
            tensor.copy_(torch.from_numpy(arrays[name].copy()))
    for name in state["optimizers"]:
        whole = optimizers[name].state_dict()
        count = sum(len(group["params"]) for group in whole["param_groups"])
        whole["state"] = {
            k: {part: torch.from_numpy(arrays[f"{name}.{k}.{part}"].copy()) for part in ("step", *_MOMENTS)}
            for k in range(count)
        }
        optimizers[name].load_state_dict(whole)
    model._last_obs = arrays["last_obs"].copy()
    model._last_episode_starts = arrays["last_starts"].copy()
    for name in _COUNTERS:
        setattr(model, name, _count(state["counters"][name]))
    model._current_progress_remaining = float(state["progress_remaining"])
    model.ep_info_buffer = deque(state["episodes"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        rows = _rows(buffer, state["buffer"])
        for name in _BUFFER:
            getattr(buffer, name)[:rows] = arrays[f"buffer.{name}"]
        buffer.pos, buffer.full = state["buffer"]["pos"], state["buffer"]["full"]
    model.action_space.np_random.bit_generator.state = state["actions"]
    legacy = state["numpy"]
    if not 0 <= _count(legacy["place"]) <= _KEYS:
        raise ValueError(f"place {legacy['place']} of NumPy's generator")
    keys = arrays["numpy.keys"].astype(np.uint32)
    np.random.set_state((legacy["kind"], keys, legacy["place"], legacy["has_gauss"], legacy["gauss"]))
    torch.set_rng_state(torch.from_numpy(arrays["torch"].copy()))


def _parts(model: BaseAlgorithm) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Networks, single tensors and optimizers of an algorithm, by the names Stable-baselines3 itself saves them under."""
    names, singles = model._get_torch_save_params()
    whole = {name: attrgetter(name)(model) for name in names}
    optimizers = {name: part for name, part in whole.items() if isinstance(part, torch.optim.Optimizer)}
    networks = {name: part for name, part in whole.items() if name not in optimizers}
    return networks, {name: attrgetter(name)(model) for name in singles}, optimizers


def _tensors(networks: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}.{key}": value for name, part in networks.items() for key, value in part.state_dict().items()}


def _rows(buffer: Any, state: Mapping[str, Any]) -> int:
    pos, full = _count(state["pos"]), state["full"]
    if not isinstance(full, bool) or pos >= buffer.buffer_size:
        raise ValueError(f"place {pos} of a buffer of {buffer.buffer_size}")
    return int(buffer.buffer_size) if full else pos


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r:.30} is no count")
    return value
