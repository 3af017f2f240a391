"""What a proof is of: every file from a profile's text to the pump, every goal, and the limits as they are when it is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from thecal.core.parameters import ParameterFile
from thecal.safety import certificate
from thecal.safety.certificate import PROVED, SCHEMA, is_proved, kernel_hash, pinned_goals, required_goals, wiring_hash
from thecal.safety.certified import SOLVED, WIRED
from thecal.safety.profiles import LimitProfile, content_hash, load_profile

from support.modules import HOME, modules, reached

# What importing an environment leads to, and no proof is of: the reason for each.
LEFT_OUT = {
    **dict.fromkeys(("core.jit", "core.cache", "core.machine"), "how a kernel is compiled and where that is kept"),
    **dict.fromkeys(("core.errors", "core.complaints", "core.extras"), "the words of a refusal"),
    **dict.fromkeys(("core.rng", "core.distributions"), "draws of the patient"),
    "core.files": "writes what ran",
    **dict.fromkeys(("envs.kernel.metrics", "envs.kernel.rewards", "envs.kernel.observation"), "what a policy sees and is paid"),
    **dict.fromkeys(("envs.kernel.recall", "envs.signs"), "what a policy remembers of what it saw"),
    **dict.fromkeys(("envs.kernel.well", "envs.measures", "envs.outcomes", "envs.own_reward"), "what is counted after a step"),
    **dict.fromkeys(
        ("envs.adapters.infos", "envs.adapters.lazy_info", "envs.adapters.accounts", "envs.adapters.bedside"),
        "what is shown of a step",
    ),
    **dict.fromkeys(
        ("envs.adapters.picture", "envs.adapters.pictured", "envs.adapters.pictured_vector"),
        "draw what stands, and only where it is asked for",
    ),
    **dict.fromkeys(("envs.adapters.specs", "envs.variants"), "names of environments"),
    **dict.fromkeys(("envs.trails", "safety.trail", "safety.trail_content"), "keep what ran"),
    "envs.program_orders": "checks program files, which no environment runs",
    **dict.fromkeys(
        (
            "devices.interrogate", "devices.program_file", "devices.program_lines", "devices.program_writer",
            "devices.simulate", "devices.simulation_records",
        ),
        "program files, which no environment runs",
    ),
}  # fmt: skip


def _modules(sources: dict[str, tuple[str, ...]]) -> set[str]:
    names = [f"{folder.replace('/', '.')}.{name}" for folder, found in sources.items() for name in found]
    return {name.removesuffix(".py") for name in names if name.endswith(".py")}


def _led_to() -> set[str]:
    """Every module that importing anything of the environments leads to, but for the patient, who has a hash of his own."""
    found = set().union(*(reached(name) for name in modules() if name.startswith("thecal.envs")))
    files = {name for name in found if modules()[name].stem != "__init__"}
    return {name.removeprefix("thecal.") for name in files if not name.startswith("thecal.physiology.")}


def test_no_file_between_profile_and_pump_is_left_out() -> None:
    covered = _modules(SOLVED) | _modules(WIRED)
    assert _led_to() - covered == set(LEFT_OUT), "cover it in safety/certified.py, or say here why not"
    assert not covered & set(LEFT_OUT)


def test_the_solver_s_files_are_all_that_the_tick_imports() -> None:
    made_from = (
        {name.removeprefix("thecal.") for name in reached("thecal.safety.shield")} - set(LEFT_OUT) - {"", "thecal"}
    )
    made_from = {name for name in made_from if modules()[f"thecal.{name}"].stem != "__init__"}
    assert "safety.tick" in made_from
    assert made_from <= _modules(SOLVED)
    proofs = {name.removeprefix("thecal.") for name in modules() if name.startswith("thecal.safety.proofs.")}
    assert proofs <= _modules(SOLVED), "a goal that is weakened has to be proved anew"


def _paths() -> list[tuple[str, str, str]]:
    return [
        (which, folder, name)
        for which, sources in (("kernel", SOLVED), ("wiring", WIRED))
        for folder, names in sources.items()
        for name in names
    ]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Callable[[bytes], bytes]], None]]:
    """Lets the certificate read one of its files with a change."""

    def change(path: str, edit: Callable[[bytes], bytes]) -> None:
        class Read:
            def __init__(self, where: str) -> None:
                self.where = where

            def read_bytes(self) -> bytes:
                content = (HOME / self.where).read_bytes()
                return edit(content) if self.where == path else content

        class Root:
            def joinpath(self, *parts: str) -> Any:
                return Read("/".join(parts))

        found = certificate.files
        monkeypatch.setattr(certificate, "files", lambda name: Root() if name == "thecal" else found(name))
        _forget()

    yield change
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    kernel_hash.cache_clear()
    wiring_hash.cache_clear()


@pytest.mark.parametrize(("which", "folder", "name"), _paths())
def test_a_change_of_any_source_changes_its_hash(which: str, folder: str, name: str, elsewhere: Any) -> None:
    before = {"kernel": kernel_hash(), "wiring": wiring_hash()}
    elsewhere(f"{folder}/{name}", lambda content: content + b"\n")
    after = {"kernel": kernel_hash(), "wiring": wiring_hash()}
    assert [key for key in before if before[key] != after[key]] == [which]


def _proof(profile: LimitProfile) -> dict[str, Any]:
    """What a whole proof of a profile would be."""
    return {
        "schema": SCHEMA, "kernel": kernel_hash(), "wiring": wiring_hash(),
        "shared": [{"goal": name, "status": PROVED} for name in pinned_goals()["shared"]],
        "profiles": {
            profile.name: {
                "hash": content_hash(profile),
                "goals": [{"goal": name, "status": PROVED} for name in required_goals(profile)],
            }
        },
    }  # fmt: skip


@pytest.fixture
def mine(tmp_path: Path) -> tuple[LimitProfile, dict[str, Any], Path]:
    """A profile in a file of its own, with a whole proof beside it."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "Mine"\nbase = "seed_2025"\n[morphine]\n'
        'cap = { value = 14.0, unit = "mg/day", source = "mine", confidence = "low" }\n'
    )
    profile = load_profile(path)
    return profile, _proof(profile), tmp_path / "mine.proof.json"


