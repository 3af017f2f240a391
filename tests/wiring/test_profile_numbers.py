"""What a limit profile answers: each number by drug, setting and indication, what stands for an absent one, and its file."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import pytest

from thecal.core.errors import ParameterError, ProfileError, UnknownNameError
from thecal.core.parameters import ParameterFile, Quantity
from thecal.safety import profiles
from thecal.safety.profiles import LimitProfile, content_hash, drugs_of, load_profile, mixtures_of

from support.limits import made_file, made_profile

BACLOFEN: dict[str, Any] = {
    "baclofen.patient_bolus": 0.0, "baclofen.sedative": 1.0, "baclofen.cap": 900.0, "baclofen.concentration": 1_900.0,
    "baclofen.bolus": 90.0, "baclofen.step": 0.2, "baclofen.step_spinal": 0.11, "baclofen.step_cerebral": 0.15,
    "baclofen.rise_28d": 0.5, "baclofen.escalation": 0.6,
}  # fmt: skip


def test_a_drug_overrules_a_setting_and_an_indication_both() -> None:
    profile = made_profile({**BACLOFEN, "morphine.escalation": 0.3})
    cases: tuple[tuple[str, str, tuple[str, ...], str, float], ...] = (
        ("cancer", "step", ("morphine",), "", 0.18),
        ("noncancer", "step", ("morphine",), "spinal", 0.14),
        ("cancer", "rise_28d", ("morphine",), "", 3.9),
        ("noncancer", "rise_28d", ("morphine",), "cerebral", 0.44),
        ("cancer", "escalation", ("morphine",), "", 0.3),
        ("cancer", "escalation", ("bupivacaine",), "", 3.7),
        ("noncancer", "escalation", ("bupivacaine",), "spinal", 0.46),
        ("cancer", "step", ("baclofen",), "", 0.11),
        ("cancer", "step", ("baclofen",), "spinal", 0.11),
        ("cancer", "step", ("baclofen",), "cerebral", 0.15),
        ("cancer", "step", ("baclofen",), "other", 0.11),
        ("noncancer", "rise_28d", ("baclofen",), "spinal", 0.5),
        ("noncancer", "escalation", ("baclofen",), "cerebral", 0.6),
        ("cancer", "step", ("morphine", "baclofen"), "cerebral", 0.15),
        ("cancer", "escalation", ("bupivacaine", "morphine"), "", 0.3),
        ("cancer", "escalation", ("morphine", "bupivacaine"), "", 0.3),
    )
    for setting, key, drugs, indication, due in cases:
        assert profile.share(setting, key, drugs, indication) == due, (setting, key, drugs, indication)
    own = made_profile({"morphine.step": 0.05})
    assert own.share("cancer", "step", ("morphine",), "spinal") == 0.05, "a step that no indication changes"


def test_every_number_of_a_drug_is_its_own() -> None:
    profile = made_profile({"morphine.daily_fall": 0.0})
    assert (profile.cap_ug("morphine"), profile.max_concentration("morphine")) == (11_300.0, 17_900.0)
    assert profile.largest_bolus_ug("hydromorphone") == pytest.approx(83.0)
    assert [profile.option("clonidine", name) for name in ("interval", "sedative", "patient_bolus", "step_abs")] == [
        31,
        1,
        0,
        1e6,
    ]
    assert [profile.option("morphine", name) for name in ("interval", "sedative", "patient_bolus", "step_abs")] == [
        0,
        0,
        1,
        640,
    ]
    assert [profile.daily_fall(drugs) for drugs in (("morphine",), ("hydromorphone",), ("clonidine",))] == [
        0.0,
        0.17,
        0.19,
    ]
    assert profile.daily_fall(("bupivacaine", "hydromorphone")) == 0.17
    assert profile.daily_fall(("bupivacaine", "clonidine")) == 0.19
    assert profile.monitored("interval") == 6.25
    assert (profile.name, profile.title, profile.path) == ("made", "made", None)
    assert made_profile(texts={"title": "Mine"}).title == "Mine"


def test_what_is_not_stated_has_the_value_that_allows_none() -> None:
    names = ("step", "interval", "day", "fresh", "quiet", "settle", "sedation", "near")
    profile = made_profile({f"monitored.{name}": None for name in names})
    assert [profile.monitored(name) for name in names] == [0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_the_dose_at_the_implant_is_the_smallest_that_is_stated() -> None:
    numbers = {
        "morphine.start": 900.0,
        "morphine.oral_ratio": 300.0,
        "morphine.start_naive": 120.0,
        "bupivacaine.start": 4_000.0,
    }
    profile = made_profile({**numbers, "hydromorphone.oral_ratio": 0.5, "hydromorphone.start_naive": 10.0})
    cases: tuple[tuple[str, float, float], ...] = (
        ("morphine", 0.0, 120.0),
        ("morphine", -1.0, 120.0),
        ("morphine", 0.6, 2.0),
        ("morphine", 60.0, 200.0),
        ("morphine", 600.0, 900.0),
        ("bupivacaine", 0.0, 4_000.0),
        ("bupivacaine", 60.0, 4_000.0),
        ("hydromorphone", 0.0, 10.0),
        ("hydromorphone", 0.5, 1_000.0),
        ("hydromorphone", 60.0, 7_700.0),
        ("clonidine", 60.0, 530.0),
        ("clonidine", 0.0, 530.0),
    )
    for drug, oral, due in cases:
        assert profile.highest_start(drug, oral) == pytest.approx(due), (drug, oral)


def test_every_limit_in_force_is_stated_with_its_unit() -> None:
    drugs = ("bupivacaine", "clonidine", "hydromorphone")
    gone = {key: None for key in made_file() if key.partition(".")[0] in (*drugs, "mixture")}
    profile = made_profile({**gone, "morphine.start": 900.0})
    stated = list(profile.stated())
    keys = [key for key, _, _ in stated]
    general = [key for key in made_file() if key.partition(".")[0] not in (*drugs, "mixture", "morphine")]
    assert sorted(keys[: len(general)]) == sorted(general)
    in_file = {key: (made_file()[key].value, made_file()[key].unit) for key in general}
    in_file["opioids.cap"] = (14_200.0, "ug/day")
    assert {key: (value, unit) for key, value, unit in stated[: len(general)]} == in_file
    assert stated[len(general) :] == [
        ("morphine.cap", 11_300.0, "ug/day"), ("morphine.concentration", 17_900.0, "ug/mL"), ("morphine.bolus", 410.0, "ug"),
        ("morphine.step_abs", 640.0, "ug/day"), ("morphine.interval", 0.0, "hour"),
        ("morphine.daily_fall", 0.13, "dimensionless"), ("morphine.patient_bolus", 1.0, "dimensionless"),
        ("morphine.equivalence", 1.0, "dimensionless"), ("morphine.sedative", 0.0, "dimensionless"),
        ("morphine.vasoactive", 0.0, "dimensionless"), ("morphine.step", -1.0, "dimensionless"),
        ("morphine.rise_28d", -1.0, "dimensionless"), ("morphine.escalation", -1.0, "dimensionless"),
        ("morphine.step_spinal", -1.0, "dimensionless"), ("morphine.step_cerebral", -1.0, "dimensionless"),
        ("morphine.start", 900.0, "ug/day"), ("morphine.oral_ratio", 0.0, "dimensionless"),
        ("morphine.start_naive", 11_300.0, "ug/day"), ("morphine.classes_before", 0.0, "dimensionless"),
    ]  # fmt: skip
    without = made_profile({key: None for key in made_file() if key.startswith("monitored.")})
    assert not any(key.startswith("monitored.") for key, _, _ in without.stated())


def test_an_admixture_runs_where_it_is_listed() -> None:
    profile = made_profile({"mixture.bupivacaine+morphine": 0.0, "mixture.bupivacaine+hydromorphone+morphine": 1.0})
    assert profile.mixtures == {"clonidine+morphine", "hydromorphone+morphine", "bupivacaine+hydromorphone+morphine"}
    profile.require_mixture(("bupivacaine",))
    profile.require_mixture(("morphine", "clonidine"))
    profile.require_mixture(("morphine", "hydromorphone", "bupivacaine"))
    with pytest.raises(ProfileError) as caught:
        profile.require_mixture(("morphine", "bupivacaine"))
    listed = "bupivacaine+hydromorphone+morphine, clonidine+morphine, hydromorphone+morphine"
    assert str(caught.value) == f"made: the admixture bupivacaine+morphine is not listed; listed: {listed}"
    gone = {f"mixture.{name}+morphine": None for name in ("bupivacaine", "clonidine", "hydromorphone")}
    with pytest.raises(ProfileError, match=r"bupivacaine\+morphine is not listed; listed: none$"):
        made_profile(gone).require_mixture(("bupivacaine", "morphine"))


def test_drugs_and_admixtures_of_a_file() -> None:
    one = Quantity(value=1.0, unit="dimensionless", source="made up", confidence="low")
    keys = ("b.cap", "a.cap", "a.bolus", "cancer.step", "monitored.step", "mixture.a+b", "mixture.", "command.age")
    file = ParameterFile("x", dict.fromkeys(keys, one), {})
    assert drugs_of(file) == ("a", "b")
    half = one.model_copy(update={"value": 0.5})
    assert mixtures_of(ParameterFile("x", {"mixture.a+b": half, "mixtures.a": one, "a.mixture.b": one}, {})) == {"a+b"}


def test_the_hash_is_of_every_number_with_its_evidence() -> None:
    profile = made_profile()
    held = sorted((key, repr(quantity)) for key, quantity in profile.file.items())
    drugs = ("bupivacaine", "clonidine", "hydromorphone", "morphine")
    mixtures = ["bupivacaine+morphine", "clonidine+morphine", "hydromorphone+morphine"]
    due = hashlib.sha256(repr((held, drugs, mixtures)).encode()).hexdigest()
    assert content_hash(profile) == profile.hash == due
    assert made_profile({"cancer.step": 0.17}).hash != due


def test_a_checked_profile_cannot_be_changed() -> None:
    profile = made_profile()
    words = "made: drugs: a profile that was checked cannot be changed"
    with pytest.raises(AttributeError, match=words):
        profile.drugs = ()
    with pytest.raises(AttributeError, match=words):
        del profile.drugs
    copy = pickle.loads(pickle.dumps(LimitProfile("other", made_file(), Path("other.toml"))))
    assert (copy.name, copy.path, copy.hash) == ("other", Path("other.toml"), profile.hash)


def test_what_a_profile_cannot_answer_is_refused() -> None:
    profile = made_profile()
    with pytest.raises(UnknownNameError, match=r"drug of profile made 'water'; known: bupivacaine, clonidine"):
        profile.cap_ug("water")
    with pytest.raises(ProfileError, match=r"^made\.toml: water: missing$"):
        profile.number("water", "ug", 0.0, 1.0)
    for low, high in ((0.19, 1.0), (0.0, 0.17)):
        with pytest.raises(ProfileError, match=rf"cancer\.step: 0\.18 dimensionless is outside \[{low}, {high}\]"):
            profile.number("cancer.step", "dimensionless", low, high)
    assert profile.number("cancer.step", "percent", 18.0 - 1e-9, 18.0 + 1e-9) == pytest.approx(18.0)
    with pytest.raises(ProfileError, match="a limit of 0 allows nothing"):
        made_profile({"morphine.cap": 0.0})


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _row(value: float) -> str:
    return f'{{ value = {value}, unit = "dimensionless", source = "mine", confidence = "low" }}'


def test_a_profile_is_laid_over_its_base(tmp_path: Path) -> None:
    path = _write(tmp_path, "mine", f'base = "seed_2025"\n[cancer]\nstep = {_row(0.11)}\n')
    mine, shipped = load_profile(str(path)), load_profile("seed_2025")
    assert (mine.name, mine.path, mine.title) == ("mine", path, "Seed review 2025 (strict)")
    assert (shipped.name, shipped.path, shipped.title) == ("seed_2025", None, "Seed review 2025 (strict)")
    assert {key for key in mine.file if mine.file[key] != shipped.file[key]} == {"cancer.step"}
    assert set(mine.file) == set(shipped.file)
    assert mine.file.path == "mine.toml"
    assert mine.limit("cancer.step") == 0.11
    assert load_profile(mine) is mine
    titled = load_profile(_write(tmp_path, "titled", 'title = "Mine"\nbase = "seed_2025"\n'))
    assert (titled.title, titled.file.texts["base"]) == ("Mine", "seed_2025")
    wrong = _write(tmp_path, "wrong", 'base = "seed_2052"\n')
    with pytest.raises(ProfileError) as caught:
        load_profile(wrong)
    known = "label_us, monitored_closed_loop, pacc_2017, research_wide, seed_2025"
    assert str(caught.value) == f"wrong.toml: base: 'seed_2052' is not one of {known} (did you mean 'seed_2025'?)"
    with pytest.raises(UnknownNameError, match=f"profile 'strict'; known: {known}"):
        load_profile("strict")


def test_at_most_three_profiles_build_on_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = profiles._shipped_file("seed_2025").read_text(encoding="utf-8")
    _write(tmp_path, "c", shipped)
    _write(tmp_path, "b", f'base = "c"\n[cancer]\nstep = {_row(0.12)}\n')
    _write(tmp_path, "a", f'base = "b"\n[noncancer]\nstep = {_row(0.13)}\n')
    monkeypatch.setattr(profiles, "shipped_profiles", lambda: ["a", "b", "c", "d"])
    monkeypatch.setattr(profiles, "_shipped_file", lambda name: tmp_path / f"{name}.toml")
    profile = load_profile(_write(tmp_path, "mine", f'base = "a"\n[bolus]\nshare = {_row(0.14)}\n'))
    assert [profile.limit(key) for key in ("cancer.step", "noncancer.step", "bolus.share")] == [0.12, 0.13, 0.14]
    _write(tmp_path, "d", shipped)
    _write(tmp_path, "c", 'base = "d"\n')
    with pytest.raises(ProfileError) as caught:
        load_profile(tmp_path / "mine.toml")
    assert str(caught.value) == "c.toml: base: more than 3 profiles build on each other"


def test_a_profile_that_a_package_adds_has_its_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, "theirs", f'base = "seed_2025"\n[cancer]\nstep = {_row(0.11)}\n')
    inside: Any = profiles._shipped_file("seed_2025")

    class Packed:
        """A file within an archive: a text, and no path."""

        def read_bytes(self) -> bytes:
            return bytes(inside.read_bytes())

        def open(self, *mode: str) -> Any:
            return inside.open(*mode)

        def __str__(self) -> str:
            return "packed"

    asked: list[tuple[str, str]] = []

    def file_of(group: str, name: str) -> Any:
        asked.append((group, name))
        return path if name == "theirs" else Packed()

    monkeypatch.setattr(
        profiles, "plugins", lambda group: {"theirs": 1, "packed": 1} if group == "thecal.profiles" else {}
    )
    monkeypatch.setattr(profiles, "plugin_file", file_of)
    theirs = load_profile("theirs")
    assert (theirs.name, theirs.path, theirs.limit("cancer.step")) == ("theirs", path, 0.11)
    packed = load_profile("packed")
    assert (packed.name, packed.path, packed.limit("cancer.step")) == ("packed", None, 0.2)
    assert asked == [("thecal.profiles", "theirs"), ("thecal.profiles", "packed")]
    with pytest.raises(UnknownNameError, match="packed, research_wide, seed_2025, theirs"):
        load_profile("strict")


def test_a_file_that_cannot_be_read_is_a_profiles_fault(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"absent\.toml: cannot be read") as caught:
        load_profile(tmp_path / "absent.toml")
    assert isinstance(caught.value.__cause__, ParameterError)
    own = _write(tmp_path, "own", 'base = "seed_2025"\nnote = "x"\n')
    with pytest.raises(ProfileError, match="note: neither a limit") as refused:
        load_profile(own)
    assert refused.value.__cause__ is None, "told as it is"
