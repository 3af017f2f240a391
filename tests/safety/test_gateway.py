"""Typed commands: a good one becomes integers, every bad one a named reason, and nothing that arrives can raise."""

from __future__ import annotations

import math
from collections import UserDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.safety.gateway import MALFORMED, STALE, UNITS, USABLE, Gateway, sign
from thecal.safety.tokens import Token

TOKEN = "a phrase that no agent holds"

GOOD = {
    "id": "a",
    "seen": 7,
    "issued_s": 1_000.0,
    "rate": 0.288,
    "bolus": 5.0,
    "units": {"rate": "mL/d", "bolus": "uL"},
}


def _read(gateway: Gateway | None = None, **changes: object):  # type: ignore[no-untyped-def]
    command = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return (gateway or Gateway(10_000.0, 300.0)).read(command, now_s=1_060.0, head=7, rate_nl=2_800)


def test_a_good_command_becomes_integers() -> None:
    read = _read()
    assert (read.rate_nl, read.bolus_nl, read.valid) == (3_000, 5_000, USABLE)
    whole = _read(rate=3_000, bolus=5_000, units={"rate": "nL/tick", "bolus": "nL"}, dose_ug_per_d=2_880.0)
    assert (whole.rate_nl, whole.bolus_nl, whole.valid) == (3_000, 5_000, USABLE)


@pytest.mark.parametrize(
    ("changes", "valid", "reason"),
    [
        ({"rate": ...}, MALFORMED, "missing"),
        ({"extra": 1}, MALFORMED, "unknown"),
        ({"rate": math.nan}, MALFORMED, "not finite"),
        ({"rate": math.inf}, MALFORMED, "not finite"),
        ({"rate": -0.1}, MALFORMED, "negative"),
        ({"rate": True}, MALFORMED, "number"),
        ({"rate": "0.3"}, MALFORMED, "number"),
        ({"bolus": [1.0]}, MALFORMED, "number"),
        ({"issued_s": None}, MALFORMED, "number"),
        ({"id": 3}, STALE, "no usable id"),
        ({"id": ""}, STALE, "no usable id"),
        ({"seen": 6}, STALE, "before event 7"),
        ({"issued_s": 759.0}, STALE, "issued 301 s ago"),
        ({"issued_s": 1_061.0}, STALE, "issued -1 s ago"),
        ({"units": "mL/d"}, UNITS, "missing"),
        ({"units": {"rate": "mL/h", "bolus": "uL"}}, UNITS, "unknown units"),
        ({"dose_ug_per_d": 288.0}, UNITS, "stated dose"),
        ({"rate": 2.88}, UNITS, "times the rate in force"),
        ({"rate": 0.0288}, UNITS, "times the rate in force"),
        ({"rate": 288.0}, UNITS, "times the rate in force"),
        ({"rate": 24 * 0.2688}, UNITS, "24 times the rate in force"),
        ({"rate": 0.2688 / 24}, UNITS, "times the rate in force"),
        ({"rate": 15 * 0.2688}, UNITS, "15 times the rate in force"),
        ({"rate": 0.0}, UNITS, "0 times the rate in force"),
        ({"rate": 1.0e-9}, UNITS, "times the rate in force"),
        ({"rate": 9.0e-5}, UNITS, "times the rate in force"),
        ({"dose_ug_per_d": 0.0}, UNITS, "stated dose"),
        ({"rate": 1.0e-9, "dose_ug_per_d": 0.0}, UNITS, "stated dose"),
        ({"signed": True}, UNITS, "signature"),
        ({"rate": 2.88, "signed": True}, UNITS, "signature"),
    ],
)
def test_a_bad_command_is_refused_with_its_reason(changes: dict[str, object], valid: int, reason: str) -> None:
    read = _read(**changes)
    assert (read.rate_nl, read.bolus_nl, read.valid) == (0, 0, valid)
    assert reason in read.reason


def _signed(gateway: Gateway, token: str = TOKEN, rate_nl: int = 2_800, **changes: object):  # type: ignore[no-untyped-def]
    command = {**GOOD, **changes}
    command["signed"] = sign(command, token)
    return gateway.read(command, now_s=1_060.0, head=7, rate_nl=rate_nl)


def test_a_clinicians_signature_lets_a_fold_through_once() -> None:
    gateway = Gateway(10_000.0, 300.0, token=Token(TOKEN))
    read = _signed(gateway, rate=2.88)
    assert (read.valid, read.rate_nl, read.signed) == (USABLE, 30_000, True)
    assert _signed(gateway, rate=0.0, id="stop").valid == USABLE
    assert _signed(gateway, rate=0.288, id="start", rate_nl=0).valid == USABLE
    assert not _read(gateway, id="plain").signed
    assert _signed(Gateway(10_000.0, 300.0), rate=2.88).valid == UNITS, "without a token nothing can be signed"
    wrong = Token(TOKEN)
    assert _signed(Gateway(10_000.0, 300.0, token=wrong), token=TOKEN + "x", rate=2.88).valid == UNITS
    assert wrong.refused == 1
    used = Token(TOKEN)
    assert _signed(Gateway(10_000.0, 300.0, token=used), rate=2.88).valid == USABLE
    assert _signed(Gateway(10_000.0, 300.0, token=used), rate=2.88).valid == UNITS, "nor again in another episode"


