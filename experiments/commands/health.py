"""What ``thecal doctor`` looks at: each check by itself, quick, and without importing what it looks at."""

from __future__ import annotations

import locale
import operator
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from thecal.core.extras import EXTRAS, missing
from thecal.core.machine import available_cores, free_memory, granted_cores

Level = Literal["ok", "note", "problem"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_LITTLE_DISK, _NO_DISK, _LITTLE_MEMORY = 2**30, 100 * 2**20, 2 * 2**30
_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "NUMBA_THREADING_LAYER")
_REQUIRED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?([^;]*)(?:;\s*extra\s*==\s*['\"](\w+)['\"])?$")
_BOUND = re.compile(r"(>=|<=|<|==|!=|>)\s*([0-9][0-9.]*)")
_SIGNS = {
    ">=": operator.ge, "<=": operator.le, "<": operator.lt, ">": operator.gt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_NUMPY_BOUND = re.compile(r"numpy_version > \((\d+), (\d+)\)")


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it stands, and what to do about it (empty where nothing is to be done)."""

    about: str
    level: Level
    text: str
    remedy: str = ""


def python() -> Iterator[Finding]:
    """Thecal itself and the Python that runs it."""
    from thecal import __version__

    place = find_spec("thecal")
    yield Finding(
        "thecal", "ok", f"{__version__} in {Path(place.origin).parent if place and place.origin else 'unknown'}"
    )
    known = (3, 11) <= sys.version_info[:2] <= (3, 13)
    text = f"{platform.python_version()} ({sys.executable}) on {platform.platform()}"
    yield Finding("python", "ok" if known else "problem", text, "" if known else "use Python 3.11, 3.12 or 3.13")


def packages() -> Iterator[Finding]:
    """Required packages and those of extras: present, new enough, and fit for each other."""
    wanted = _requirements()
    base = {name: bounds for name, bounds, extra in wanted if not extra}
    yield from _versions("packages", base, "pip install --upgrade thecal")
    for extra in EXTRAS:
        lacking = missing(extra)
        remedy = f"pip install 'thecal[{extra}]'"
        if lacking:
            yield Finding(f"extra {extra}", "note", f"not installed: {', '.join(lacking)}", remedy)
        else:
            yield from _versions(f"extra {extra}", {name: bounds for name, bounds, of in wanted if of == extra}, remedy)
    yield from _pair()


def _requirements() -> list[tuple[str, str, str]]:
    """Name, bounds and extra of what the installed package asks for."""
    rows = (_REQUIRED.match(text.replace(" ", "")) for text in metadata.requires("thecal") or ())
    return [(found[1], found[2], found[3] or "") for found in rows if found and found[1] != "thecal"]


def _versions(about: str, wanted: dict[str, str], remedy: str) -> Iterator[Finding]:
    found, wrong = [], []
    for name, bounds in wanted.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        found.append(f"{name} {version}")
        if not all(_holds(version, sign, bound) for sign, bound in _BOUND.findall(bounds)):
            wrong.append(f"{name} is {version}, needed is {bounds}")
    if wrong:
        yield Finding(about, "problem", "; ".join(wrong), remedy)
    elif found:
        yield Finding(about, "ok", ", ".join(found))


def _holds(version: str, sign: str, bound: str) -> bool:
    have, want = _numbers(version), _numbers(bound)
    width = max(len(have), len(want))
    have, want = have + (0,) * (width - len(have)), want + (0,) * (width - len(want))
    return bool(_SIGNS[sign](have, want))


def _numbers(version: str) -> tuple[int, ...]:
    """The release of a version as numbers, without what marks a pre-release or a local build."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _pair() -> Iterator[Finding]:
    """Numba says in its own source which NumPy is too new for it."""
    spec = find_spec("numba")
    if spec is None or spec.origin is None:
        return
    bound = _NUMPY_BOUND.search(Path(spec.origin).read_text(encoding="utf-8"))
    have = _numbers(metadata.version("numpy"))[:2]
    if bound and have > (int(bound[1]), int(bound[2])):
        most = f"{bound[1]}.{bound[2]}"
        text = f"numba {metadata.version('numba')} does not run with numpy {metadata.version('numpy')} (at most {most})"
        yield Finding("packages", "problem", text, f"pip install --upgrade numba, or pip install 'numpy<={most}.99'")


def threads() -> Iterator[Finding]:
    """Cores, and the variables that say how many threads work on them."""
    cores, granted = available_cores(), granted_cores()
    given = {name: os.environ[name] for name in _THREADS if name in os.environ}
    said = ", ".join(f"{name}={value}" for name, value in given.items()) or "no variable limits them"
    yield Finding(
        "cores",
        "ok",
        f"{cores} of {os.cpu_count()} may be used; threads: {given.get('NUMBA_NUM_THREADS', cores)} ({said})",
    )
    for name, value in given.items():
        if name.endswith("_THREADS") and not (value.isdigit() and int(value) > 0):
            yield Finding("threads", "problem", f"{name}={value} is no number of threads", f"unset {name}")
        elif name.endswith("_THREADS") and int(value) > cores:
            yield Finding("threads", "note", f"{name}={value} is more than {cores} cores", f"set {name}={cores}")
    if granted is not None and granted < cores:
        text = f"the container grants the time of {granted:g} cores, of {cores} that are seen"
        yield Finding("threads", "note", text, f"set NUMBA_NUM_THREADS={max(1, int(granted))}")


def space() -> Iterator[Finding]:
    """Free disk where things are written, and free memory."""
    for about, place in (("working folder", Path.cwd()), ("temporary folder", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(place).free
        if not os.access(place, os.W_OK):
            yield Finding(about, "problem", f"{place} cannot be written", "go to another folder, or set TMPDIR")
        elif free < _LITTLE_DISK:
            yield Finding(about, "problem" if free < _NO_DISK else "note", f"{place}: {size(free)} free", "make room")
        else:
            yield Finding(about, "ok", f"{place}: {size(free)} free")
    memory = free_memory()
    if memory is None:
        yield Finding("memory", "ok", "this system does not say how much is free")
    elif memory < _LITTLE_MEMORY:
        yield Finding(
            "memory", "note", f"{size(memory)} free", "compare fewer patients at once; `thecal evaluate` streams them"
        )
    else:
        yield Finding("memory", "ok", f"{size(memory)} free")


def terminal() -> Iterator[Finding]:
    """Whether what is printed can be shown: encoding of the streams and of file names."""
    stream = (sys.stdout.encoding if sys.stdout else None) or "none"
    text = (
        f"output {stream}, file names {sys.getfilesystemencoding()}, locale {locale.setlocale(locale.LC_CTYPE, None)}"
    )
    unicode = stream.lower().replace("-", "") in ("utf8", "none")
    remedy = "" if unicode else "set PYTHONUTF8=1, or a locale of UTF-8 (LC_ALL=C.UTF-8)"
    yield Finding("terminal", "ok" if unicode else "note", f"{text}, TERM={os.environ.get('TERM', 'not set')}", remedy)


def settings() -> Iterator[Finding]:
    """Variables that change what runs do without being seen on the command line."""
    names = sorted(name for name in os.environ if name.startswith("THECAL_"))
    if names:
        yield Finding("settings", "note", f"the environment sets {', '.join(names)}", "unset what is not wanted")


def browser() -> Iterator[Finding]:
    """A browser for pages; only the project's own tests need one."""
    found = next((place for name in BROWSERS if (place := shutil.which(name))), None)
    if found:
        yield Finding("browser", "ok", found)
    else:
        yield Finding(
            "browser", "note", "no Chromium: reports open in any browser, only tests need this one", "install chromium"
        )


def size(count: int) -> str:
    """Bytes in words."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (python, packages, threads, space, terminal, settings, browser)
