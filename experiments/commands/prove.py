"""``thecal verify``: prove the shield for limit profiles, or say which goal the solver could not settle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.extras import require
from thecal.core.seeds import MOST_WORKERS
from thecal.experiments.commands.common import Json, emit, left_out, note, output, plain_table, progress_bar
from thecal.experiments.commands.places import Output, check_outputs

_FAILED = 1
UNITS = 500_000_000  # as thecal.safety.proofs.verify, which needs the solver; a test holds them together


def verify(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(help="Limit profiles by name or file; default: all shipped and added.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the proof here; default: proof.json, or beside a profile file."),
    ] = None,
    units: Annotated[
        int,
        typer.Option(
            "--units",
            help="Resource units of the solver that a goal may take, on any machine the same.",
            min=1,
            max=2**32 - 1,
        ),
    ] = UNITS,
    wiring: Annotated[
        bool,
        typer.Option(
            "--wiring", help="Keep what is proved for the files that the solver reads; renew the hash of the rest."
        ),
    ] = False,
    pin: Annotated[
        bool, typer.Option("--pin", help="In a checkout: first write the list of goals anew that a proof must hold.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; default: one a core.", min=1, max=MOST_WORKERS)
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove every goal of the shield for limit profiles and write proof.json; exit with 1 when a goal is not proved.

    Examples: `thecal verify`, `thecal verify mine.toml`, `thecal verify seed_2025 --out proof.json`
    """
    require("a proof", "prove")
    if pin:
        _pin()
    from thecal.core.plugins import PROFILES, sound
    from thecal.safety.profiles import load_profile, profile_names

    if profiles:
        found = [load_profile(name) for name in profiles]
    else:
        found = list(sound(PROFILES, profile_names(), load_profile, left_out).values())
    places = [out] if out is not None else _places(found)
    inputs = [profile.path for profile in found]
    for place in places:
        check_outputs(inputs=inputs, files={"--out": Output(place, (".json",))})
    from thecal.safety.proofs.verify import OUT_OF_UNITS, failures, retry, write_proof
    from thecal.safety.proofs.verify import verify as prove

    with progress_bar(f"prove {len(found)} profiles", None) as update:
        proof = prove(
            found,
            workers=workers,
            units=units,
            known=_known(places) if wiring else None,
            report=lambda done, total, result: update(done, result["group"], total),
        )
    missed = failures(proof)
    for place in places:
        note(f"wrote {write_proof(proof, place)}")
    if as_json:
        emit(proof)
    else:
        table = plain_table(f"Proof, {proof['solver']}, {proof['seconds']:.0f} s", ["goals", "number", "hardest", ""])
        rows = {"every profile": proof["shared"], **{n: e["goals"] for n, e in proof["profiles"].items()}}
        for name, goals in rows.items():
            bad = sum(goal["status"] != "proved" for goal in goals)
            hardest = max(goal["units"] for goal in goals)
            table.add_row(name, str(len(goals)), f"{hardest:,} units", "proved" if not bad else f"{bad} NOT PROVED")
        output().print(table)
        for group, goal, status in missed:
            ran_out = f"ran out of {units:,} resource units, retry with --units {retry(units)}"
            note(f"{ran_out if status == OUT_OF_UNITS else status}: {group}: {goal}", "red")
    if missed:
        raise typer.Exit(_FAILED)


def _pin() -> None:
    from importlib.resources import files

    from thecal.safety.certificate import kernel_hash, pinned_goals
    from thecal.safety.proofs.verify import write_goal_names

    note(f"wrote {write_goal_names(Path(str(files('thecal.safety').joinpath('data', 'goals.json'))))}")
    for cached in (kernel_hash, pinned_goals):
        cached.cache_clear()


def _known(places: list[Path]) -> dict[str, Any]:
    """The shipped proof and the one that is about to be written over, whichever is there."""
    import json

    from thecal.safety.certificate import shipped_proof

    for place in places:
        if place.is_file():
            try:
                found = json.loads(place.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(found, dict):
                return found
    return shipped_proof()


def _places(found: list[Any]) -> list[Path]:
    """Beside every profile file, where the shield looks for it, and ``proof.json`` for profiles that are shipped."""
    own = [profile.path.with_suffix(".proof.json") for profile in found if profile.path is not None]
    return own + ([Path("proof.json")] if len(own) < len(found) else [])
