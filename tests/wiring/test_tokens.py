"""What is kept of a token, what a state belongs to, and the bounds of a scenario's fields, against values worked out here."""

from __future__ import annotations

import hashlib
import os
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from thecal.core.errors import ConfigError
from thecal.envs import identity, options
from thecal.envs.kernel.records import WORLD, WORLD_PAR
from thecal.envs.kernel.step import SOURCE_KEY
from thecal.envs.options import Options
from thecal.safety.tokens import Token, signing_key

from support.kernel_copies import Spy

TOKEN = "sixteen letters!"


def derived(token: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", token.encode(), salt, 50_000)


def test_a_salted_hash_and_a_derived_key_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Spy(b"0123456789abcdef")
    monkeypatch.setattr(os, "urandom", drawn)
    token = Token(TOKEN)
    assert drawn.made == [(16,)]
    key = derived(TOKEN, b"thecal: signatures of typed commands")
    assert vars(token) == {
        "_salt": b"0123456789abcdef", "_hash": derived(TOKEN, b"0123456789abcdef"), "key": key, "refused": 0, "_used": set(),
    }  # fmt: skip
    assert signing_key(TOKEN) == key
    assert repr(token) == "<a clinician's token>"
    assert pickle.loads(pickle.dumps(token)) is None


def test_a_token_is_a_text_of_16_characters_or_more() -> None:
    assert len(TOKEN) == 16
    for short in (TOKEN[1:], "", TOKEN.encode(), 10**20, None, [TOKEN] * 20):
        with pytest.raises(ConfigError, match="^clinician_token: it must be a text of at least 16 characters$"):
            Token(short)  # type: ignore[arg-type]
    for none in (TOKEN.encode(), 3, None):
        with pytest.raises(ConfigError, match="^clinician_token: it must be a text$"):
            signing_key(none)  # type: ignore[arg-type]
    assert len(signing_key("short")) == 32, "what signs is checked where it is read"


def test_wrong_tokens_are_counted_and_right_ones_are_not() -> None:
    token = Token(TOKEN)
    shown = (TOKEN, TOKEN + "!", TOKEN.encode(), None, TOKEN, "é" * 16)
    assert [token.fits(one) for one in shown] == [True, False, False, False, True, False]
    assert token.refused == 4


def test_a_signature_counts_once() -> None:
    token = Token(TOKEN)
    given = (("ab", "ab"), ("ab", "ab"), ("cd", "ce"), ("cd", "cd"), ("ef", "é"), ("ef", ""), ("ef", "ef"))
    assert [token.uses(*one) for one in given] == [True, False, False, True, False, False, True]
    assert token.refused == 4


def scene(**changes: Any) -> Any:
    """All that a state's identity is read from, with every value its own."""
    parts: dict[str, Any] = {
        "task": SimpleNamespace(id="a task", hash="t1"), "profile": SimpleNamespace(name="a profile", hash="p1"),
        "cohort": SimpleNamespace(hash="c1"), "scenario": SimpleNamespace(stage="lower"), "mode": SimpleNamespace(name="MASK"),
        "structure": 2, "hash": "s1", "proved": False,
    }  # fmt: skip
    return SimpleNamespace(**{**parts, **changes})


def test_a_state_belongs_to_all_that_decides_how_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "kernel_hash", lambda: "k1")
    expected = {
        "task": "a task", "profile": "a profile", "mode": "mask", "stage": "lower", "proved": "no", "structure": "2",
        "scenario": "s1", "task_hash": "t1", "profile_hash": "p1", "cohort_hash": "c1", "kernel": "k1",
        "physics": hex(SOURCE_KEY)[2:],
        "layout": hashlib.sha256(f"({WORLD.descr!r}, {WORLD_PAR.descr!r})".encode()).hexdigest(),
    }  # fmt: skip
    asked = Spy(False)
    monkeypatch.setattr(identity, "is_proved", asked)
    assert list(identity.identity_of(scene()).items()) == list(expected.items())
    proved = scene(proved=True)
    with pytest.raises(ConfigError, match="^scenario: proved: no proof covers profile a profile as it is now$"):
        identity.identity_of(proved)
    assert asked.made == [(proved.profile,)]
    monkeypatch.setattr(identity, "is_proved", lambda profile: profile is proved.profile)
    assert identity.identity_of(proved) == {**expected, "proved": "yes"}


def test_a_field_keeps_its_default_and_words_in_another_class() -> None:
    for name, default, words in (
        ("split", "train", "Which disjoint patients: train, tune or test."),
        ("seed", 0, "Seed of the days: what happens to them."),
        ("profile", None, "Another limit profile than the task's, by name or .toml file."),
    ):  # fmt: skip
        field = Options.of_field(name)
        assert (field.default, field.description, field.metadata) == (default, words, [])


def test_an_episode_lasts_ten_years_at_most() -> None:
    assert options.LONGEST_D == 3_660
    assert Options(horizon_d=3_660).horizon_d == 3_660
    for days in (0, -1, 3_660.1):
        with pytest.raises(ValidationError):
            Options(horizon_d=days)


def test_a_text_that_is_no_unicode_is_a_wrong_token() -> None:
    token = Token("sixteen letters!")
    assert not token.fits("\ud800" * 16)
    assert token.refused == 1
