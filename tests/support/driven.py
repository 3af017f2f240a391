"""A Chromium that a test drives by clicks and keys: every message of its console, every request and every failure is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from support.browser import chromium

SECONDS = 60.0


@contextmanager
def driven() -> Iterator[Browser]:
    """The installed Chromium without a window; nothing is downloaded."""
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ]
    with sync_playwright() as program:
        browser = program.chromium.launch(executable_path=chromium(), args=flags)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seen:
    """What a window did while it was watched."""

    page: Page
    console: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)

    def clean(self, host: str) -> None:
        """See that nothing was logged or refused, and that nobody but ``host`` was asked."""
        assert self.console == []
        assert self.failed == []
        assert self.hosts == {host}


def watched(context: BrowserContext) -> Seen:
    """A new window of a context, watched from its first request on."""
    seen = Seen(context.new_page())
    seen.page.set_default_timeout(1000.0 * SECONDS)
    seen.page.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    seen.page.on("pageerror", lambda error: seen.console.append(f"error: {error}"))
    seen.page.on("request", lambda request: seen.hosts.add(urlsplit(request.url).netloc))
    seen.page.on("response", lambda answer: seen.failed.append(answer.url) if answer.status >= 400 else None)
    return seen


def until(page: Page, true: Callable[[], Any], what: str) -> Any:
    """Wait until something is true of a page; what it is is told when it never becomes so."""
    end = time.monotonic() + SECONDS
    while not (found := true()):
        assert time.monotonic() < end, f"never seen: {what}"
        page.wait_for_timeout(50)
    return found


def complete(page: Page) -> None:
    """Wait until all of a patient's page is drawn."""
    marks = "performance.getEntriesByName('patient-complete').length"
    until(page, lambda: page.evaluate(marks), "the whole patient")