def _with(proof: dict[str, Any], beside: Path, profile: LimitProfile) -> bool:
    beside.write_text(json.dumps(proof))
    return is_proved(profile)


def test_a_whole_proof_beside_a_profile_counts(mine: Any) -> None:
    profile, proof, beside = mine
    assert not is_proved(profile)
    assert _with(proof, beside, profile)


SPOILT: dict[str, Callable[[dict[str, Any]], None]] = {
    "one shared goal": lambda proof: proof.update(shared=proof["shared"][:1]),
    "a shared goal is missing": lambda proof: proof["shared"].pop(),
    "a goal stands twice for another": lambda proof: proof["shared"].__setitem__(0, proof["shared"][1]),
    "one goal of the profile": lambda proof: proof["profiles"]["mine"].update(
        goals=proof["profiles"]["mine"]["goals"][:1]
    ),
    "a goal of the profile is missing": lambda proof: proof["profiles"]["mine"]["goals"].pop(),
    "a goal of another name": lambda proof: proof["profiles"]["mine"]["goals"][0].update(goal="true"),
    "a goal of the profile is unknown": lambda proof: proof["profiles"]["mine"]["goals"][3].update(status="unknown"),
    "a shared goal is out of units": lambda proof: proof["shared"][3].update(status="out of units"),
    "no goals": lambda proof: proof["profiles"]["mine"].update(goals=[]),
    "goals that are no list": lambda proof: proof["profiles"]["mine"].update(goals="proved"),
    "another profile's": lambda proof: proof["profiles"]["mine"].update(hash=load_profile("seed_2025").hash),
    "another kernel": lambda proof: proof.update(kernel="0" * 64),
    "another wiring": lambda proof: proof.update(wiring="0" * 64),
    "no wiring": lambda proof: proof.pop("wiring"),
    "another schema": lambda proof: proof.update(schema=1),
    "profiles that are no table": lambda proof: proof.update(profiles=[]),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_proof_that_is_not_whole_is_none(kind: str, mine: Any) -> None:
    profile, proof, beside = mine
    SPOILT[kind](proof)
    assert not _with(proof, beside, profile)


@pytest.mark.parametrize("text", ["{not json", "[]", "3", "null", '{"schema": 2}'])
def test_what_is_no_proof_proves_nothing(text: str, mine: Any) -> None:
    profile, _, beside = mine
    beside.write_text(text)
    assert not is_proved(profile)


def test_the_goals_of_another_profile_are_not_enough(mine: Any) -> None:
    profile, proof, beside = mine
    wide = load_profile("research_wide")
    proof["profiles"]["mine"]["goals"] = [{"goal": name, "status": PROVED} for name in required_goals(wide)]
    assert not _with(proof, beside, profile)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("safety/profiles.py", 'return self.drug_limit(drug, "cap")', 'return 10.0 * self.drug_limit(drug, "cap")'),
        ("safety/tick.py", "def shield_tick(", "def shield_tick_before("),
        ("envs/kernel/step.py", "_send(world, par, shield.allowed_rate, given)", "_send(world, par, rate, bolus)"),
        ("envs/kernel/shield_input.py", "_tenths(patient, RR)", "_tenths(patient, HR)"),
        ("devices/program.py", "def command(", "def command_before("),
        ("safety/data/ceilings.toml", "value = 50.0", "value = 500.0"),
    ],
)
def test_what_was_taken_for_proved_is_so_no_longer(path: str, old: str, new: str, mine: Any, elsewhere: Any) -> None:
    profile, proof, beside = mine
    assert _with(proof, beside, profile)
    assert old.encode() in (HOME / path).read_bytes()
    elsewhere(path, lambda content: content.replace(old.encode(), new.encode()))
    assert not is_proved(profile)


