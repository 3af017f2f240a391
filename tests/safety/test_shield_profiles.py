"""Limit profiles: the shipped ones load with the stated limits; a corrupt one is refused by file, key and reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from thecal.core.errors import ConfigError, ProfileError, UnknownNameError
from thecal.safety.invariants import ShieldMode
from thecal.safety.parameters import shield_parameters
from thecal.safety.profile_schema import DRUG_LIMITS, DRUG_OPTIONS, LIMITS, MIXTURES
from thecal.safety.profiles import LimitProfile, load_profile, profile_names

from support.shields import ENVELOPE, parameters

DRUGS = (
    "baclofen", "bupivacaine", "clonidine", "dexmedetomidine", "fentanyl", "hydromorphone", "midazolam", "morphine",
    "sufentanil", "ziconotide",
)  # fmt: skip
KEYS = (*(f"{drug}.{limit}" for drug in DRUGS for limit in DRUG_LIMITS), *LIMITS)
Edit = Callable[[str], str]


def _text(name: str = "seed_2025") -> str:
    return files("thecal.safety").joinpath("data", "profiles", f"{name}.toml").read_text(encoding="utf-8")


def _edited(key: str, edit: Edit) -> str:
    """The strict profile with the line of ``key`` changed."""
    table, _, name = key.partition(".")
    lines, here, done = [], "", 0
    for line in _text().splitlines():
        here = line.strip("[]") if line.startswith("[") else here
        if here == table and line.startswith(f"{name} "):
            line, done = edit(line), done + 1
        lines.append(line)
    assert done == 1, key
    return "\n".join(lines)


def _set(value: float, unit: str) -> Edit:
    return lambda line: re.sub(r'value = [\d.]+, unit = "[^"]*"', f'value = {value}, unit = "{unit}"', line)


def _write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _refusal(folder: Path, text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        load_profile(_write(folder, text))
    return str(caught.value)


def _keys(text: str) -> set[str]:
    found, here = set(), ""
    for line in text.splitlines():
        here = line.strip("[]") if line.startswith("[") else here
        if here and " = {" in line:
            found.add(f"{here}.{line.partition(' ')[0]}")
    return found


@pytest.mark.parametrize("name", ["seed_2025", "label_us", "pacc_2017", "research_wide", "monitored_closed_loop"])
def test_shipped_profiles_hold_exactly_the_known_limits(name: str) -> None:
    profile = load_profile(name)
    assert name in profile_names()
    assert profile.drugs == DRUGS
    options = {f"{drug}.{option}" for drug in DRUGS for option in DRUG_OPTIONS}
    others = {f"{MIXTURES}.", "monitored."}
    required = {key for key in profile.file if key not in options and not any(key.startswith(head) for head in others)}
    assert required == set(KEYS)
    base = _keys(_text()) if "base" in profile.file.texts else set()
    assert {key.replace('"', "") for key in _keys(_text(name)) | base} == set(profile.file)
    assert load_profile(profile) is profile
    assert len(profile.hash) == 64


def test_the_strict_profile_holds_the_stated_numbers() -> None:
    profile = load_profile("seed_2025")
    assert profile.cap_ug("morphine") == 15_000
    assert profile.cap_ug("hydromorphone") == 10_000
    assert profile.max_concentration("morphine") == 20_000
    assert profile.largest_bolus_ug("morphine") == 500
    assert profile.largest_bolus_ug("hydromorphone") == pytest.approx(100)
    assert load_profile("label_us").cap_ug("morphine") == 20_000
    assert profile.hash != load_profile("label_us").hash


@pytest.mark.parametrize(("setting", "interval", "rise"), [("cancer", 96, 4_000), ("noncancer", 672, 500)])
def test_limits_become_the_shields_integers(setting: str, interval: int, rise: int) -> None:
    par = parameters(20_000, setting)
    expected = {
        "n_drugs": 1, "min_rate": 500, "max_rate": 250_000, "rate_step": 10, "bolus_step": 100, "step_permille": 200,
        "interval": interval, "rise_permille": rise, "keep_permille": 800, "exposed_after": 672, "bolus_abs": 25_000,
        "bolus_permille": 200, "lockout": 16, "bolus_most": 4, "rr_warn": 100, "rr_lock": 80, "spo2_warn": 920,
        "spo2_lock": 900, "poss_hold": 3, "poss_lock": 4, "stale": 2, "watch": 96, "lock_permille": 500, "mode": 0,
    }  # fmt: skip
    assert {name: int(par[name]) for name in expected} == expected
    assert par["cap_pg"].tolist() == [15_000_000_000, 0, 0, 0]
    assert par["conc"].tolist() == [20_000, 0, 0, 0]


def test_rounding_only_tightens() -> None:
    par = parameters(19_999.1)
    assert par["conc"][0] == 20_000
    assert par["bolus_abs"] == 25_000
    assert parameters((20_000.0, 900.0), drugs=("morphine", "clonidine"))["bolus_abs"] == 22_222


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_limit_is_named(key: str, tmp_path: Path) -> None:
    text = _refusal(tmp_path, _edited(key, lambda line: ""))
    assert "mine.toml" in text
    assert key in text
    assert "missing" in text


@pytest.mark.parametrize("key", KEYS)
def test_a_wrong_unit_is_named(key: str, tmp_path: Path) -> None:
    text = _refusal(tmp_path, _edited(key, lambda line: re.sub(r'unit = "[^"]*"', 'unit = "kilometer"', line)))
    assert "mine.toml" in text
    assert key in text
    assert "kilometer" in text


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("source", ["", 'source = "  ",'])
def test_a_number_without_a_source_is_refused(key: str, source: str, tmp_path: Path) -> None:
    text = _refusal(tmp_path, _edited(key, lambda line: re.sub(r'source = "[^"]*",', source, line)))
    assert "mine.toml" in text
    assert f"{key}" in text
    assert "source" in text


@pytest.mark.parametrize("key", KEYS)
def test_a_bare_number_is_refused(key: str, tmp_path: Path) -> None:
    text = _refusal(tmp_path, _edited(key, lambda line: f"{line.partition('=')[0]} = 3.0"))
    assert "mine.toml" in text
    assert key in text
    assert "bare number" in text


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", '"15.0"', "true", "[15.0]"])
def test_a_value_that_is_no_finite_number_is_refused(value: str, tmp_path: Path) -> None:
    text = _refusal(tmp_path, _edited("morphine.cap", lambda line: line.replace("15.0", value)))
    assert "morphine.cap" in text


@pytest.mark.parametrize(
    ("key", "value", "unit", "reason"),
    [
        ("morphine.bolus", 15.1, "mg", "exceed the 24-h cap"),
        ("hydromorphone.bolus", 11.0, "mg", "exceed the 24-h cap"),
        ("morphine.cap", 0.0, "mg/day", "allows nothing"),
        ("morphine.concentration", 0.0, "mg/mL", "allows nothing"),
        ("morphine.cap", -1.0, "mg/day", "outside"),
        ("breathing.rate_lock", 10.1, "breath/min", "above breathing.rate_warn"),
        ("breathing.saturation_lock", 93.0, "percent", "above breathing.saturation_warn"),
        ("breathing.saturation_warn", 101.0, "percent", "outside"),
        ("sedation.lock", 2.0, "dimensionless", "above sedation.lock"),
        ("sedation.hold", 5.0, "dimensionless", "outside"),
        ("cancer.step", 1.2, "dimensionless", "outside"),
        ("cancer.interval", 5.0, "minute", "outside"),
        ("withdrawal.daily_fall", 1.01, "dimensionless", "outside"),
        ("bolus.share", -0.1, "dimensionless", "outside"),
        ("bolus.count", 97.0, "dimensionless", "outside"),
        ("breathing.reduce_to", 1.5, "dimensionless", "outside"),
        ("morphine.cap", 15.0, "kg/day", "outside"),
        ("morphine.concentration", 20.0, "kg/mL", "outside"),
        ("bolus.lockout", 4.0, "century", "outside"),
        ("cancer.rise_28d", 1e9, "dimensionless", "outside"),
    ],
)
def test_bounds_and_contradictions(key: str, value: float, unit: str, reason: str, tmp_path: Path) -> None:
    text = _refusal(tmp_path, _edited(key, _set(value, unit)))
    assert "mine.toml" in text
    assert key in text or key.replace("lock", "hold") in text
    assert reason in text


def test_units_are_converted(tmp_path: Path) -> None:
    profile = load_profile(_write(tmp_path, _edited("morphine.cap", _set(0.5, "mg/hour"))))
    assert profile.cap_ug("morphine") == pytest.approx(12_000)
    assert profile.name == "mine"


def test_a_profile_without_drugs_is_refused(tmp_path: Path) -> None:
    body = _text()
    without = body[: body.index("[morphine]")] + body[body.index("[cancer]") :]
    assert "no drug has limits" in _refusal(tmp_path, without)


@pytest.mark.parametrize("text", ["[morphine\n", "cap = = 3"])
def test_what_is_not_toml_is_refused(text: str, tmp_path: Path) -> None:
    assert "not valid TOML" in _refusal(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"absent\.toml: cannot be read"):
        load_profile(tmp_path / "absent.toml")


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match="'strict'; known: label_us, monitored_closed_loop, pacc_2017, research_wide, seed_2025"
    ):
        load_profile("strict")
    for ask in (LimitProfile.cap_ug, LimitProfile.max_concentration, LimitProfile.largest_bolus_ug):
        with pytest.raises(UnknownNameError, match="'ketamine'; known: baclofen, bupivacaine, .*ziconotide"):
            ask(load_profile("seed_2025"), "ketamine")


@pytest.mark.parametrize("conc", [20_000.1, 1e9, 0.0, -5.0, float("nan"), float("inf")])
def test_a_concentration_outside_its_limit_is_refused(conc: float) -> None:
    with pytest.raises(ProfileError, match=r"morphine at .* is not within its limit of 20000"):
        parameters(conc)


def test_a_cap_below_the_pumps_lowest_rate_is_refused() -> None:
    with pytest.raises(ProfileError, match="would exceed the cap at the pump's lowest rate"):
        shield_parameters(
            load_profile("seed_2025"),
            drugs=("morphine",),
            conc_ug_per_ml=(20_000.0,),
            setting="cancer",
            **{**ENVELOPE, "min_rate_nl": 7_732},
        )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"setting": "icu"}, "'icu' is not one of cancer, noncancer"),
        ({"conc": (1.0, 2.0)}, "2 concentrations were given for 1 drugs"),
        ({"conc": (), "drugs": ()}, "0 concentrations were given for 0 drugs"),
        ({"conc": (1.0,) * 2, "drugs": ("morphine",) * 2}, "up to 3 different drugs"),
        ({"conc": (1.0,) * 4, "drugs": ("morphine", "fentanyl", "clonidine", "baclofen")}, "up to 3 different drugs"),
    ],
)
def test_what_does_not_fit_is_a_configuration_error(changes: dict, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parameters(**changes)


@pytest.mark.parametrize(("asked", "mode"), [("Replace", 1), ("OFF", 4), (2, 2), (ShieldMode.PROJECT, 0)])
def test_modes_by_name_and_number(asked: object, mode: int) -> None:
    assert ShieldMode.of(asked) == mode
    assert parameters(mode=asked)["mode"] == mode


@pytest.mark.parametrize("asked", ["soft", 9, -1, ""])
def test_an_unknown_mode_is_refused(asked: object) -> None:
    with pytest.raises(ValueError, match="not"):
        ShieldMode.of(asked)
