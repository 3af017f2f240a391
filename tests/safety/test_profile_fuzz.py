"""A thousand spoilt profile files: each loads with every limit in bounds and sourced, or is refused by its file's name."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from thecal.core.errors import ProfileError
from thecal.core.units import factor
from thecal.safety.profile_schema import DRUG_LIMITS, DRUG_OPTIONS, LIMITS, MIXTURES
from thecal.safety.profiles import LimitProfile, load_profile, profile_names

TEXTS = {
    name: files("thecal.safety").joinpath("data", "profiles", f"{name}.toml").read_text(encoding="utf-8")
    for name in profile_names()
}
# Read apart from the code that holds profiles against them.
CEILINGS: dict[str, tuple[str, dict[str, Any]]] = {
    f"{table}.{name}": (side, entry)
    for side, tables in tomllib.loads(
        files("thecal.safety").joinpath("data", "ceilings.toml").read_text(encoding="utf-8")
    ).items()
    for table, entries in tables.items()
    for name, entry in entries.items()
}
NUMBERS = [
    "nan", "inf", "-inf", "-1", "0", "-0.0", "1e308", "5e-324", "1e6", "1000000.1", "0.5", "2", "97", "true", '"3"', "[1]",
    "1979-05-27", "9" * 400, "9" * 5000, "0x10", "1_000", "{}", "{ value = 1 }",
]  # fmt: skip
UNITS = [
    "",
    "mg",
    "kg/day",
    "century",
    "1/0",
    "mg//day",
    "mg/day#x",
    "9**9**9",
    "m" * 5000,
    "(" * 3000,
    "µg/day",
    "hour",
    "%",
]
SOURCES = ["", " ", "\t", "\\u200b", "-", "?", "...", "x"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiles") / "spoilt.toml"


def _leaves(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every entry of the file that states something, by dotted key."""
    for key, entry in table.items():
        if isinstance(entry, dict) and not {"value", "unit"} & set(entry):
            yield from _leaves(entry, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def load_ceiling(entry: dict[str, Any], unit: str) -> float:
    return float(entry["value"]) * factor(entry["unit"], unit)


def _sound(profile: LimitProfile, text: str) -> None:
    """What must hold for every profile that loads, stated apart from the code that checks it."""
    own = set(_leaves(tomllib.loads(text))) - {"title", "base"}
    base = set(load_profile("seed_2025").file) if profile.file.texts.get("base") == "seed_2025" else set()
    assert own | base == set(profile.file), "an entry was passed over"
    for key, quantity in profile.file.items():
        assert any(letter.isalpha() for letter in quantity.source), key
        assert quantity.value == quantity.value, key
    for key, (_, low, high) in LIMITS.items():
        assert low <= profile.limit(key) <= high, key
    for drug in profile.drugs:
        cap = profile.cap_ug(drug)
        assert 0.0 < profile.largest_bolus_ug(drug) <= cap <= 1.0e6, drug
        assert 0.0 < profile.max_concentration(drug) <= 1.0e6, drug
        assert profile.option(drug, "step_abs") <= (cap if f"{drug}.step_abs" in profile.file else 1.0e6), drug
        for key, (_, low, high, absent) in DRUG_OPTIONS.items():
            assert low <= profile.option(drug, key) <= high or profile.option(drug, key) == absent, key
        for flag in ("sedative", "vasoactive", "patient_bolus"):
            assert profile.option(drug, flag) in (0.0, 1.0), flag
    for key, value, unit in profile.stated():
        drug, _, name = key.partition(".")
        name = "cap" if name in ("step_abs", "start", "start_naive") else name
        named = next(one for one in (key, f"{drug}.{name}", f"other.{name}") if one in CEILINGS)
        side, most = CEILINGS[named][0], load_ceiling(CEILINGS[named][1], unit)
        assert value <= most if side == "most" else value >= most, key
    for name in profile.mixtures:
        assert 2 <= len(set(name.split("+")) & set(profile.drugs)) == len(name.split("+")) <= 3, name
    limit = profile.limit
    assert limit("breathing.rate_lock") <= limit("breathing.rate_warn")
    assert limit("breathing.saturation_lock") <= limit("breathing.saturation_warn")
    assert limit("breathing.co2_warn") <= limit("breathing.co2_lock")
    assert limit("sedation.hold") <= limit("sedation.lock")
    assert limit("circulation.mean") <= limit("circulation.systolic")
    for setting in ("cancer", "noncancer"):
        assert limit(f"{setting}.step") <= min(limit(f"{setting}.rise_28d"), limit(f"{setting}.escalation"))


def _judged(place: Path, content: bytes) -> LimitProfile | None:
    place.write_bytes(content)
    try:
        profile = load_profile(place)
    except ProfileError as refusal:
        words = str(refusal)
    else:
        words = ""
    if words:
        assert words.startswith("spoilt.toml: "), words
        assert len(words) < 2_000
        return None
    _sound(profile, place.read_text(encoding="utf-8"))  # with the ends of lines that the loader sees
    return profile


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A shipped profile with one to four things wrong."""
    lines = TEXTS[draw(st.sampled_from(sorted(TEXTS)))].splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        head, equals, _ = line.partition("value = ")
        lines[at] = draw(
            st.sampled_from(
                [
                    "",
                    f"{line}\n{line}",
                    line.upper(),
                    line.replace(" = {", ".deep = {", 1),
                    line.replace("value", "valu", 1),
                    line.replace("unit", "source", 1),
                    line.replace("confidence", "range = [0, 1], confidence"),
                    line.replace("confidence", 'cv = 0.1, distribution = "normal", confidence'),
                    line.partition(" = ")[0] + ' = "15 mg/day"',
                    line.partition(" = ")[0] + " = 15",
                    line.replace("morphine", "mоrphine"),  # with a Cyrillic letter
                    line.replace("]", "", 1),
                    "[extra]",
                    lines[draw(st.integers(0, len(lines) - 1))],
                ]
                + [head + f"{equals}{number}, unit" + line.partition(", unit")[2] for number in NUMBERS if equals]
                + [_part(line, "unit", unit) for unit in UNITS]
                + [_part(line, "source", source) for source in SOURCES]
            )
        )
    found = "\n".join(lines).encode()
    how = draw(st.integers(0, 9))
    if how == 0:
        return found[: draw(st.integers(0, len(found)))]
    if how == 1:
        cut = draw(st.integers(0, len(found)))
        return found[:cut] + draw(st.binary(min_size=1, max_size=3)) + found[cut:]
    return found


def _part(line: str, name: str, text: str) -> str:
    before, found, after = line.partition(f'{name} = "')
    return before + found + text + '"' + after.partition('"')[2] if found else line


FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(FUZZ, max_examples=150)
@given(content=spoilt())
@example(content=b"")
@example(content=b"a = " + b"[" * 5_000)
@example(content=b"a" + b".a" * 5_000 + b" = 1")
@example(content=b"a = " + b"9" * 10_000)
@example(content=b"\xff\xfe")
def test_a_spoilt_profile_loads_soundly_or_is_refused(place: Path, content: bytes) -> None:
    _judged(place, content)


@pytest.mark.slow
@settings(FUZZ, max_examples=2_000)
@given(content=spoilt())
def test_thousands_of_spoilt_profiles_load_soundly_or_not(place: Path, content: bytes) -> None:
    _judged(place, content)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_the_shipped_profiles_are_sound(name: str, place: Path) -> None:
    assert _judged(place, TEXTS[name].encode()) is not None


def test_a_profile_cut_at_any_line_never_passes_for_a_whole_one(place: Path) -> None:
    lines = TEXTS["seed_2025"].splitlines(keepends=True)
    whole = [k for k in range(len(lines)) if _judged(place, "".join(lines[:k]).encode()) is not None]
    assert "[mixture]" in "".join(lines[: min(whole)]) or "[command]" in "".join(lines[: min(whole)])


@pytest.mark.parametrize("key", [*(f"morphine.{key}" for key in DRUG_LIMITS), *LIMITS])
def test_no_limit_may_be_without_a_source(key: str, place: Path) -> None:
    table, _, name = key.partition(".")
    found = tomllib.loads(TEXTS["seed_2025"])[table][name]["source"]
    for source in ("", " ", "\\u200b", "--"):
        text = TEXTS["seed_2025"]
        begin = text.index(f"\n{name} = ", text.index(f"[{table}]\n"))
        assert _judged(place, (text[:begin] + text[begin:].replace(found, source, 1)).encode()) is None


def _line(text: str, key: str, edit: Callable[[str], str]) -> bytes:
    table, _, name = key.partition(".")
    begin = text.index(f"[{table}]\n")
    at = text.index(f"\n{name} = ", begin) + 1
    end = text.index("\n", at)
    return (text[:at] + edit(text[at:end]) + text[end:]).encode()


@pytest.mark.parametrize(
    ("key", "edit", "reason"),
    [
        ("ziconotide.step_abs", lambda line: 'step_abs = "0.5 ug/day"', "neither a limit"),
        ("ziconotide.step_abs", lambda line: 'step_abs = { source = "seed review" }', "neither a limit"),
        ("ziconotide.step_abs", lambda line: line.replace("0.5", "19.3"), "one step would exceed the 24-h cap"),
        ("clonidine.sedative", lambda line: line.replace("1", "0.5", 1), "neither 0 nor 1"),
        ("cancer.rise_28d", lambda line: line.replace("4.0", "0.19"), "refuses the first step of 28 days"),
        ("noncancer.escalation", lambda line: line.replace("0.5", "0.1", 1), "takes one step for a loss of effect"),
        ("circulation.mean", lambda line: line.replace("60.0", "91"), "above circulation.systolic"),
        ("breathing.co2_warn", lambda line: line.replace("50.0", "61"), "above breathing.co2_lock"),
        ("sedation.lock", lambda line: line.replace("4.0", "2", 1), "above sedation.lock"),
        ("mixture.bupivacaine", lambda line: line, "alphabetical"),
        (
            "morphine.cap",
            lambda line: line.replace("confidence", 'sd = 1, distribution = "normal", confidence'),
            "spread",
        ),
    ],
)
def test_contradictions_and_slips_that_would_loosen(
    key: str, edit: Callable[[str], str], reason: str, place: Path
) -> None:
    text = TEXTS["seed_2025"]
    if key.startswith(MIXTURES):
        content = text.replace('"bupivacaine+morphine"', '"morphine"', 1).encode()
    else:
        content = _line(text, key, edit)
    place.write_bytes(content)
    with pytest.raises(ProfileError, match=reason):
        load_profile(place)


def test_a_limit_given_twice_under_two_spellings_is_refused(place: Path) -> None:
    first = '"morphine.cap" = { value = 20, unit = "mg/day", source = "label", confidence = "low" }\n'
    place.write_text(first + TEXTS["seed_2025"], encoding="utf-8")
    with pytest.raises(ProfileError, match="morphine.cap: given twice"):
        load_profile(place)
    with pytest.raises(ProfileError, match="cannot be read|not valid TOML"):
        load_profile(place.with_name("a\0b.toml"))
