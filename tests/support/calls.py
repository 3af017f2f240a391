"""Every command of the program as a short call on a small job, run as a person or a scheduler would, and judged by one rule.

The rule: whatever the surroundings, a command ends with a code of the table in docs/errors.md, says at most one sentence of
error, shows no traceback, and leaves whole files or none.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.task_files import ZICONOTIDE

SCRIPT = "from thecal.experiments.cli import main; main()"
CODES = {0, 1, 2, 3, 4, 5, 129, 130, 143}  # 70 would be a bug
LONGEST_S = 600.0
_DRAFTS = (".part", ".tmp", ".lock")

PROGRAM = """
pump = "synchromed_ii_40"
days = 2

[solution]
drugs = ["morphine"]
mg_per_ml = [10.0]

[[do]]
at_h = 0
do = "continuous"
mg_per_d = 2.0
"""

# A fit of one number to one target that its first generations are bound to end, as their loss hardly moves.
STUDY = """
title = "A small study"

[patients]
seeds = [4101]
scale = 0.02

[search]
population = 4
generations = 3

[enough]
over = 2
loss = 1e3

[free.uptake]
file = "drugs/morphine"
key = "transport.csf_loss"
unit = "1/h"
bounds = [0.05, 0.5]

[free.uptake.prior]
distribution = "lognormal"
median = 0.12
spread = 0.3
source = "made up for a test"
confidence = "low"
kind = "proposed"

[target.csf_1h_050]
"""

CHARTS = "age_y,sex,weight_kg,height_cm,medd_mg_per_d\n61,female,70,165,120\n48,male,85,180,200\n"


@dataclass(frozen=True)
class Call:
    """One command line.

    Attributes:
        words: its arguments; ``IN/`` stands for the folder of inputs.
        code: the exit code in kind surroundings.
        writes: files it leaves there, relative to where it runs.
        slow: whether it takes more than a few seconds.
    """

    words: tuple[str, ...]
    code: int = 0
    writes: tuple[str, ...] = ()
    slow: bool = False

    @property
    def name(self) -> str:
        """For the test's id."""
        return "-".join(word for word in self.words[:2] if not word.startswith(("-", "IN/")))


_SMALL = ("--task", "IN/Ziconotide.toml")
_NETWORK = ("--set", "settings.n_envs=4", "--set", "settings.n_steps=16", "--set", "settings.batch_size=32")
_TRAIN = (*_SMALL, "--frames", "256", *_NETWORK, "--set", "tune_patients=2", "--set", "pool=8")
CALLS = (
    Call(("tasks",)),
    Call(("list", "drugs")),
    Call(("list", "policies", "--json")),
    Call(("cohort", "describe", "-n", "20")),
    Call(("cohort", "export", "patients.csv", "-n", "20"), writes=("patients.csv",)),
    Call(("cohort", "export", "patients.npz", "-n", "20"), writes=("patients.npz",)),
    Call(("cohort", "import", "IN/charts.csv", "--out", "clinic.toml"), writes=("clinic.toml",)),
    Call(("pump", "simulate", "IN/program.toml", "--csv", "ticks.csv", "--plot", "page.html"),
         writes=("ticks.csv", "page.html")),
    Call(("pump", "interrogate", "IN/program.toml")),
    Call(("pump", "solution", "--drug", "morphine=10")),
    Call(("pump", "bridge", "--old", "10", "--new", "20", "--dose", "2")),
    Call(("evaluate", "fixed", *_SMALL, "-n", "3", "--out", "kept", "--trail", "--transitions"),
         writes=("kept/config.json", "kept/estimates.json", "kept/trajectories.parquet", "kept/transitions.parquet")),
    Call(("compare", "fixed", "guideline", *_SMALL, "-n", "4", "--out", "judged"),
         writes=("judged/config.json", "judged/comparison.json", "judged/report.html")),
    Call(("benchmark", "fixed", "guideline", "--tasks", "IN/Ziconotide.toml", "-n", "3", "--out", "ranked"),
         writes=("ranked/benchmark.json", "ranked/leaderboard.json", "ranked/leaderboard.html")),
    Call(("train", *_TRAIN, "--out", "learned"),
         writes=("learned/config.json", "learned/policy/policy.json", "learned/policy/weights.safetensors")),
    Call(("report", "IN/judged", "--out", "again.html"), writes=("again.html",)),
    Call(("audit", "IN/kept")),
    Call(("safety-case", "--out", "case.html"), writes=("case.html",)),
    Call(("verify", "seed_2025", "--out", "proof.json", "--workers", "1"), writes=("proof.json",), slow=True),
    Call(("validate", "csf_half_life")),
    Call(("calibrate", "IN/study.toml", "--workers", "1", "--out", "fitted"),
         writes=("fitted/record.json", "fitted/report.md", "fitted/parameters/drugs/morphine.toml")),
    Call(("demo", "--quick", *_SMALL, "--frames", "256", "-n", "4", "--out", "shown"), writes=("shown/comparison/report.html",),
         slow=True),
)  # fmt: skip


