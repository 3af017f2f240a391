"""Ceilings above every profile: nothing that loads lies beyond one, and what is wider than any shipped runs only when asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.core.errors import ConfigError, ProfileError
from thecal.core.parameters import ParameterFile
from thecal.envs.scenario import Scenario
from thecal.safety.ceilings import ceiling_of, ceilings, is_looser, over_ceiling
from thecal.safety.profile_schema import DRUG_LIMITS, DRUG_OPTIONS, LIMITS, MONITORED
from thecal.safety.profiles import LimitProfile, load_profile, shipped_profiles
from thecal.safety.wide import WideLimitsError, require_narrow, wide_limits

STRICT = load_profile("seed_2025")
MONITOR = load_profile("monitored_closed_loop")


def _row(value: float, unit: str) -> str:
    return f'{{ value = {value}, unit = "{unit}", source = "mine", confidence = "low" }}'


def _profile(folder: Path, *rows: tuple[str, float, str]) -> Path:
    """A profile as the strict one, but for these."""
    text = 'title = "Mine"\nbase = "seed_2025"\n'
    for key, value, unit in rows:
        table, _, name = key.partition(".")
        text += f"[{table}]\n{name} = {_row(value, unit)}\n"
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_limit_has_a_ceiling() -> None:
    keys = [*LIMITS, *MONITORED, *(f"{drug}.{key}" for drug in STRICT.drugs for key in (*DRUG_LIMITS, *DRUG_OPTIONS))]
    assert [key for key in keys if ceiling_of(key) is None] == []
    assert {drug for drug in STRICT.drugs if f"{drug}.cap" not in ceilings()} == set(), "each drug has its own"
    assert all(ceiling.quantity.source for ceiling in ceilings().values())


def test_no_ceiling_stands_for_nothing() -> None:
    drugs = (*STRICT.drugs, "other")
    known = {*LIMITS, *MONITORED, *(f"{drug}.{key}" for drug in drugs for key in (*DRUG_LIMITS, *DRUG_OPTIONS))}
    assert set(ceilings()) <= known


# The reviewer's profile that passed all its goals and killed: each of its limits is refused by itself.
DEADLY = [
    ("morphine.cap", 1000.0, "mg/day"), ("morphine.concentration", 1000.0, "mg/mL"), ("morphine.bolus", 15.0, "mg"),
    ("cancer.step", 1.0, "dimensionless"), ("cancer.interval", 0.25, "hour"), ("cancer.rise_28d", 100.0, "dimensionless"),
    ("breathing.rate_warn", 0.0, "breath/min"), ("breathing.rate_lock", 0.0, "breath/min"),
    ("breathing.saturation_lock", 0.0, "percent"), ("breathing.co2_lock", 200.0, "mmHg"), ("bolus.lockout", 0.0, "hour"),
    ("bolus.count", 96.0, "dimensionless"), ("circulation.mean", 0.0, "mmHg"), ("withdrawal.daily_fall", 1.0, "dimensionless"),
    ("clonidine.sedative", 0.0, "dimensionless"), ("fentanyl.equivalence", 0.0, "dimensionless"),
    ("ziconotide.step_abs", 19.0, "ug/day"), ("baclofen.patient_bolus", 1.0, "dimensionless"),
    ("baclofen.step_cerebral", 0.3, "dimensionless"), ("automation.lease", 30.0, "day"), ("breathing.recut", 1.0, "day"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "unit"), DEADLY, ids=[row[0] for row in DEADLY])
def test_a_deadly_limit_is_refused_in_one_sentence(key: str, value: float, unit: str, tmp_path: Path) -> None:
    rows = [(key, value, unit)]
    if key == "breathing.rate_warn":
        rows.append(("breathing.rate_lock", 0.0, unit))
    text = _profile(tmp_path, rows[0]).read_text() + "".join(
        f"{k.partition('.')[2]} = {_row(v, u)}\n" for k, v, u in rows[1:]
    )
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ProfileError) as caught:
        load_profile(tmp_path / "mine.toml")
    words, ceiling = str(caught.value), ceiling_of(key)
    assert ceiling is not None
    assert re.match(rf"mine\.toml: {re.escape(key)}: .* is (above|below) the ceiling of ", words)
    assert ceiling.quantity.source in words
    assert "\n" not in words


def test_the_whole_deadly_profile_is_refused(tmp_path: Path) -> None:
    tables: dict[str, list[str]] = {}
    for key, value, unit in DEADLY:
        tables.setdefault(key.partition(".")[0], []).append(f"{key.partition('.')[2]} = {_row(value, unit)}")
    path = tmp_path / "deadly.toml"
    path.write_text(
        'base = "seed_2025"\n' + "".join(f"[{name}]\n" + "\n".join(rows) + "\n" for name, rows in tables.items())
    )
    with pytest.raises(ProfileError, match=r"deadly\.toml: .*ceiling"):
        Scenario.of(profile=path, allow_unproved=True, allow_wide=True).resolve()


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_profile_that_loads_lies_beyond_a_ceiling(data: st.DataObject) -> None:
    """Any limit at any value that the schema takes: either refused, or within its ceiling and all others too."""
    key = data.draw(st.sampled_from(sorted(key for key in MONITOR.file if not key.startswith("mixture."))))
    bounds = LIMITS.get(key) or MONITORED.get(key)
    bounds = bounds or DRUG_OPTIONS.get(key.partition(".")[2]) or (DRUG_LIMITS[key.partition(".")[2]], 1e-6, 1e6)
    unit, low, high = bounds[0], bounds[1], bounds[2]
    value = data.draw(st.floats(low, high) | st.sampled_from([low, high]))
    quantity = MONITOR.file[key].model_copy(update={"value": value, "unit": unit})
    file = ParameterFile("mine.toml", {**MONITOR.file, key: quantity}, MONITOR.file.texts)
    try:
        profile = LimitProfile("mine", file)
    except ProfileError:
        return
    assert over_ceiling(key, value, unit) == ""
    assert all(over_ceiling(*one) == "" for one in profile.stated())


@pytest.mark.parametrize("key", [key for key in sorted(ceilings()) if not key.startswith("other.")])
def test_a_limit_may_reach_its_ceiling_and_not_pass_it(key: str) -> None:
    ceiling = ceilings()[key]
    unit = ceiling.quantity.unit
    value = ceiling.value(unit)
    beyond = value * (1.001 if ceiling.side == "most" else 0.999) + (1e-3 if ceiling.side == "most" else -1e-3)
    assert over_ceiling(key, value, unit) == ""
    assert ceiling.quantity.source in over_ceiling(key, beyond, unit)


@pytest.mark.parametrize("name", shipped_profiles())
def test_shipped_profiles_are_narrow(name: str) -> None:
    assert wide_limits(load_profile(name)) == ()
    assert require_narrow(load_profile(name), allow_wide=False) is False


def test_research_wide_is_the_widest_that_is_shipped() -> None:
    """Of everything but monitored titration, which it does not have."""
    widest = {key: value for key, value, _ in load_profile("research_wide").stated()}
    for name in shipped_profiles():
        for key, value, _ in load_profile(name).stated():
            if key in widest:
                assert not is_looser(key, value, widest[key]), (name, key)


def test_wide_limits_need_a_word_and_mark_what_ran(tmp_path: Path) -> None:
    path = _profile(tmp_path, ("morphine.cap", 40.0, "mg/day"))
    with pytest.raises(WideLimitsError, match=r"mine\.toml is wider .*morphine\.cap.*allow_wide"):
        Scenario.of(profile=path, allow_unproved=True).resolve()
    scene = Scenario.of(profile=path, allow_unproved=True, allow_wide=True).resolve()
    assert scene.wide
    assert not Scenario.of(allow_wide=True, allow_unproved=True).resolve().wide, "the word alone is no mark"


def test_a_scene_cannot_say_that_it_is_narrow(tmp_path: Path) -> None:
    from dataclasses import replace

    path = _profile(tmp_path, ("cancer.step", 0.55, "dimensionless"))
    scene = Scenario.of(profile=path, allow_unproved=True, allow_wide=True).resolve()
    with pytest.raises(ConfigError, match="wide"):
        replace(scene, wide=False)


def test_a_drug_and_a_mixture_that_nobody_ships_are_wide() -> None:
    rows = {f"oxymorphone.{key}": STRICT.file[f"hydromorphone.{key}"] for key in (*DRUG_LIMITS, "equivalence")}
    listed = {"mixture.midazolam+morphine+ziconotide": STRICT.file["mixture.bupivacaine+morphine"]}
    profile = LimitProfile("mine", ParameterFile("mine.toml", {**STRICT.file, **rows, **listed}, {}))
    found = wide_limits(profile)
    assert "oxymorphone.cap" in found
    assert "mixture.midazolam+morphine+ziconotide" in found
    assert all(key.startswith(("oxymorphone.", "mixture.")) for key in found)
