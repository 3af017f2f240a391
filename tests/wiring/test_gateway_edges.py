"""Both edges of every rule for typed commands, the words of each refusal, and what a gateway keeps from one to the next."""

from __future__ import annotations

import decimal
import hashlib
import hmac
import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from thecal.safety.gateway import MALFORMED, STALE, UNITS, USABLE, Gateway, Reading, _is_folded, _number, sign
from thecal.safety.records import REQUEST_LIMIT
from thecal.safety.tokens import Token

TOKEN = "a phrase that no agent holds"
NL = {"rate": "nL/tick", "bolus": "nL"}
GOOD: dict[Any, Any] = {"id": "a", "seen": 7, "issued_s": 1_000.0, "rate": 3_000, "bolus": 5_000, "units": NL}


def ask(gateway: Gateway | None = None, now_s: float = 1_060.0, rate_nl: int = 2_800, **changes: Any) -> Reading:
    """The reading of the good command with changes; ``...`` leaves an entry out."""
    command = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return (gateway or Gateway(10_000.0, 300.0)).read(command, now_s=now_s, head=7, rate_nl=rate_nl)


@cache
def _key() -> bytes:
    return hashlib.pbkdf2_hmac("sha256", TOKEN.encode(), b"thecal: signatures of typed commands", 50_000)


def signature(command: dict[Any, Any]) -> str:
    """A clinician's signature, worked out anew."""
    numbers = [float(command[name]).hex() for name in ("issued_s", "rate", "bolus", "seen")]
    content = [command["id"], *numbers, command["units"]["rate"], command["units"]["bolus"]]
    return hmac.new(_key(), json.dumps(content).encode(), hashlib.sha256).hexdigest()


class Text(str):
    """No plain text: it could answer otherwise the next time."""


class Many(dict[str, None]):
    """Ids, as if a million less one had been read before."""

    def __len__(self) -> int:
        return super().__len__() + (1 << 20) - 1


class Raising(Mapping[Any, Any]):
    """A mapping that cannot be read."""

    def __getitem__(self, key: Any) -> Any:
        raise LookupError(key)

    def __iter__(self) -> Iterator[Any]:
        return iter(GOOD)

    def __len__(self) -> int:
        return len(GOOD)


NUMBERLESS = "a number is missing, negative or not finite"
UNITLESS = "units of rate and bolus are missing"
DOSE = "the stated dose is not rate times concentration"
SIGNATURE = "the signature does not fit the command"
REFUSED: tuple[tuple[dict[Any, Any], int, str], ...] = (
    ({"rate": ...}, MALFORMED, "fields missing ['rate'], unknown []"),
    ({"seen": ..., "bolus": ...}, MALFORMED, "fields missing ['bolus', 'seen'], unknown []"),
    ({"note": 1, "extra": 2}, MALFORMED, "fields missing [], unknown ['extra', 'note']"),
    ({"id": ..., "units": ..., "extra": 2}, MALFORMED, "fields missing ['id', 'units'], unknown ['extra']"),
    ({"issued_s": ...}, MALFORMED, "fields missing ['issued_s'], unknown []"),
    *(({name: math.nan}, MALFORMED, NUMBERLESS) for name in ("seen", "issued_s", "rate", "bolus")),
    *(({name: math.inf}, MALFORMED, NUMBERLESS) for name in ("seen", "issued_s", "rate", "bolus")),
    *(({name: "1"}, MALFORMED, NUMBERLESS) for name in ("seen", "issued_s", "rate", "bolus")),
    *(({name: -0.5}, MALFORMED, NUMBERLESS) for name in ("rate", "bolus")),
    ({"id": Text("a")}, STALE, "no usable id"),
    ({"id": ""}, STALE, "no usable id"),
    ({"id": b"a"}, STALE, "no usable id"),
    ({"id": "x" * 129}, STALE, "no usable id"),
    ({"seen": 6}, STALE, "written before event 7 was seen"),
    ({"seen": 8}, STALE, "written before event 7 was seen"),
    ({"issued_s": 759.6}, STALE, "issued 300 s ago"),
    ({"issued_s": 1_060.6}, STALE, "issued -1 s ago"),
    ({"units": {}}, UNITS, UNITLESS),
    ({"units": ["rate", "bolus"]}, UNITS, UNITLESS),
    ({"units": {"rate": "nL/tick"}}, UNITS, UNITLESS),
    ({"units": {**NL, "dose": "ug"}}, UNITS, UNITLESS),
    ({"units": {Text("rate"): "nL/tick", "bolus": "nL"}}, UNITS, UNITLESS),
    ({"units": {"rate": Text("nL/tick"), "bolus": "nL"}}, UNITS, "unknown units: not texts"),
    ({"units": {"rate": "nL/tick", "bolus": 3}}, UNITS, "unknown units: not texts"),
    ({"units": {"rate": "mL/h", "bolus": "nL"}}, UNITS, "unknown units 'mL/h', 'nL'"),
    ({"units": {"rate": "nL/tick", "bolus": "mL"}}, UNITS, "unknown units 'nL/tick', 'mL'"),
    ({"dose_ug_per_d": 1_440.0}, UNITS, DOSE),
    ({"dose_ug_per_d": 4_320.0}, UNITS, DOSE),
    ({"dose_ug_per_d": 2_880.0 * (1 + 2e-9)}, UNITS, DOSE),
    ({"dose_ug_per_d": 2_880.0 * (1 - 2e-9)}, UNITS, DOSE),
    ({"dose_ug_per_d": "2880"}, UNITS, DOSE),
    ({"dose_ug_per_d": False}, UNITS, DOSE),
    ({"rate": 1e305, "units": {"rate": "mL/d", "bolus": "nL"}, "dose_ug_per_d": 1.0}, UNITS, DOSE),
    ({"signed": "x"}, UNITS, SIGNATURE),
    ({"signed": 1}, UNITS, SIGNATURE),
    ({"rate": 22_400}, UNITS, "8 times the rate in force"),
    ({"rate": 350}, UNITS, "0.125 times the rate in force"),
    ({"rate": 0}, UNITS, "0 times the rate in force"),
    ({"rate": 69_135.8}, UNITS, "24.69 times the rate in force"),
    ({"rate": 1e30}, UNITS, "3.571e+26 times the rate in force"),
)  # fmt: skip


