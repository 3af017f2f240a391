"""Audit trails of a run on disk: a file for each chunk of patients, and the hashes that belong elsewhere."""

from __future__ import annotations

from pathlib import Path

from thecal.safety.trail import inspect

SUFFIX = ".trail"


def chunks(trail: Path) -> list[Path]:
    """The files of a trail: itself and its further chunks, as far as they are there."""
    return [path for path in (trail, *sorted(trail.parent.glob(f"{trail.stem}-[0-9]*{SUFFIX}"))) if path.exists()]


def keep_heads(trail: Path) -> str:
    """Head hashes of a trail and its further chunks, to be kept where the trail is not."""
    return " ".join(inspect(path).head for path in chunks(trail))
