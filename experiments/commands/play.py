"""``thecal play``: dose one virtual patient by hand, and be scored like any policy on the same patient and days."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from thecal.core.seeds import PATIENT_LIMIT
from thecal.experiments.commands.common import Json, check_names, emit, note, output, plain_table, say
from thecal.experiments.commands.scenario import with_scenario
from thecal.experiments.commands.streams import is_unicode

_AGAINST = ("fixed", "guideline", "pid")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("play", rich_help_panel="Experiments")(play)


@with_scenario(split="test", task="CancerDoseFinding")
def play(
    against: Annotated[
        list[str] | None,
        typer.Argument(help="Policies to be compared with; default: fixed, guideline, pid.", show_default=False),
    ] = None,
    *,
    scenario: dict[str, Any],
    patient: Annotated[
        int, typer.Option("--patient", help="Number of the patient in the split.", min=0, max=PATIENT_LIMIT - 1)
    ] = 0,
    as_json: Json = False,
) -> None:
    """Titrate one virtual patient by hand. Research simulation only: it trains nobody for the care of a person.

    You see what a policy sees and ask for changes of the rate; the shield stands between you and the pump as it does for any
    policy. `?` shows the keys. Lines may also come from a pipe or a file.

    Examples: `thecal play`, `thecal play guideline --patient 7`, `thecal play --json < moves.txt`
    """
    from thecal.envs.scenario import Scenario
    from thecal.experiments.studies.play import HELP, HandPolicy
    from thecal.experiments.studies.play import play as run_play

    given = {"task": "CancerDoseFinding", "split": "test", **scenario}
    chosen = Scenario.of(given.pop("task"), **given)
    names = tuple(against or _AGAINST)
    check_names(chosen, names)
    scene = chosen.resolve()
    tell = note if as_json else say
    tell("Research simulation only: a virtual patient, nothing for the care of a person.")
    tell(f"{scene.task.title}.")
    tell(f"A decision every {scene.task.tick_h:g} h for {scene.task.horizon_d:g} days. Keys:\n{HELP}")
    hand = HandPolicy(_line, tell, plain=not is_unicode(sys.stderr if as_json else sys.stdout))
    score = run_play(scene, patient, names, hand)
    if as_json:
        emit(score.as_dict())
        return
    mark = "" if scene.mode.shielded else "UNSHIELDED: "
    shown = [score.measured[0], *(entry for entry in score.measured[1:] if entry.brief)]
    heads = ["policy", *(f"{entry.brief if k else entry.label} [{entry.unit}]" for k, entry in enumerate(shown))]
    table = plain_table(f"{mark}{scene.task.id}, {scene.scenario.split} patient {patient}", heads, numbers=True)
    for name, values in score.values.items():
        table.add_row(name, *(f"{values[entry.key]:.{entry.digits}f}" for entry in shown))
    table.caption = "One patient says nothing of a policy: `thecal compare` sets policies beside each other."
    output().print(table)


def _line() -> str | None:
    """The next line of standard input, with a prompt where a person sits there; None at its end."""
    if sys.stdin.isatty():
        sys.stdout.write("> ")
        sys.stdout.flush()
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None
