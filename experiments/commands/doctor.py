"""``thecal doctor``: what of this machine and installation Thecal runs on, and what to do about what is wrong."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from thecal.core.cache import VARIABLE as CACHE
from thecal.core.cache import places, private_folder, usable_folder
from thecal.core.errors import ThecalError
from thecal.experiments.commands import health
from thecal.experiments.commands.common import Json, emit, output
from thecal.experiments.commands.health import Finding, size

SCHEMA = 1  # of what --json prints
_WAIT_S = 1.0  # for a store that is locked, or a server
_SHOWN, _MARKED = 3, 100  # runs left RUNNING: how many are named, and how many a command marks
ROOMS = ("core", "physiology", "devices", "safety", "envs")  # where kernels stand
_STYLES = {"ok": "green", "note": "yellow", "problem": "bold red"}

Check = Callable[[], Iterator[Finding]]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("doctor", rich_help_panel="Start here")(doctor)


def doctor(
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only notes and problems.")] = False,
) -> None:
    """Look over this installation: packages, threads, caches, the tracking store, room; and say what to do.

    Exit code 1 when there is a problem, else 0. Nothing is changed, and no password is shown.

    Examples: `thecal doctor`, `thecal doctor --json`
    """
    begin = time.perf_counter()
    findings = examine((*health.CHECKS, kernels, store, proofs, structures, checkout))
    count = sum(finding.level == "problem" for finding in findings)
    if as_json:
        emit({"schema": SCHEMA, "problems": count, "findings": findings})
    else:
        _show([one for one in findings if not (quiet and one.level == "ok")])
        notes = sum(finding.level == "note" for finding in findings)
        output().print(f"{count} problems, {notes} notes ({time.perf_counter() - begin:.1f} s)", highlight=False)
    if count:
        raise typer.Exit(1)


def examine(checks: Iterable[Check]) -> list[Finding]:
    """What every check finds; one that fails is a problem of its own and keeps no other from running."""
    found: list[Finding] = []
    for check in checks:
        about = check.__name__
        try:
            found.extend(check())
        except ThecalError as error:
            found.append(Finding(about, "problem", _plain(error)))
        except Exception as error:  # whatever is broken is what this command is for
            found.append(Finding(about, "problem", f"cannot be looked at ({type(error).__name__}: {_plain(error)})"))
    return found


def kernels() -> Iterator[Finding]:
    """The cache of compiled kernels: where it is, how large, whether the next start has to compile."""
    spec = find_spec("thecal")
    home = Path(spec.origin).parent if spec and spec.origin else Path()
    # Located without being imported: the kernels of one tick of the pump are what takes long.
    source = home / "envs" / "kernel" / "step.py"
    asked, folder = os.environ.get(CACHE), usable_folder(source)
    if asked and folder != places(source)[0]:
        text = f"{CACHE}={asked} cannot be written"
        yield Finding("kernels", "problem", text, f"set {CACHE} to a folder that can be written, or unset it")
    if folder is None:
        folder = private_folder()
        if folder is None:
            text = "no folder for compiled kernels can be written: every start compiles for a minute"
            yield Finding("kernels", "problem", text, f"set {CACHE} to a folder that can be written")
            return
        yield Finding("kernels", "note", f"kept in a temporary folder, {folder}", f"set {CACHE} to a folder that stays")
        folder /= "any"
    yield _cache(home, folder)


def _cache(home: Path, folder: Path) -> Finding:
    """Files of Numba's cache, beside the sources or below a folder of the user's, and whether they are newer than the sources."""
    if folder.name == "__pycache__":
        found = [path for room in ROOMS for path in (home / room).glob("**/__pycache__/*.nb[ic]")]
    else:
        folder = folder.parent
        found = list(folder.glob("*/*.nb[ic]"))
    sources = (path for room in ROOMS for path in (home / room).glob("**/*.py"))
    newest = max((path.stat().st_mtime for path in sources), default=0.0)
    held = [path.stat() for path in found]
    text = f"{folder}: {len(held)} files, {size(sum(one.st_size for one in held))}"
    if any(one.st_mtime >= newest for one in held):
        return Finding("kernels", "ok", f"{text}, warm")
    return Finding(
        "kernels", "note", f"{text}, cold: the next run compiles", "`thecal warmup` compiles now (about a minute)"
    )


def store() -> Iterator[Finding]:
    """The tracking store: where, whether it can be used, and what it holds."""
    from thecal.experiments.tracking.address import hidden, kind_of, sqlite_file
    from thecal.experiments.tracking.store import check_store, store_uri

    uri = store_uri()
    if kind_of(uri) != "sqlite":
        check_store(uri, wait_s=_WAIT_S)
        yield (
            _server(uri)
            if kind_of(uri) in ("http", "https")
            else Finding("store", "ok", f"{hidden(uri)} can be reached")
        )
        return
    path = sqlite_file(uri)
    if not path.exists():
        parent = next(place for place in path.parents if place.exists())
        if os.access(parent, os.W_OK) and parent.is_dir():
            yield Finding("store", "ok", f"{path}: the first tracked run makes it")
        else:
            yield Finding(
                "store", "problem", f"{path} cannot be made in {parent}", "set MLFLOW_TRACKING_URI, or use --no-track"
            )
        return
    check_store(uri, wait_s=_WAIT_S)
    yield from _runs(path)


def _server(uri: str) -> Finding:
    """A tracking server says how it is, also to who gives no password."""
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    from thecal.experiments.tracking.address import client_address, hidden

    shown, remedy = hidden(uri), "look at the server, or set MLFLOW_TRACKING_URI"
    try:
        with urlopen(f"{client_address(uri).rstrip('/')}/health", timeout=_WAIT_S):  # noqa: S310  (http or https, seen to)
            return Finding("store", "ok", f"{shown} answers; its runs are not counted from here")
    except HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return Finding(
                "store", "note", f"{shown} is no tracking server, or one that does not say how it is", remedy
            )
        return Finding("store", "problem", f"{shown} refuses ({error.code} {hidden(str(error.reason))})", remedy)
    except (URLError, OSError, HTTPException) as error:
        return Finding("store", "problem", f"{shown} does not answer ({hidden(str(error))})", remedy)


def _runs(path: Path) -> Iterator[Finding]:
    from thecal.experiments.tracking.census import census
    from thecal.experiments.tracking.schema import State, installed_revisions
    from thecal.experiments.tracking.store import client_address, store_uri

    found = census(path, _WAIT_S)
    if found.state is State.NEW:
        yield Finding("store", "ok", f"{path} is empty; the first tracked run fills it")
        return
    fits = "that of the installed MLflow" if installed_revisions()[0] else "MLflow is not installed"
    text = f"{path}, {size(path.stat().st_size)}, schema {found.revision} ({fits}): {found.runs} runs, {found.running} running"
    yield Finding("store", "ok", text)
    if found.left:
        shown = ", ".join(found.left[:_SHOWN]) + (", ..." if len(found.left) > _SHOWN else "")
        text = f"{len(found.left)} runs were left RUNNING by processes that are gone: {shown}"
        code = (
            f"from mlflow import MlflowClient; c = MlflowClient({client_address(store_uri())!r}); "
            f"[c.set_terminated(run, 'KILLED') for run in {' '.join(found.left[:_MARKED])!r}.split()]"
        )
        yield Finding("store", "note", text, f"mark them: python -c {shlex.quote(code)}")


def proofs() -> Iterator[Finding]:
    """Whether the shield is proved for every shipped limit profile."""
    from thecal.safety.certificate import is_proved
    from thecal.safety.profiles import load_profile, profile_names

    proved = {name: is_proved(load_profile(name)) for name in profile_names()}
    lacking = [name for name, holds in proved.items() if not holds]
    if lacking:
        yield Finding("proofs", "problem", f"not proved: {', '.join(lacking)}", f"thecal verify {' '.join(lacking)}")
    else:
        yield Finding("proofs", "ok", f"the shield is proved for {', '.join(proved)}")


def structures() -> Iterator[Finding]:
    """Whether the second structural model is offered, and whether that was counted for the patients as they are."""
    from thecal.physiology.structures import SECOND, read_record, second_offered, why_not

    record, remedy = read_record(), "in a checkout: thecal validate --full --record ."
    if not second_offered():
        yield Finding("second structure", "ok", why_not())
    elif record is not None and record.stale:
        yield Finding(
            "second structure", "note", f"offered by a score of {record.date}; the patients changed since", remedy
        )
    elif record is not None:
        yield Finding("second structure", "ok", f"offered: it reproduces {record.structures[SECOND].text}")


def checkout() -> Iterator[Finding]:
    """Which code this is."""
    from thecal.experiments.tracking.checkout import git_state

    state = git_state()
    changed = state["dirty"] == "true"
    text = "an installed package" if state["commit"] == "unknown" else f"commit {state['commit'][:12]}"
    yield Finding(
        "code",
        "note" if changed else "ok",
        f"{text}{', with changes that are not committed' if changed else ''}",
        "commit them before a run that is to be repeated" if changed else "",
    )


def _show(findings: Iterable[Finding]) -> None:
    from rich.text import Text

    console = output()
    for one in findings:
        line = Text.assemble((f"{one.level:<8}", _STYLES[one.level]), f"{one.about}: {one.text}")
        console.print(line, soft_wrap=True, highlight=False)
        if one.remedy:
            console.print(Text(f"        → {one.remedy}"), soft_wrap=True, highlight=False)


def _plain(error: Exception) -> str:
    from thecal.experiments.tracking.address import hidden

    return hidden(" ".join(str(error).split()))
