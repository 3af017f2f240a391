"""Presets of lives as files: what they say is read, and what cannot be is refused with file, key and reason."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thecal.core.errors import ParameterError, UnknownNameError
from thecal.physiology.life_presets import LEVERS, life_names, life_parameters, life_presets, load_life, load_preset
from thecal.physiology.life_records import LEVER_NAMES, LIFE_PAR, Lever, Life

from support.lives import life_file, once

LASTS = {"hazard": 0.1, "earliest": 24.0, "rise": 6.0, "length": 48.0, "fade": 12.0, "pain": 1.0}
STAYS = {"hazard": 0.1, "earliest": 24.0, "most": 2, "rise": 6.0, "pain": 1.0}


def test_the_presets_and_levers_are_known() -> None:
    assert life_presets() == ["cancer_course", "cancer_month", "noncancer_course", "spasticity_course"]
    assert tuple(LEVERS) == LEVER_NAMES
    assert load_life("none") is load_life(None) is None
    assert life_parameters(None).tobytes() == np.zeros(1, LIFE_PAR).tobytes()
    assert life_names(0b1000_0001) == ("sedative", "apnea")
    assert len({load_preset(name).hash for name in life_presets()}) == 4


def test_every_kind_and_lever_is_used_by_a_preset() -> None:
    kinds = [kind for name in life_presets() for kind in load_preset(name).kinds]
    assert {kind.name for kind in kinds} == {kind.name.lower() for kind in Life}
    assert {lever for kind in kinds for lever, *_ in kind.levers} == set(LEVERS) - {"analgesia"}


def test_a_month_is_the_course_with_its_hazards_raised() -> None:
    course, month = (life_parameters(load_preset(name)) for name in ("cancer_course", "cancer_month"))
    assert month["kind"]["hazard_per_h"] == pytest.approx(3.0 * course["kind"]["hazard_per_h"])
    for name in set(LIFE_PAR["kind"].base.names) - {"hazard_per_h"}:
        np.testing.assert_array_equal(month["kind"][name], course["kind"][name])


def test_a_file_becomes_a_record(tmp_path: Path) -> None:
    path = life_file(
        tmp_path,
        sedative={**LASTS, "length": (48.0, ', cv = 0.5, distribution = "lognormal"'), "central": (1.5, ", range = [1.2, 2.0]")},
        progression=STAYS,
        oral_stop={"chance": 0.4, "earliest": 24.0, "latest": 72.0, "rise": 6.0, "pain": (1.0, ', range = [0.5, 2.0]')},
    )  # fmt: skip
    preset = load_life(path)
    assert preset is not None
    assert preset.name == "mine"
    assert load_life(life_file(tmp_path, "other", progression=STAYS)).hash != preset.hash
    assert load_life(preset) is preset
    row = life_parameters(preset)
    assert row["on"] == 1
    lasts, stays, once_ = (row["kind"][kind] for kind in (Life.SEDATIVE, Life.PROGRESSION, Life.ORAL_STOP))
    assert lasts["hazard_per_h"] == pytest.approx(0.1 / 730.485, rel=1e-3)
    assert lasts["length_spread"] == pytest.approx(math.sqrt(math.log(1.25)))
    assert [lasts[name] for name in ("earliest_h", "rise_h", "length_h", "fade_h", "most")] == [24, 6, 48, 12, 1000]
    assert np.exp([lasts["low"][Lever.CENTRAL], lasts["high"][Lever.CENTRAL]]) == pytest.approx([1.2, 2.0])
    assert (lasts["low"][Lever.PAIN], lasts["high"][Lever.PAIN]) == (1.0, 1.0)
    assert (stays["most"], stays["length_h"], stays["chance"]) == (2, math.inf, 0.0)
    assert [once_[name] for name in ("chance", "hazard_per_h", "earliest_h", "latest_h")] == [0.4, 0.0, 24.0, 72.0]


def _without(kind: dict[str, Any], *keys: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in kind.items() if key not in keys} | more


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"sedativ": LASTS}, r"sedativ\.\w+: no such parameter of a life .did you mean 'sedative"),
        ({"sedative": LASTS | {"force": 1.0}}, r"sedative\.force: no such parameter"),
        ({"sedative": _without(LASTS, "hazard")}, r"sedative\.hazard: an event comes by a hazard or by a chance"),
        ({"sedative": LASTS | {"chance": 0.5, "latest": 72.0}}, r"sedative\.hazard: an event comes by a hazard or by a chance"),
        ({"sedative": LASTS | {"latest": 72.0}}, r"sedative\.latest: it goes with a chance"),
        ({"sedative": _without(once(pain=1.0), "latest")}, r"sedative\.latest: it goes with a chance"),
        ({"sedative": once(pain=1.0) | {"latest": 3.0}}, r"sedative\.latest: 3.0 hour is outside \[48.0"),
        ({"sedative": once(pain=1.0) | {"most": 1}}, r"sedative\.most: what comes by a chance comes once"),
        ({"sedative": _without(LASTS, "fade")}, r"sedative\.fade: it goes with a length"),
        ({"sedative": _without(LASTS, "length")}, r"sedative\.fade: it goes with a length"),
        ({"progression": _without(STAYS, "most")}, r"progression\.most: what stays and comes by a hazard needs it"),
        ({"progression": STAYS | {"most": 1.5}}, r"progression\.most: 1\.5 is no whole number"),
        ({"progression": STAYS | {"most": 0}}, r"progression\.most: 0\.0 dimensionless is outside"),
        ({"progression": _without(STAYS, "pain")}, r"progression\.rise: the event changes nothing; name one of pain"),
        ({"progression": _without(STAYS, "rise")}, r"progression\.rise: missing"),
        ({"progression": STAYS | {"rise": 0.5}}, r"progression\.rise: 0\.5 hour is outside"),
        ({"progression": _without(STAYS, "earliest")}, r"progression\.earliest: missing"),
        ({"progression": STAYS | {"earliest": -1.0}}, r"progression\.earliest: -1\.0 hour is outside"),
        ({"progression": STAYS | {"pain": 11.0}}, r"progression\.pain: 11\.0 nrs is outside"),
        ({"progression": STAYS | {"pain": (9.0, ", range = [8.0, 12.0]")}}, r"progression\.pain: range 8 to 12 nrs is outside"),
        ({"progression": STAYS | {"renal": 0.0}}, r"progression\.renal: 0\.0 dimensionless is outside"),
        ({"progression": STAYS | {"rise": (6.0, ', cv = 0.5, distribution = "lognormal"')}},
         r"progression\.rise: the same in every case, so it cannot have a distribution"),
        ({"sedative": LASTS | {"length": (48.0, ', sd = 3.0, distribution = "normal"')}},
         r"sedative\.length: a length is log-normal, with a cv and without a range"),
        ({"sedative": LASTS | {"hazard": 1e6}}, r"sedative\.hazard: .* 1/hour is outside"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, kinds: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=rf"^mine\.toml: {words}") as found:
        load_life(life_file(tmp_path, **kinds))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('base = "cancer_month"\nFACTORS', "base: cancer_month rests on another itself"),
        ('base = "cancer_curse"\nFACTORS', "base: 'cancer_curse' is not another preset"),
        ('base = "cancer_course"', r"factor\.hazard: missing"),
        ('base = "cancer_course"\nFACTORS\n[apnea]\nhazard = ONE', r"apnea\.hazard: no such parameter"),
        ("title = 3", "title: a bare number"),
        ('title = "x"', "title: no such entry of a life"),
        ("[sedative]\nhazard = 0.1", r"sedative\.hazard: a bare number"),
    ],
)
def test_a_preset_on_another_says_only_its_factors(tmp_path: Path, text: str, words: str) -> None:
    one = '{ value = 2.0, unit = "dimensionless", source = "a test", confidence = "low" }'
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("FACTORS", "[factor]\nhazard = ONE\nchance = ONE").replace("ONE", one) + "\n")
    with pytest.raises(ParameterError, match=rf"^mine\.toml: {words}"):
        load_life(path)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown life preset 'cancer_curse' .*cancer_course.*known: .*none"):
        load_life("cancer_curse")


@pytest.mark.parametrize("name", ["cancer_course", "noncancer_course", "spasticity_course"])
def test_every_number_cites_or_says_that_it_is_a_choice(name: str) -> None:
    from importlib.resources import files

    from thecal.core.parameters import read_parameters

    for key, number in read_parameters(files("thecal.physiology") / "data" / "life" / f"{name}.toml").items():
        chosen = number.source.startswith("engineering choice")
        assert not chosen or (number.kind, number.confidence) == ("proposed", "low"), key
        assert chosen or any(character.isdigit() for character in number.source), key
