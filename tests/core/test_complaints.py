"""Complaints of the checking library in plain words: where, what it must be, and what it was."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import core_schema

from thecal.core.complaints import first_reason, in_words


class Inner(BaseModel):
    """A table within."""

    model_config = ConfigDict(extra="forbid")

    x: int = 0


class Model(BaseModel):
    """One field of every kind."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    whole: int = Field(default=1, ge=0, lt=2**64)
    number: float = Field(default=1.0, gt=0, le=10)
    flag: bool = False
    name: str = Field(default="ab", min_length=2, pattern="^[a-z]+$")
    split: Literal["train", "tune", "test"] = "train"
    many: tuple[int, ...] = ()
    table: dict[str, int] = {}
    inner: Inner = Inner()
    some: Annotated[list[int], Field(min_length=1)] = [1]
    own: int = 1

    @field_validator("own")
    @classmethod
    def _is_one(cls, value: int) -> int:
        if value != 1:
            raise ValueError("only one is one")
        return value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"whole": "x"}, "whole: must be a whole number, not 'x'"),
        ({"whole": 1.5}, "whole: must be a whole number, not 1.5"),
        ({"whole": -1}, "whole: must be at least 0, not -1"),
        ({"whole": 2**64}, f"whole: must be below {2**64}, not {2**64}"),
        ({"number": "x"}, "number: must be a number, not 'x'"),
        ({"number": 0}, "number: must be above 0, not 0"),
        ({"number": 11}, "number: must be at most 10, not 11"),
        ({"number": float("nan")}, "number: must be a finite number, not nan"),
        ({"flag": "perhaps"}, "flag: must be true or false, not 'perhaps'"),
        ({"name": 1}, "name: must be text, not 1"),
        ({"name": "a"}, "name: must have at least 2 characters, not 'a'"),
        ({"name": "A!"}, "name: must be of the form ^[a-z]+$, not 'A!'"),
        ({"split": "tset"}, "split: must be 'train', 'tune' or 'test', not 'tset' (did you mean 'test'?)"),
        ({"many": 3}, "many: must be a list, not 3"),
        ({"many": [1, "x"]}, "many.1: must be a whole number, not 'x'"),
        ({"table": 3}, "table: must be a table, not 3"),
        ({"inner": {"y": 1}}, "inner.y: is unknown"),
        ({"inner": 3}, "inner: must be a table, not 3"),
        ({"some": []}, "some: must have at least 1 entries, not []"),
        ({"own": 2}, "own: only one is one"),
        ({"more": 1}, "more: is unknown"),
        ({"name": 7 * 10**90}, "name: must be text, not 700000000000000000000000000000000000 ..."),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_every_complaint_is_a_sentence(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(given)
    assert first_reason(caught.value) == words


def test_what_is_missing_is_named() -> None:
    class Needs(BaseModel):
        x: int

    with pytest.raises(ValidationError) as caught:
        Needs.model_validate({})
    assert first_reason(caught.value) == "x: is missing"


@pytest.mark.parametrize("kind", sorted(get_args(core_schema.ErrorType)))
def test_no_kind_of_complaint_shows_the_library(kind: str) -> None:
    """Whatever the library may complain of, also where nothing is known of it here."""
    limits = dict.fromkeys(("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length"), 1)
    context = {**limits, "pattern": "x", "expected": "'a' or 'b'", "error": ValueError("why")}
    text = in_words({"type": kind, "ctx": context, "msg": "Input should be so", "input": 1, "loc": ()})
    assert not any(phrase in text for phrase in ("Input should", "Value error", "type="))