def test_a_profile_cannot_be_changed_once_it_is_checked(mine: Any) -> None:
    profile = mine[0]
    for name in ("cap_ug", "file", "drugs", "mixtures", "name", "hash", "new"):
        with pytest.raises(AttributeError):
            setattr(profile, name, lambda drug: 1e6)
    with pytest.raises(AttributeError):
        del profile.file
    for name in ("_quantities", "texts", "path", "get_in"):
        with pytest.raises(AttributeError):
            setattr(profile.file, name, {})
    with pytest.raises(TypeError):
        profile.file.texts["title"] = "Another"  # type: ignore[index]
    with pytest.raises(TypeError):
        profile.file._quantities["morphine.cap"] = profile.file["morphine.bolus"]  # type: ignore[index]


def test_a_profile_changed_by_force_is_noticed(mine: Any) -> None:
    profile, proof, beside = mine
    assert _with(proof, beside, profile)
    loose = profile.file["morphine.cap"].model_copy(update={"value": 140.0})
    changed = ParameterFile(profile.file.path, {**profile.file, "morphine.cap": loose}, profile.file.texts)
    kept = profile.file
    object.__setattr__(profile, "file", changed)
    assert not is_proved(profile)
    object.__setattr__(profile, "file", kept)
    assert is_proved(profile)
    object.__setattr__(profile, "mixtures", frozenset({"baclofen+morphine"}))
    assert not is_proved(profile)


def test_a_quantity_changed_by_force_is_noticed(mine: Any) -> None:
    profile, proof, beside = mine
    assert _with(proof, beside, profile)
    profile.file["morphine.cap"].__dict__["value"] = 140.0
    assert profile.cap_ug("morphine") == 140_000.0
    assert not is_proved(profile)


class Borrowed(LimitProfile):
    """Limits of its own under the hash of another profile."""

    __slots__ = ()

    @property
    def hash(self) -> str:
        return load_profile("seed_2025").hash

    def cap_ug(self, drug: str) -> float:
        return 1.1 * super().cap_ug(drug)


class File(ParameterFile):
    """A file that shows other numbers than it holds."""

    __slots__ = ()


def test_a_class_that_borrows_a_hash_is_not_proved(mine: Any) -> None:
    profile, proof, beside = mine
    assert _with(proof, beside, profile)
    assert not is_proved(Borrowed(profile.name, profile.file, profile.path))
    file = File(profile.file.path, dict(profile.file), profile.file.texts)
    assert not is_proved(LimitProfile(profile.name, file, profile.path))
    assert is_proved(LimitProfile(profile.name, profile.file, profile.path))


def test_the_check_needs_no_solver(mine: Any) -> None:
    assert not any(name.startswith("thecal.safety.proofs") for name in reached("thecal.safety.certificate"))