def test_each_refusal_has_its_words() -> None:
    for changes, valid, words in REFUSED:
        assert ask(**changes) == Reading(0, 0, valid, words, signed=False), changes
    assert ask(rate_nl=0) == Reading(0, 0, UNITS, "3000 times the rate in force")
    assert ask(rate_nl=-5) == Reading(0, 0, UNITS, "3000 times the rate in force")
    gateway = Gateway(10_000.0, 300.0)
    for nothing in (None, [GOOD], "command", list(GOOD.items())):
        assert gateway.read(nothing, now_s=1_060.0, head=7, rate_nl=2_800) == Reading(0, 0, MALFORMED, "not a mapping")
    broken = gateway.read(Raising(), now_s=1_060.0, head=7, rate_nl=2_800)
    assert broken == Reading(0, 0, MALFORMED, "unreadable (LookupError)")
    for key, shown in ((1, "1"), (Text("signed"), "signed"), (None, "None")):
        read = gateway.read({**GOOD, key: 1}, now_s=1_060.0, head=7, rate_nl=2_800)
        assert read == Reading(0, 0, MALFORMED, f"fields missing [], unknown ['{shown}']")


def test_at_the_edge_a_command_is_usable() -> None:
    cases: tuple[tuple[dict[str, Any], int, int], ...] = (
        ({}, 3_000, 5_000),
        ({"id": "x" * 128}, 3_000, 5_000),
        ({"seen": 7.0}, 3_000, 5_000),
        ({"issued_s": 760.0}, 3_000, 5_000),
        ({"issued_s": 1_059.5}, 3_000, 5_000),
        ({"issued_s": 1_060.0}, 3_000, 5_000),
        ({"bolus": 0}, 3_000, 0),
        ({"bolus": 0.9}, 3_000, 0),
        ({"bolus": 1}, 3_000, 1),
        ({"rate": 22_399}, 22_399, 5_000),
        ({"rate": 351}, 351, 5_000),
        ({"rate": 2_999.9999995, "bolus": 4_999.9999995}, 3_000, 5_000),
        ({"rate": 2_999.9999, "bolus": 4_999.9999}, 2_999, 4_999),
        ({"rate": 3_000.5, "bolus": 5_000.5}, 3_000, 5_000),
        ({"dose_ug_per_d": 2_880.0}, 3_000, 5_000),
        ({"dose_ug_per_d": 2_880.0 * (1 + 0.9e-9)}, 3_000, 5_000),
        ({"dose_ug_per_d": 2_880.0 * (1 - 0.9e-9)}, 3_000, 5_000),
        ({"dose_ug_per_d": None, "signed": None}, 3_000, 5_000),
        ({"rate": 0.288, "units": {"rate": "mL/d", "bolus": "nL"}}, 3_000, 5_000),
        ({"bolus": 7.25, "units": {"rate": "nL/tick", "bolus": "uL"}}, 3_000, 7_250),
        ({"bolus": 1e30}, 3_000, REQUEST_LIMIT),
    )
    for changes, rate, bolus in cases:
        assert ask(**changes) == Reading(rate, bolus, USABLE, "", signed=False), changes
    assert ask(rate=0, rate_nl=0) == Reading(0, 5_000, USABLE)
    assert ask(rate=0, rate_nl=-5) == Reading(0, 5_000, USABLE)