@pytest.mark.parametrize(
    "change",
    [
        {"id": "b"}, {"issued_s": 1_001.0}, {"rate": 2.89}, {"bolus": 5.1}, {"units": {"rate": "nL/tick", "bolus": "uL"}},
        {"units": {"rate": "mL/d", "bolus": "nL"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_signature_fits_one_command_only(change: dict[str, object]) -> None:
    signature = sign({**GOOD, "rate": 2.88}, TOKEN)
    read = _read(Gateway(10_000.0, 300.0, token=Token(TOKEN)), **{"rate": 2.88, **change, "signed": signature})
    assert (read.valid, read.reason) == (UNITS, "the signature does not fit the command")


@pytest.mark.parametrize("signature", ["", "0" * 64, "é", "yes", 1, b"x", True, [1], {"a": 1}])
def test_what_is_no_signature_signs_nothing(signature: object) -> None:
    gateway = Gateway(10_000.0, 300.0, token=Token(TOKEN))
    assert _read(gateway, rate=2.88, signed=signature).valid == UNITS


class Turning(UserDict[str, str]):
    """Units that are others once they were read."""

    def __getitem__(self, key: str) -> str:
        read, self.data[key] = self.data[key], "nL"
        return read


def test_a_signature_is_checked_with_the_units_that_were_read() -> None:
    signature = sign({**GOOD, "rate": 2.88}, TOKEN)
    gateway = Gateway(10_000.0, 300.0, token=Token(TOKEN))
    read = _read(gateway, rate=2.88, units=Turning(rate="mL/d", bolus="uL"), signed=signature)
    assert (read.valid, read.rate_nl, read.bolus_nl, read.signed) == (USABLE, 30_000, 5_000, True)


def test_a_signature_of_other_letters_is_a_wrong_one() -> None:
    token = Token(TOKEN)
    read = _read(Gateway(10_000.0, 300.0, token=token), signed="é" * 64)
    assert (read.valid, read.reason) == (UNITS, "the signature does not fit the command")
    assert token.refused == 1


def test_a_standstill_may_be_held_and_nothing_else_unsigned() -> None:
    def at_rest(rate: float, **changes: object) -> int:
        command = {**GOOD, "rate": rate, "bolus": 0.0, **changes}
        return Gateway(10_000.0, 300.0).read(command, now_s=1_060.0, head=7, rate_nl=0).valid

    assert at_rest(0.0) == USABLE
    assert at_rest(0.0, dose_ug_per_d=0.0) == USABLE
    assert at_rest(0.288) == UNITS
    assert at_rest(1.0e-3) == UNITS
    assert at_rest(1.0e-9) == USABLE, "less than a nL is nothing"


def test_a_bolus_many_times_the_last_is_asked_about() -> None:
    gateway = Gateway(10_000.0, 300.0, token=Token(TOKEN))
    assert _read(gateway, id="1", bolus=5.0).valid == USABLE
    assert _read(gateway, id="2", bolus=39.0).valid == USABLE
    assert _read(gateway, id="3", bolus=0.0).valid == USABLE
    read = _read(gateway, id="4", bolus=390.0)
    assert (read.valid, read.reason) == (UNITS, "10 times the last bolus")
    assert _signed(gateway, id="5", bolus=390.0).valid == USABLE


def test_an_id_of_a_good_command_acts_once() -> None:
    gateway = Gateway(10_000.0, 300.0)
    assert _read(gateway).valid == USABLE
    assert _read(gateway).reason == "repeated"
    assert _read(gateway, id="b").valid == USABLE


def test_an_id_acts_once_however_many_came_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(10_000.0, 300.0)
    assert _read(gateway).valid == USABLE
    for i in range(10_000):
        assert _read(gateway, id=f"later {i}").valid == USABLE
    assert _read(gateway).reason == "repeated"
    assert _read(Gateway(10_000.0, 300.0, gateway.known)).reason == "repeated", "through a snapshot too"
    monkeypatch.setattr("thecal.safety.gateway._REMEMBERED", len(gateway.known))
    assert "no more" in _read(gateway, id="one too many").reason
    assert _read(gateway, id="one too many").valid == STALE, "and none is forgotten for it"
    assert _read(gateway).reason == "repeated"


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
ANYTHING = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), PLAIN, max_size=3)


@settings(max_examples=1_000, deadline=None)
@given(
    st.one_of(ANYTHING, st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, ANYTHING)).map(lambda d: {**GOOD, **d}))
)
def test_a_thousand_malformed_commands_end_in_a_reason(command: object) -> None:
    read = Gateway(10_000.0, 300.0).read(command, now_s=1_060.0, head=7, rate_nl=2_800)
    assert read.valid in (USABLE, MALFORMED, STALE, UNITS)
    assert isinstance(read.rate_nl, int)
    assert isinstance(read.bolus_nl, int)
    assert read.valid == USABLE or (read.reason and read.rate_nl == read.bolus_nl == 0)
