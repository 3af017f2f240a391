"""The options of a scenario, made from its fields: every command that runs patients has them all, in the same words."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any, TypeVar, get_args

import typer

from thecal.core.errors import ConfigError
from thecal.envs.options import Options

Command = TypeVar("Command", bound=Callable[..., Any])
# Where the flag is not the field's name with dashes.
_FLAGS = {"task": ("--task", "-t"), "shield_mode": ("--shield",)}
_PANEL = "Scenario"


def with_scenario(*, leave_out: Collection[str] = (), **defaults: Any) -> Callable[[Command], Command]:
    """Give a command an option for every field of :class:`thecal.envs.scenario.Scenario`.

    The command takes one argument ``scenario``: the fields that were given on the command line, as a dict.

    Args:
        leave_out: fields that the command sets itself; its help says so.
        **defaults: what a field's help should call its default, where the command has another than the scenario.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        added = [option for option in _options(defaults) if option.name not in leave_out]
        kept = [parameter for parameter in own.parameters.values() if parameter.name != "scenario"]
        ordered = sorted([*kept, *added, _FITTED], key=lambda one: one.kind)

        @wraps(command)
        def run(*args: Any, **given: Any) -> Any:
            fields = {option.name: given.pop(option.name) for option in added}
            chosen = {name: value for name, value in fields.items() if value is not None}
            with _fitted(given.pop(_FITTED.name), chosen, given):
                return command(*args, scenario=chosen, **given)

        run.__signature__ = own.replace(parameters=ordered)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in ordered}
        return run  # type: ignore[return-value]

    return decorate


_FITTED = inspect.Parameter(
    "fitted",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        str | None,
        typer.Option(
            "--fitted", help="The one patient of a folder that `thecal fit` wrote, in place of a cohort.",
            show_default=False, rich_help_panel=_PANEL,
        ),
    ],
)  # fmt: skip


@contextmanager
def _fitted(folder: str | None, scenario: dict[str, Any], given: dict[str, Any]) -> Iterator[None]:
    """Let a command run on a fitted patient: its cohort and split, its numbers, and this process alone, which knows them.

    Raises:
        ConfigError: a cohort, another split or several workers are asked for besides.
    """
    if folder is None:
        yield
        return
    from thecal.experiments.fitting.patient_file import laid, read_fitted

    patient = read_fitted(folder)
    if "cohort" in scenario:
        raise ConfigError("--fitted names a patient and --cohort a population: give one of them")
    if scenario.get("split", patient.split) != patient.split:
        raise ConfigError(f"--split: a fitted patient belongs to {patient.split}")
    if (given.get("workers") or 1) != 1:
        raise ConfigError("--workers: a fitted patient is simulated in one process")
    scenario |= {"cohort": patient.cohort, "split": patient.split}
    if "workers" in given:
        given["workers"] = 1
    with laid(patient):
        yield


def _options(defaults: dict[str, Any]) -> list[inspect.Parameter]:
    found = []
    for name, field in Options.model_fields.items():
        kind: Any = _kind(field.annotation)
        flags = _FLAGS.get(name, (f"--{name.replace('_', '-')}",))
        default = defaults.get(name, field.default)
        ending = "" if default is None or default is False else f" Default: {default}."
        option = typer.Option(
            *flags, help=f"{field.description}{ending}", show_default=False, rich_help_panel=_PANEL,
            min=0 if kind is int else None,
        )  # fmt: skip
        annotation = Annotated[kind | None, option]
        found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    return found


def _kind(annotation: Any) -> Any:
    """What a field's option reads from the command line: a number, a flag, or text for everything else."""
    return next((kind for kind in (bool, int, float) if kind in (annotation, *get_args(annotation))), str)