def test_a_change_of_rate_is_folded_from_eight_on() -> None:
    cases: tuple[tuple[float, int, int, bool], ...] = (
        (0.0, 0, 0, False), (0.0, 0, -3, False), (0.0, 0, 1, True), (1.0, 1, 0, True), (1.0, 1, -3, True), (0.0, 0, 9, True),
        (1.0, 1, 2, False), (1.0, 1, 1, False), (2.0, 2, 1, False), (8.0, 8, 1, True), (7.0, 7, 1, False), (1.0, 1, 8, True),
        (1.0, 1, 7, False), (0.5, 0, 1, True), (800.0, 800, 100, True), (799.9, 799, 100, False), (100.0, 100, 800, True),
        (100.1, 100, 800, False),
    )  # fmt: skip
    for rate, whole, rate_nl, due in cases:
        assert _is_folded(rate, whole, rate_nl) is due, (rate, whole, rate_nl)


def test_no_more_than_sixteen_entries_are_read() -> None:
    optional: dict[str, Any] = {"dose_ug_per_d": 2_880.0, "signed": None}
    letters = [f"x{k}" for k in range(10, 22)]
    for read in (ask(**optional, **dict.fromkeys(letters[:n], 1)) for n in (8, 9, 12)):
        assert read.reason == f"fields missing [], unknown {letters[:8]}"
    assert ask(**optional, **dict.fromkeys(letters[:7], 1)).reason == f"fields missing [], unknown {letters[:7]}"
    units = {**NL, **dict.fromkeys(letters, "nL")}
    assert ask(units=units).reason == UNITLESS


def test_a_reason_has_at_most_two_hundred_letters() -> None:
    whole = "fields missing [], unknown ['" + "x" * 300 + "']"
    assert ask(**{"x" * 300: 1}).reason == whole[:200]


def test_an_id_that_was_read_is_kept_and_no_other() -> None:
    gateway = Gateway(10_000.0, 300.0, ("old", "older"))
    assert gateway.known == ("old", "older")
    assert ask(gateway, id="old") == Reading(0, 0, STALE, "repeated")
    asked: tuple[tuple[dict[str, Any], int], ...] = (
        ({"bolus": -1}, MALFORMED), ({"seen": 6}, STALE), ({"issued_s": 0.0}, STALE), ({"units": {}}, UNITS),
        ({"rate": 0}, UNITS), ({}, USABLE),
    )  # fmt: skip
    for k, (changes, valid) in enumerate(asked):
        assert ask(gateway, id=f"n{k}", **changes).valid == valid
    assert gateway.known == ("old", "older", "n1", "n2", "n3", "n4", "n5")
    for name in gateway.known:
        assert ask(gateway, id=name) == Reading(0, 0, STALE, "repeated")
    assert ask(gateway, id="n0").valid == USABLE


def test_a_million_ids_are_kept_and_then_no_command_is_taken() -> None:
    gateway = Gateway(10_000.0, 300.0)
    gateway._known = Many()
    assert ask(gateway, id="the last").valid == USABLE
    due = Reading(0, 0, STALE, "1048576 commands are remembered, and no more can be")
    assert ask(gateway, id="one too many") == due
    assert ask(gateway, id="one too many") == due
    assert ask(gateway, id="the last").reason == "repeated"


