"""Hashes of what decides a stored result beside its scenario: a policy, and the code that runs patients and reads them."""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from thecal import __version__
from thecal.agents.backends.record import PolicyRecord
from thecal.agents.base import Policy
from thecal.core.jit import source_key
from thecal.experiments.tracking.provenance import config_hash

# Beside the kernels, whatever changes what a policy does, what a patient meets, or what is kept of it.
_PACKAGES = ("thecal.agents", "thecal.envs", "thecal.experiments.rollouts")
_MODULES = ("thecal.experiments.analysis.failures", "thecal.experiments.studies.hindsight")


@cache
def code_hash() -> str:
    """SHA-256 of the version and of all code and numbers behind a policy's results."""
    digest = hashlib.sha256(f"{__version__} {source_key():x}".encode())
    for path in _files():
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files() -> list[Path]:
    found: list[Path] = []
    for name in (*_PACKAGES, *_MODULES):
        spec = find_spec(name)
        folders = [] if spec is None else list(spec.submodule_search_locations or ())
        for folder in folders:
            found += sorted(path for path in Path(folder).rglob("*") if path.suffix in (".py", ".toml"))
        if not folders and spec is not None and spec.origin:
            found.append(Path(spec.origin))
            found += sorted((Path(spec.origin).parent / "data").glob("failures.toml"))
    return found


def policy_hash(policy: Policy) -> str:
    """SHA-256 of what a policy says of itself, of its weights, and of the code of its class where that is no part of Thecal."""
    record = getattr(policy, "record", None)
    return config_hash(
        {
            "info": policy.info.model_dump(mode="json"),
            "weights": record.weights_sha256 if isinstance(record, PolicyRecord) else "",
            "class": f"{type(policy).__module__}.{type(policy).__qualname__}",
            "code": [_source(kind) for kind in type(policy).__mro__ if not kind.__module__.startswith("thecal.")],
        }
    )


def _source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return kind.__qualname__
