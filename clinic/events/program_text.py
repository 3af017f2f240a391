"""The tables of a program file as its text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def program_text(content: Mapping[str, Any]) -> str:
    """A program file (TOML) of what :func:`~thecal.clinic.events.programs.program_of` gives."""
    lines = ["# Doses of an event table, as a program of the pump. Simulation only."]
    lines += [f"{key} = {json.dumps(content[key])}" for key in ("pump", "days")]
    lines += ["", "[solution]", *(f"{key} = {json.dumps(value)}" for key, value in content["solution"].items())]
    for line in content["do"]:
        lines += ["", "[[do]]", *(f"{key} = {json.dumps(value)}" for key, value in line.items())]
    return "\n".join(lines) + "\n"