def test_a_bolus_is_compared_with_the_last_that_was_taken() -> None:
    gateway = Gateway(10_000.0, 300.0, token=Token(TOKEN))
    signed = {**GOOD, "id": "signed", "bolus": 400}
    steps: tuple[tuple[dict[str, Any], str], ...] = (
        ({"bolus": 0}, ""), ({"bolus": 5}, ""),
        ({"bolus": 40}, "8 times the last bolus"),
        ({"bolus": 39.9}, ""),
        ({"bolus": 0}, ""),
        ({"bolus": 312}, "8 times the last bolus"),
        ({"bolus": 311.9, "rate": 0}, "0 times the rate in force"),
        ({"bolus": 1_000}, "25.64 times the last bolus"),
        ({**signed, "signed": signature(signed)}, ""),
        ({"bolus": 3_200}, "8 times the last bolus"),
        ({"bolus": 3_199}, ""), ({"bolus": 1}, ""), ({"bolus": 8}, "8 times the last bolus"), ({"bolus": 7}, ""),
    )  # fmt: skip
    for k, (changes, words) in enumerate(steps):
        read = ask(gateway, **{"id": str(k), **changes})
        assert read.reason == words, (k, changes)
        assert read.valid == (UNITS if words else USABLE)


def test_a_signature_is_over_all_that_is_asked() -> None:
    command = {**GOOD, "seen": 9, "issued_s": 1.5, "rate": 0.3, "bolus": 2.5, "units": {"rate": "mL/d", "bolus": "uL"}}
    assert sign(command, TOKEN) == signature(command)


def test_a_signed_command_is_taken_as_it_stands() -> None:
    token = Token(TOKEN)
    gateway = Gateway(10_000.0, 300.0, token=token)
    command = {**GOOD, "rate": 1e30, "bolus": 1e30}
    given = signature(command)
    assert ask(gateway, **{**command, "signed": given}) == Reading(
        REQUEST_LIMIT, REQUEST_LIMIT, USABLE, "", signed=True
    )
    assert ask(gateway, **{**command, "id": "b", "signed": given}) == Reading(0, 0, UNITS, SIGNATURE)
    stopped = {**GOOD, "id": "c", "rate": 0, "bolus": 0}
    assert ask(gateway, **{**stopped, "signed": signature(stopped)}) == Reading(0, 0, USABLE, "", signed=True)
    assert (
        ask(gateway, id="d", rate=22_400, signed=Text(signature({**GOOD, "id": "d", "rate": 22_400}))).reason
        == SIGNATURE
    )
    assert token.refused == 1, "what is no plain text is not even compared"
    assert ask(Gateway(1.0, 300.0), signed=signature(GOOD)).reason == SIGNATURE


def test_what_is_a_number() -> None:
    for value, due in (
        (3, 3.0),
        (2.5, 2.5),
        (np.int64(4), 4.0),
        (np.float32(0.5), 0.5),
        (10**400, math.inf),
        (-(10**9), -1e9),
    ):
        assert _number(value) == due
        assert type(_number(value)) is float
    for nothing in (
        True,
        False,
        np.True_,
        np.timedelta64(5, "s"),
        "3",
        b"3",
        None,
        [3],
        decimal.Decimal(3),
        3j,
        math.nan,
    ):
        assert math.isnan(_number(nothing)), nothing


def test_age_and_concentration_are_the_gateways_own() -> None:
    for age, valid in ((0.0, USABLE), (60.0, USABLE), (60.5, STALE)):
        assert ask(Gateway(10_000.0, 60.0), now_s=1_000.0 + age).valid == valid
    for conc, dose in ((500.0, 144.0), (10_000.0, 2_880.0), (0.5, 0.144)):
        assert ask(Gateway(conc, 300.0), dose_ug_per_d=dose).valid == USABLE
        assert ask(Gateway(conc, 300.0), dose_ug_per_d=2 * dose).reason == DOSE


@pytest.mark.parametrize("part", ["rate", "bolus"])
def test_a_unit_is_that_of_its_own_number(part: str) -> None:
    units: dict[str, str] = {"rate": "mL/d", "bolus": "uL"}
    numbers: dict[str, Any] = {"rate": 0.3, "bolus": 1.5}
    due = {"rate": 3_125, "bolus": 1_500}
    read = ask(rate_nl=2_800, units={**NL, part: units[part]}, **{part: numbers[part]})
    assert {"rate": read.rate_nl, "bolus": read.bolus_nl} == {"rate": 3_000, "bolus": 5_000, part: due[part]}
