"""Prints a page to PDF with a Chromium or Chrome that is there already; nothing is installed and nothing is loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from thecal.core.errors import MissingExtraError, StoreError
from thecal.core.files import write_whole

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 120
_FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--disable-quic", "--no-pdf-header-footer", "--virtual-time-budget=10000",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def browser() -> str:
    """Path of the browser.

    Raises:
        MissingExtraError: there is none; nothing has been done then.
    """
    found = next((path for name in _NAMES if (path := shutil.which(name)) is not None), None)
    if found is None:
        raise MissingExtraError(
            "a PDF needs Chromium or Chrome, and none is on the path: install one (apt-get install chromium), or print the "
            "HTML report from any browser"
        )
    return found


def write_pdf(page: str | Path, path: str | Path) -> Path:
    """Print the HTML file ``page`` to ``path`` (its folder is made if missing).

    Raises:
        MissingExtraError: there is no browser.
        StoreError: the browser fails, or the file cannot be written.
    """
    command = [browser(), *_FLAGS, *(["--no-sandbox"] if _is_root() else [])]
    with TemporaryDirectory(prefix="thecal-pdf-") as passing:
        printed = Path(passing) / "page.pdf"
        command += [f"--user-data-dir={passing}/profile", f"--print-to-pdf={printed}", Path(page).resolve().as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(f"{page}: cannot be printed ({type(error).__name__}: {error})") from error
        if done.returncode != 0 or not printed.is_file():
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StoreError(f"{page}: cannot be printed (the browser ended with {done.returncode}: {last})")
        return write_whole(path, printed.read_bytes())


def _is_root() -> bool:
    """Chromium's sandbox refuses to start for root, as in a container."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