@dataclass
class Ran:
    """How a command ended: its code, what it said, and the folder it ran in."""

    code: int
    out: str
    err: str
    folder: Path
    inputs: Path


def prepare(folder: Path) -> Path:
    """Inputs of the calls that need no run: a task, a program, charts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Ziconotide.toml").write_text(ZICONOTIDE, encoding="utf-8")
    (folder / "program.toml").write_text(PROGRAM, encoding="utf-8")
    (folder / "charts.csv").write_text(CHARTS, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder


def surroundings(**changes: str | None) -> dict[str, str]:
    """The environment without what would lead a command elsewhere; None removes a variable."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("THECAL_", "MLFLOW_"))}
    env |= {"COLUMNS": "80", "PYTHONFAULTHANDLER": "0"}
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


def start(
    call: Call,
    folder: Path,
    inputs: Path,
    *,
    env: Mapping[str, str] | None = None,
    shell: str = "",
    before: Sequence[str] = (),
    **more: Any,
) -> subprocess.Popen[str]:
    """Begin a command in ``folder``; words of a shell like ``>&-`` go behind it, a program that runs it before it."""
    words = [word.replace("IN/", f"{inputs}/") for word in call.words]
    line = [*before, sys.executable, "-c", SCRIPT, *words]
    if shell:
        line = ["bash", "-c", f'"$@" {shell}', "run", *line]
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(line, cwd=folder, env=dict(env or surroundings()), text=True, **(piped | more))


def finish(process: Any, folder: Path, inputs: Path) -> Ran:
    """Wait for it."""
    try:
        out, err = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    code = process.returncode
    return Ran(128 - code if code < 0 else code, out or "", err or "", folder, inputs)


def do(call: Call, folder: Path, inputs: Path, **more: Any) -> Ran:
    """Run a command to its end."""
    return finish(start(call, folder, inputs, **more), folder, inputs)


def complaints(ran: Ran, *, codes: set[int] = CODES) -> list[str]:
    """What is wrong with how a command ended; nothing is right."""
    found = [] if ran.code in codes else [f"exit code {ran.code}, not of {sorted(codes)}"]
    for sign in ("Traceback (most recent", "Exception ignored", "Value error,", "site-packages", 'File "'):
        found += [f"{sign!r} is shown"] if sign in ran.err or sign in ran.out else []
    said = [line for line in ran.err.splitlines() if line.startswith("error:")]
    found += [f"{len(said)} errors are said"] if len(said) > 1 else []
    return found + broken(ran.folder)


def broken(folder: Path) -> list[str]:
    """Files below ``folder`` that are empty, half or drafts."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name.startswith("mlruns/mlflow.db"):
            continue
        if path.suffix in _DRAFTS:
            found.append(f"{name} is left behind")
        elif not path.stat().st_size:
            found.append(f"{name} is empty")
        elif reader := _READERS.get(path.suffix):
            try:
                reader(path)
            except Exception as error:
                found.append(f"{name} cannot be read: {error}")
    return found


def _whole_page(path: Path) -> None:
    if not path.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("it does not end")


def _archive(path: Path) -> None:
    import numpy as np

    with np.load(path, allow_pickle=False) as data:
        for name in data.files:
            data[name]


def _columns(path: Path) -> None:
    import pyarrow.parquet as parquet

    parquet.read_table(path)


_READERS: dict[str, Callable[[Path], Any]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".toml": lambda path: tomllib.loads(path.read_text(encoding="utf-8")),
    ".html": _whole_page,
    ".npz": _archive,
    ".parquet": _columns,
    ".csv": lambda path: path.read_text(encoding="utf-8").splitlines()[1],
}


def end(process: Any, number: signal.Signals) -> None:
    """Send a signal to a command that may have ended already."""
    if process.poll() is None:
        process.send_signal(number)
