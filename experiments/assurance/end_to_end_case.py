"""A case of the end-to-end oracle: one program, met in one way, with the texts that the judge reads."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from thecal.envs.scenario import Scenario
from thecal.envs.tasks import load_task
from thecal.safety.profiles import load_profile

DAYS = 28


@dataclass(frozen=True)
class Case:
    """One program, met in one way."""

    task: str
    pump: str
    profile: str
    faults: str
    stage: str
    way: str
    seed: int
    patients: int = 1
    ticks: int = DAYS * 96
    mode: str = "project"

    @property
    def label(self) -> dict[str, Any]:
        """What tells this case from the others."""
        names = ("task", "pump", "profile", "faults", "stage", "way", "mode", "seed", "patients")
        return {name: getattr(self, name) for name in names}

    @property
    def name(self) -> str:
        """The label in one line, under which a result is found again."""
        return " ".join(str(value) for value in (*self.label.values(), self.ticks))

    def scenario(self) -> Scenario:
        """The scenario, in steps of one pump tick and as long as the case."""
        days = max(1, -(-self.ticks // 96))
        task = load_task(self.task).model_copy(update={"tick_h": 0.25, "horizon_d": float(days)})
        mode = "mask" if self.way == "discrete" else self.mode
        return Scenario.of(
            task, pump=self.pump, profile=self.profile, faults=self.faults, stage=self.stage, seed=self.seed,
            shield_mode=mode,
        )  # fmt: skip

    def base(self) -> str:
        """The text of the profile that the case's rests on; empty for one that stands alone."""
        name = tomllib.loads(self.texts()[0]).get("base", "")
        return (files("thecal.safety") / "data" / "profiles" / f"{name}.toml").read_text("utf-8") if name else ""

    def texts(self) -> tuple[str, str, str]:
        """The texts of profile, pump and task, for the judge's own reading."""
        own = load_profile(self.profile).path
        shipped = files("thecal.safety") / "data" / "profiles" / f"{self.profile}.toml"
        profile = own.read_text(encoding="utf-8") if own is not None else shipped.read_text(encoding="utf-8")
        pump = files("thecal.devices") / "data" / "pumps" / f"{self.pump}.toml"
        task = (
            Path(self.task)
            if self.task.endswith(".toml")
            else files("thecal.envs") / "data" / "tasks" / f"{self.task}.toml"
        )
        return profile, pump.read_text(encoding="utf-8"), task.read_text(encoding="utf-8")
