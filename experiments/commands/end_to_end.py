"""``thecal judge``: the end-to-end oracle over every way in, judged at the pump from raw signals and the texts of the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.core.errors import StoreError
from thecal.core.files import as_json as json_text
from thecal.core.files import write_whole
from thecal.core.seeds import MOST_WORKERS
from thecal.experiments.commands.common import Json, Seed, emit, note, output, plain_table, progress_bar
from thecal.experiments.commands.places import Output, check_outputs

_FAILED = 1
_SCHEMA = 1
_MOST_TICKS = 1_000_000_000


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("judge", rich_help_panel="Safety")(judge)


def judge(
    ticks: Annotated[
        int, typer.Option("--ticks", help="Pump ticks in all, about.", min=10_000, max=_MOST_TICKS)
    ] = 10_000_000,
    out: Annotated[Path, typer.Option("--out", "-o", help="File for the result (JSON).", dir_okay=False)] = Path(
        "end_to_end.json"
    ),
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up the run that left --out; its cases are not run again.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes; default: one a core.", min=1, max=MOST_WORKERS)
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Judge end to end: commands read at the pump, raw signals and the texts of the files, under random and hostile policies.

    The judge knows nothing of the shield. Every task, pump, profile and preset of faults is run; stages and ways in take turns.
    Patients without a shield come last, in whom the judge must find something.

    Exit with 1 on a violation, and when the judge finds nothing without a shield.

    Examples: `thecal judge --ticks 200000`, `thecal judge --out safety/data/end_to_end.json`
    """
    from thecal.experiments.analysis.stored import written_by
    from thecal.experiments.assurance.end_to_end import controls, end_to_end_cases, run_end_to_end
    from thecal.safety.certificate import kernel_hash

    check_outputs(files={"--out": Output(out, (".json",))})
    cases, known = end_to_end_cases(seed, ticks), _known(out, kernel_hash()) if resume else []
    head = {**written_by(_SCHEMA), "seed": seed, "asked": ticks}

    def keep(record: dict[str, Any]) -> None:
        write_whole(out, json_text({**head, **record}, indent=1))

    with progress_bar(f"judge {len(cases)} cases", len(cases)) as update:
        result = run_end_to_end(
            cases, known, workers=workers, keep=keep,
            progress=lambda done, seen, wrong: update(done, f"{seen:,} ticks, {wrong} violations", len(cases)),
        )  # fmt: skip
    control = run_end_to_end(controls(seed), workers=workers)
    result = {**head, **result, "without_a_shield": control["cases"]}
    write_whole(out, json_text(result, indent=1))
    if as_json:
        emit(result)
    else:
        _show(result)
        note(f"wrote {out}")
    if result["violations"] or not result["ticks"] or not all(case["violations"] for case in control["cases"]):
        raise typer.Exit(_FAILED)


def _known(path: Path, kernel: str) -> list[dict[str, Any]]:
    """The cases of an earlier run under the same kernel, none where there is no file.

    Raises:
        StoreError: the file is no record, or one of another kernel.
    """
    if not path.exists():
        return []
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        cases, own = record["cases"], record["kernel"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: cannot be taken up: it is no record of a judgment ({error})") from error
    if own != kernel:
        raise StoreError(f"{path}: cannot be taken up: it was run under another kernel of the shield")
    return list(cases)


def _show(result: dict[str, Any]) -> None:
    title = f"Judged at the pump: {result['ticks']:,} ticks, {result['rises']:,} rises, {result['boluses']:,} boluses"
    table = plain_table(title, ["way in", "cases", "ticks", "rises", "boluses", "violations"], numbers=True)
    for way in sorted({case["way"] for case in result["cases"]}):
        of = [case for case in result["cases"] if case["way"] == way]
        sums = [f"{sum(case[name] for case in of):,}" for name in ("ticks", "rises", "boluses", "violations")]
        table.add_row(way, str(len(of)), *sums)
    output().print(table)
    for case in result["cases"]:
        for rule, count in case["found"].items():
            note(f"{case['case']}: {rule}, {count} ticks, first at {case['first'][rule]}", "red")
        if "why" in case:
            note(f"could not run {case['case']}: {case['why']}", "yellow")
    found = sorted({rule for case in result["without_a_shield"] for rule in case["found"]})
    output().print(
        f"{result['violations']} violations; without a shield {len(found)} rules are broken: {', '.join(found)}"
    )
