"""Thecal beside its peers in one run: ``python benchmarks/peers/compare.py``; each peer in an environment of its own."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thecal.core.documents import read_tables
from thecal.core.files import write_whole
from thecal.core.models import Strict

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "peers.md"
OWN = (("drive_thecal.py", "batch"), ("drive_thecal.py", "single"))
_INSTALL_S, _DRIVE_S = 1800, 900
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class Peer(Strict):
    """One table of ``peers.toml``.

    Attributes:
        words: what it simulates.
        packages: what pip installs.
        why: why these versions, in a sentence; empty where the newest work.
        python: interpreters that it runs on, best first.
        title: its name, where the table's is no name.
        source: repository, where the package index does not have it.
    """

    words: str
    packages: tuple[str, ...]
    why: str
    python: tuple[str, ...]
    title: str = ""
    source: str = ""


class Peers(Strict):
    """The file ``peers.toml``."""

    simglucose: Peer
    pas: Peer
    anesthesim: Peer
    mgipsim: Peer


@dataclass
class Place:
    """Where a peer was installed, or why not.

    Attributes:
        title: of the peer.
        python: interpreter of its environment.
        source: folder of its source, where it has one.
        trouble: why it does not run, in a line.
        cases: what its driver printed, one list a pass.
    """

    title: str
    python: Path | None = None
    source: Path | None = None
    trouble: str = ""
    cases: list[list[dict[str, Any]]] = field(default_factory=list)


def install(name: str, peer: Peer, work: Path, sources: dict[str, Path], pythons: dict[str, str]) -> Place:
    """An environment for a peer below ``work``, made anew where it is not there."""
    place = Place(peer.title or name)
    if peer.source:
        place.source = sources.get(name) or work / "source" / name
        if not place.source.is_dir() and (said := run(["git", "clone", "--depth", "1", peer.source, place.source])):
            place.trouble = f"its source could not be had: {said}"
            return place
    folder = work / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        found = next((one for version in peer.python if (one := interpreter(version, pythons))), None)
        if found is None:
            place.trouble = f"needs Python {' or '.join(peer.python)}"
            return place
        shutil.rmtree(folder, ignore_errors=True)
        steps = ([found, "-m", "venv", folder], [python, "-m", "pip", "install", "--quiet", *peer.packages])
        for step in steps:
            if said := run(step):
                place.trouble = f"could not be installed: {said}"
                return place
        write_whole(folder / "ready", "\n".join(peer.packages) + "\n")
    place.python = python
    return place


def interpreter(version: str, pythons: dict[str, str]) -> str | None:
    """A Python of that version that starts."""
    found = pythons.get(version) or shutil.which(f"python{version}")
    asked = f"import sys; assert '%d.%d' % sys.version_info[:2] == '{version}'"
    return None if found is None or run([found, "-c", asked]) else found


def run(command: list[Any]) -> str:
    """The last line of what a command that failed said; empty where it did not fail."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=_INSTALL_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error).splitlines()[0]
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return "" if done.returncode == 0 else (lines or ["no reason was given"])[-1][:160]


def drive(place: Place, command: list[Any], cache: Path) -> None:
    """Let a driver measure, once; what went wrong is kept as the place's trouble."""
    env = {**os.environ, **_ONE_THREAD, "NUMBA_CACHE_DIR": str(cache)}
    if place.source is not None:
        env["PEER_SOURCE"] = str(place.source.resolve())
    if place.title != "Thecal":
        env.pop("PYTHONPATH", None)
    words = [str(place.python), "-W", "ignore", *(str(word) for word in command)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_DRIVE_S, env=env, cwd=HERE)
    except subprocess.TimeoutExpired:
        place.trouble = f"did not end within {_DRIVE_S} s"
        return
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not rows:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it printed nothing"]
        place.trouble = f"failed: {said[-1][:160]}"
        return
    place.cases.append(rows)


