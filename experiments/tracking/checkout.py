"""The checkout that the code runs from, for results and for whoever asks why they differ."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git_state() -> dict[str, str]:
    """Commit and cleanliness of the checkout the code runs from; ``"unknown"`` for an installed package.

    A package installed inside somebody's repository is no checkout of Thecal: its own file has to be tracked there.
    """
    import thecal

    folder = Path(thecal.__file__).resolve().parent
    try:
        _git(folder, "ls-files", "--error-unmatch", "__init__.py")
        sha, status = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return {"commit": "unknown", "dirty": "unknown"}
    return {"commit": sha, "dirty": str(bool(status)).lower()}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
