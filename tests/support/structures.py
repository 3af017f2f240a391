"""A record of how the structural models stand, in place of the shipped one."""

from __future__ import annotations

import json

from thecal.physiology import structures

GOOD = {"met": 90, "of": 100, "untouched_met": 30, "untouched_of": 40}
POOR = {"met": 41, "of": 100, "untouched_met": 10, "untouched_of": 40}


def record(second, **changes):
    """The content of a record in which the second structure has these counts."""
    made = {"model": structures.model_hash(), "date": "2026-11-29", "seed_set": "final", "seeds": [1, 2]}
    return {**made, "structures": {"axial": GOOD, "compartment": second}, **changes}


def put_record(monkeypatch, folder, second, **changes):
    """Let Thecal read such a record."""
    path = folder / "structures.json"
    path.write_text(json.dumps(record(second, **changes)))
    monkeypatch.setattr(structures, "FILE", path)
    return path
