"""Who may ask the server: this machine's own page, and nobody else; what its answers may load: nothing from elsewhere.

The server listens on 127.0.0.1 only, so what has to be kept out is other pages in the same browser: one that reaches the port
by a name of its own (DNS rebinding, told by ``Host``), and one that asks from a foreign origin (told by ``Origin`` and, where
that is not sent, ``Sec-Fetch-Site``). Nothing is allowed to another origin, and reading is all there is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NAMES = ("127.0.0.1", "localhost")
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Refuses what does not come from the server's own page, and adds the headers to what is answered."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a web socket: there is none
        why = refusal(scope["method"], str(scope["path"]), _headers(scope))
        if why:
            await _refuse(send, *why)
            return

        async def told(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_encoded()]
            await send(message)

        await self._app(scope, receive, told)


def refusal(method: str, path: str, headers: dict[str, list[str]]) -> tuple[int, str] | None:
    """Status and reason where a request is refused; None where it may pass."""
    hosts = headers.get("host", [])
    if len(hosts) != 1 or hosts[0].partition(":")[0] not in NAMES:
        return 421, "the host of this page is 127.0.0.1 or localhost"
    if method != "GET":
        return 405, "this page only reads"
    if any(origin != f"http://{hosts[0]}" for origin in headers.get("origin", ())):
        return 403, "only the page of this server may ask it"
    site = headers.get("sec-fetch-site", ["none"])
    opened = path == "/" and headers.get("sec-fetch-mode") == ["navigate"]  # a link that leads here
    if site not in (["none"], ["same-origin"]) and not opened:
        return 403, "only the page of this server may ask it"
    return None


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _encoded() -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in _HEADERS.items()]


async def _refuse(send: Send, status: int, why: str) -> None:
    body = f"refused: {why}\n".encode()
    head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *_encoded()]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
