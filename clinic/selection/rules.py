"""Rules of selection as data: what must hold, what speaks against a pump, each with source, confidence and one sentence."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from thecal.clinic.selection.fields import FIELDS, Chart
from thecal.core.documents import file_name, is_toml, read_tables
from thecal.core.errors import ParameterError, UnknownNameError, did_you_mean
from thecal.core.models import Strict, checked
from thecal.core.parameters import Quantity

Stage = Literal[
    "indication", "refractory", "contraindication", "risk", "psychology", "anticoagulation", "trial", "payer"
]
STAGES: dict[str, str] = {
    "indication": "has an indication",
    "refractory": "less invasive treatment failed",
    "contraindication": "no absolute contraindication",
    "risk": "no reservation",
    "psychology": "psychological screening",
    "anticoagulation": "clotting can be left to itself",
    "trial": "trial",
    "payer": "the payer's rules",
}
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_SHIPPED = files("thecal.clinic") / "data"


class Condition(Strict):
    """One test of one field of a chart: a flag's value, one of some choices, or a number's bounds (both included)."""

    field: Text
    yes: bool | None = None
    one_of: tuple[Text, ...] | None = None
    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _fits_the_field(self) -> Condition:
        if self.field not in FIELDS:
            raise ValueError(f"field: a chart has no {self.field!r}{did_you_mean(self.field, FIELDS)}")
        field = FIELDS[self.field]
        given = {name for name in ("yes", "one_of", "least", "most") if getattr(self, name) is not None}
        if not given:
            raise ValueError(f"field {self.field}: nothing is asked of it; give yes, one_of, least or most")
        fitting = {"flag": {"yes"}, "choice": {"one_of"}}.get(field.kind, {"least", "most"})
        if not given <= fitting:
            raise ValueError(f"{', '.join(sorted(given - fitting))}: {self.field} takes {' or '.join(sorted(fitting))}")
        for value in self.one_of or ():
            if value not in field.choices:
                raise ValueError(f"one_of: {self.field} is never {value!r}{did_you_mean(value, field.choices)}")
        return self

    def holds(self, chart: Chart) -> bool:
        """Whether it is so in this chart."""
        value = chart[self.field]
        if self.yes is not None:
            return bool(value is self.yes)
        if self.one_of is not None:
            return value in self.one_of
        low = self.least is None or value >= self.least
        return bool(low and (self.most is None or value <= self.most))


class Rule(Strict):
    """One rule.

    ``absolute`` and ``relative`` ones speak against a pump where all of ``when`` and not all of ``unless`` hold; a
    ``requirement`` does where ``when`` does not hold and neither does ``unless``. ``until`` says what lifts it; where it is
    empty, a patient gets no pump. ``wait`` is the time that must have passed, which ``until`` names as ``{wait}``.
    """

    title: Text
    stage: Stage
    kind: Literal["absolute", "relative", "requirement"]
    paths: Annotated[tuple[Literal["cancer", "noncancer", "spasticity"], ...], Field(min_length=1)]
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]
    unless: tuple[Condition, ...] = ()
    until: str
    wait: Quantity | None = None
    reason: Text
    source: Text
    confidence: Literal["high", "medium", "low"]
    evidence: Literal["source", "memory", "derived", "proposed"]

    @field_validator("reason")
    @classmethod
    def _reason_is_one_sentence(cls, reason: str) -> str:
        if not reason.endswith(".") or "\n" in reason or ". " in reason:
            raise ValueError("is not one sentence with a full stop at its end")
        _names(reason, FIELDS)
        return reason

    @model_validator(mode="after")
    def _can_be_lifted(self) -> Rule:
        if self.kind == "relative" and not self.until.strip():
            raise ValueError("until: a relative contraindication says what lifts it")
        if ("{wait}" in self.until) != (self.wait is not None):
            raise ValueError("until: it names {wait} where a wait is given, and nowhere else")
        _names(self.until, {"wait"})
        return self

    def speaks_against(self, chart: Chart) -> bool:
        """Whether it keeps this patient from a pump, for good or until something has happened."""
        if chart.path not in self.paths:
            return False
        if self.unless and all(one.holds(chart) for one in self.unless):
            return False
        return all(one.holds(chart) for one in self.when) != (self.kind == "requirement")

    def sentence(self, chart: Chart) -> str:
        """Why, in one sentence with the chart's own values."""
        return self.reason.format(**{name: _plain(chart[name]) for name in FIELDS})

    @property
    def condition(self) -> str:
        """What must have happened first; empty where nothing lifts the rule."""
        wait = "" if self.wait is None else f"{self.wait.value:g} {self.wait.unit}{'' if self.wait.value == 1 else 's'}"
        return self.until.strip().format(wait=wait)


class RuleFile(Strict):
    """A set of rules by key."""

    title: Text
    rule: Annotated[dict[str, Rule], Field(min_length=1)]


def _names(text: str, known: Iterable[str]) -> None:
    """Refuse a text that names in braces what is not there."""
    known = set(known)
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is not None and (name not in known or form or conversion):
            raise ValueError(f"names {{{name}}}, and only {', '.join(sorted(known))} can be named")


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


def read_rules(path: Any) -> RuleFile:
    """The rules of a file.

    Raises:
        ParameterError: it cannot be read, or a rule is wrong; the text names file, key and reason.
    """
    return checked(RuleFile, read_tables(path, ParameterError, kind="TOML"), file_name(path), ParameterError)


@cache
def selection_rules() -> Mapping[str, Rule]:
    """The shipped rules by key."""
    return read_rules(_SHIPPED / "rules.toml").rule


def payer_names() -> list[str]:
    """Names of the shipped payers."""
    return sorted(item.name.removesuffix(".toml") for item in (_SHIPPED / "payers").iterdir())


def payer_rules(name_or_path: str) -> Mapping[str, Rule]:
    """What a payer asks for beside the shipped rules, by key: one by name, or a file of your own.

    Raises:
        UnknownNameError: no such payer.
        ParameterError: the file is wrong, or holds a rule that is none of a payer's or bears a shipped rule's key.
    """
    if is_toml(name_or_path):
        file = read_rules(Path(name_or_path))
    elif name_or_path in payer_names():
        file = read_rules(_SHIPPED / "payers" / f"{name_or_path}.toml")
    else:
        raise UnknownNameError("payer", name_or_path, payer_names(), "or a TOML file of your own")
    where = Path(name_or_path).name if is_toml(name_or_path) else f"{name_or_path}.toml"
    for key, rule in file.rule.items():
        if rule.stage != "payer":
            raise ParameterError(f"{where}: rule.{key}.stage: a payer's rules are of the stage payer")
        if key in selection_rules():
            raise ParameterError(f"{where}: rule.{key}: a shipped rule has this key")
    return file.rule
