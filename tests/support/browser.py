"""A real Chromium without a window: the page as it stands after its scripts ran, what it logged, how it looks."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS = 120
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--window-size=1400,1000",
    "--enable-logging=stderr", "--virtual-time-budget=20000", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """The document after loading, and the lines its console received."""

    dom: str
    console: list[str]


def chromium() -> str:
    """Path of the browser; fails the test when there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise AssertionError("no Chromium was found: install it (apt-get install chromium) or set THECAL_NO_BROWSER=1")
    return found


def load(path: Path, folder: Path, *flags: str) -> Page:
    """Open a local page with a fresh profile in ``folder``."""
    command = [chromium(), *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return Page(done.stdout, re.findall(r"CONSOLE[:(].*", done.stderr))


def save(path: Path, target: Path, folder: Path, *flags: str) -> bytes:
    """Write the page as ``.png`` (what the window shows) or ``.pdf`` (what is printed)."""
    what = f"--print-to-pdf={target}" if target.suffix == ".pdf" else f"--screenshot={target}"
    command = [chromium(), *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, what, path.as_uri()]
    subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
    return target.read_bytes()