def measured(peers: Peers, options: argparse.Namespace) -> list[Place]:
    """Install and time everything; passes go round, so that a busy minute meets all alike."""
    work: Path = options.work
    sources = {name: Path(folder) for name, _, folder in (one.partition("=") for one in options.source)}
    pythons = {version: path for version, _, path in (one.partition("=") for one in options.python)}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    own = [Place("Thecal", Path(sys.executable)) for _ in OWN]
    others = {}
    for name in options.only or Peers.model_fields:
        print(f"installing {name} ...", flush=True)
        others[name] = install(name, getattr(peers, name), work, sources, pythons)
    cache = work / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    for k in range(options.passes):
        print(f"pass {k + 1} of {options.passes} ...", flush=True)
        for place, (driver, kind) in zip(own, OWN, strict=True):
            drive(place, [HERE / driver, kind], cache / kind)
        for name, place in others.items():
            if not place.trouble:
                drive(place, [HERE / f"drive_{name}.py"], cache / name)
    return [*own, *others.values()]


def updates(case: dict[str, Any]) -> float:
    """State updates a second: patient-steps a second by states by evaluations or stages of a step."""
    return float(case["steps_per_s"] * case["states"] * case["evaluations"])


def table(places: list[Place]) -> list[str]:
    """The lines of the table, ratios paired within passes."""
    head = (
        "| simulator | patients | steps/s | step, min | simulated h/s | states x evaluations | state updates/s | "
        "to Thecal's single | to its batch | memory, MB | first step, s | again, s |"
    )
    lines = [head, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    batch, single = places[0].cases, places[1].cases
    for place in places:
        for at, first in enumerate(place.cases[0] if place.cases else []):
            rows = [rows[at] for rows in place.cases]

            def middle(of: Any, rows: list[Any] = rows) -> float:
                return statistics.median(of(row) for row in rows)

            def against(other: list[Any], rows: list[Any] = rows) -> float:
                pairs = zip(rows, other, strict=False)
                return statistics.median(updates(row) / updates(theirs[0]) for row, theirs in pairs)

            speed = middle(lambda row: row["steps_per_s"])
            again = [row["first_step_s"] for row in rows[1:]]
            lines.append(
                f"| {first['case']} ({first['integrator']}) | {first['patients']:,} | {speed:,.0f} | {first['step_min']:.3g} | "
                f"{speed * first['step_min'] / 60:,.4g} | {first['states']} x {first['evaluations']:.3g} | "
                f"{middle(updates) / 1e6:,.3g} M | {against(single):.3g} | {against(batch):.3g} | "
                f"{middle(lambda row: row['memory_mb']):,.0f} | {first['first_step_s']:.1f} | "
                f"{statistics.median(again) if again else first['first_step_s']:.1f} |"
            )
        if place.trouble:
            lines.append(f"| {place.title}: {place.trouble} | | | | | | | | | | | |")
    return lines


def page(lines: list[str], peers: Peers, where: str, passes: int) -> str:
    """The text of ``docs/peers.md``."""
    needs = [
        f"- {peer.title or name}: `{' '.join(peer.packages)}`" + (f" ({peer.why})" if peer.why else "")
        for name in Peers.model_fields
        if (peer := getattr(peers, name))
    ]
    text = (HERE / "page.md").read_text(encoding="utf-8")
    for key, value in {"TABLE": "\n".join(lines), "NEEDS": "\n".join(needs), "WHERE": where, "PASSES": passes}.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text


def main() -> None:
    """Install, time, print, and write the page where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", metavar="peer", help=f"any of {', '.join(Peers.model_fields)}")
    parser.add_argument("--work", type=Path, default=HERE.parents[1] / "runs" / "peers", help="folder of environments")
    parser.add_argument("--source", action="append", default=[], metavar="NAME=FOLDER", help="a peer's source at hand")
    parser.add_argument("--python", action="append", default=[], metavar="VERSION=PATH", help="an interpreter")
    parser.add_argument("--passes", type=int, default=3, help="rounds over everything")
    parser.add_argument("--write", metavar="WHERE", help="write docs/peers.md; WHERE says in words on what it ran")
    options = parser.parse_args()
    if unknown := sorted(set(options.only) - set(Peers.model_fields)):
        parser.error(f"unknown peer {unknown[0]!r}; known: {', '.join(Peers.model_fields)}")
    peers = Peers.model_validate(read_tables(HERE / "peers.toml"))
    lines = table(measured(peers, options))
    print("\n".join(lines))
    if options.write:
        write_whole(PAGE, page(lines, peers, options.write, options.passes))


if __name__ == "__main__":
    main()
