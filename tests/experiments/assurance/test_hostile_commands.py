"""Hostile commands come with the verdict they must get; a gateway that gives another one is found."""

from __future__ import annotations

import numpy as np
import pytest

from thecal.experiments.assurance.hostile_commands import WORDS, Sender
from thecal.safety.gateway import USABLE, Gateway, Reading


@pytest.mark.parametrize(
    ("kind", "due"), [("not a number", "malformed"), ("units", "wrong units"), ("replay", "stale or repeated")]
)
def test_the_gateway_gives_every_command_its_verdict(kind: str, due: str) -> None:
    sender = Sender(kind, Gateway(10_000.0, 300.0), np.random.default_rng(1))
    for k in range(3_000):
        sender.send(now_s=900.0 * k, head=k // 7, rate_nl=(0, 10, 2_600, 5_000)[k % 4])
    assert sender.wrong == []
    assert set(sender.sent) == {"usable", due}
    assert min(sender.sent.values()) > 500


class _Credulous(Gateway):
    def read(self, command: object, *, now_s: float, head: int, rate_nl: int) -> Reading:
        return Reading(rate_nl, 0, USABLE)


@pytest.mark.parametrize(("kind", "invariant"), [("not a number", 1), ("units", 2), ("replay", 3)])
def test_a_gateway_that_lets_a_command_through_is_found(kind: str, invariant: int) -> None:
    sender = Sender(kind, _Credulous(10_000.0, 300.0), np.random.default_rng(1))
    for k in range(50):
        sender.send(now_s=900.0 * k, head=k, rate_nl=2_600)
    assert {found for found, _ in sender.wrong} == {invariant}
    assert WORDS[USABLE] == "usable"
