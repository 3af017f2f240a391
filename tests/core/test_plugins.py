"""What other packages add: found by name, loaded late, and refused in one sentence that names the package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from thecal.core.errors import ConfigError
from thecal.core.plugins import COHORTS, POLICIES, PROFILES, TASKS, origin, plugin, plugin_file, plugins, sound
from thecal.experiments.cli import run

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution with entry points of one group and files of its package on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(name: str, group: str, points: dict[str, str], **files: str) -> Path:
        about = tmp_path / f"{name}-1.2.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
        lines = [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
        (about / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        package = tmp_path / name
        package.mkdir()
        for file, text in {"__init__.py": "", **files}.items():
            (package / file).write_text(text, encoding="utf-8")
        plugins.cache_clear()
        return package

    yield put
    plugins.cache_clear()


def test_entry_points_are_sorted_and_load_nothing_yet(install: Install) -> None:
    install("added_a", POLICIES, {"zeta": "added_a:Z", "alpha": "added_a:A"}, **{"__init__.py": "raise RuntimeError"})
    assert [name for name in plugins(POLICIES) if name in ("alpha", "zeta")] == ["alpha", "zeta"]
    assert "alpha" not in plugins(TASKS)
    assert origin(POLICIES, "alpha") == "added_a 1.2"
    assert origin(POLICIES, "no such policy") == ""


def test_a_plug_in_is_what_its_entry_point_names(install: Install) -> None:
    install("added_b", POLICIES, {"mine": "added_b:Mine"}, **{"__init__.py": "class Mine:\n    label = 'here'\n"})
    assert plugin(POLICIES, "mine").label == "here"


def test_the_same_name_from_two_packages_is_refused(install: Install) -> None:
    install("added_c", POLICIES, {"mine": "added_c:One"})
    install("added_d", POLICIES, {"mine": "added_d:Two"})
    with pytest.raises(
        ConfigError, match=r"thecal\.policies 'mine' is added twice: by .*added_[cd] 1\.2 .*added_[cd] 1\.2"
    ):
        plugins(POLICIES)


def test_a_package_that_is_found_twice_counts_once(install: Install) -> None:
    install("added_e", POLICIES, {"mine": "added_e:Mine"})
    install("added_f", POLICIES, {"mine": "added_e:Mine"})
    assert plugins(POLICIES)["mine"].value == "added_e:Mine"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('no license')", r"RuntimeError: no license"),
        ("import no_such_module_anywhere", r"ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("", r"AttributeError: .*Mine"),
        ("def", "SyntaxError: "),
    ],
)
def test_code_that_fails_on_import_names_its_package(code: str, reason: str, install: Install) -> None:
    name = f"added_g{len(code)}"
    install(name, POLICIES, {"mine": f"{name}:Mine"}, **{"__init__.py": code})
    with pytest.raises(ConfigError, match=rf"'mine' of {name} 1\.2 cannot be loaded \({reason}"):
        plugin(POLICIES, "mine")


def test_a_file_is_found_in_the_package_or_by_its_path(install: Install) -> None:
    code = "from importlib.resources import files\nPATH = files(__name__) / 'other.toml'\n"
    files = {"__init__.py": code, "mine.toml": "title = 1", "other.toml": "title = 2"}
    install("added_h", TASKS, {"mine": "added_h", "other": "added_h:PATH"}, **files)
    assert plugin_file(TASKS, "mine").read_text(encoding="utf-8") == "title = 1"
    assert plugin_file(TASKS, "other").read_text(encoding="utf-8") == "title = 2"


@pytest.mark.parametrize("value", ["added_i", "added_i:NUMBER", "added_i:GONE"])
def test_a_file_that_is_not_there_is_refused_by_name(value: str, install: Install) -> None:
    code = "from pathlib import Path\nNUMBER = 3\nGONE = Path('gone.toml')\n"
    install("added_i", COHORTS, {"mine": value}, **{"__init__.py": code})
    with pytest.raises(ConfigError, match=rf"thecal\.cohorts 'mine' of added_i 1\.2: {value} is no file mine\.toml"):
        plugin_file(COHORTS, "mine")


@pytest.mark.parametrize("value", ["added_j", "added_j:PATH", "not_there_at_all"])
def test_a_file_of_a_package_that_fails_is_refused(value: str, install: Install) -> None:
    install("added_j", TASKS, {"mine": value}, **{"__init__.py": "raise RuntimeError('broken')"})
    with pytest.raises(ConfigError, match=r"thecal\.tasks 'mine' of added_j 1\.2 cannot be loaded \("):
        plugin_file(TASKS, "mine")


def test_a_broken_plug_in_does_not_hide_the_others(install: Install) -> None:
    install("added_bad", PROFILES, {"bad": "added_bad"})
    seen: list[ConfigError] = []

    def load(name: str) -> str:
        if name != "good":
            raise ConfigError(f"{name} is broken")
        return name.upper()

    assert sound(PROFILES, ["good", "bad"], load, seen.append) == {"good": "GOOD"}
    assert [str(error) for error in seen] == ["bad is broken"]
    with pytest.raises(ConfigError, match="shipped is broken"):
        sound(PROFILES, ["shipped"], load)


@pytest.mark.parametrize(("group", "kind"), [(POLICIES, "policies"), (COHORTS, "cohorts"), (PROFILES, "profiles")])
def test_a_broken_plug_in_is_left_out_of_the_list(
    group: str, kind: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install(f"added_{kind}", group, {"bad": f"added_{kind}"}, **{"__init__.py": "raise RuntimeError"})
    assert run(["list", kind, "--json"]) == 0
    shown = capsys.readouterr()
    assert '"bad"' not in shown.out
    assert shown.err.startswith(f"left out: {group} 'bad' of added_{kind} 1.2")
