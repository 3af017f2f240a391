"""No command writes upon what it reads, upon another output, or upon what is no file; and that is seen before any work."""

from __future__ import annotations

import inspect
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from thecal.core.errors import ConfigError, StoreError
from thecal.experiments.cli import app, run
from thecal.experiments.commands.places import Output, check_outputs, files_of, page

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "bridge.toml"
CHARTS = "patient,age_y,male,height_cm,weight_kg\na,60,true,170,70\n"
# Parameters that are read. Every other path of a command is written.
READ = {"config", "program", "trail", "table", "charts", "history", "roots", "units", "source", "doses"}
WRITTEN = {("pump simulate", "table")}
# What a command must be given besides.
BASE = {
    "pump simulate": [str(EXAMPLE)], "cohort import": ["t.csv", "--out", "m.toml"], "evaluate": ["fixed"], "compare": ["fixed"],
    "attack": ["--frames", "0"], "report": ["folder"], "verify": ["seed_2025"],
    "calibrate": ["opioid_window"], "headroom": ["CancerMorphine"], "trial": ["cancer_trial"],
    "events check": ["t.csv"], "events convert": ["t.csv", "t.parquet"], "events expand": ["t.csv", "t.parquet"],
    "fit": ["t.csv", "--out", "fitted"], "nca": ["t.csv"], "exchange sbml": ["t.xml"],
}  # fmt: skip


def _commands(command: Any, name: str = "") -> Any:
    if hasattr(command, "commands"):
        for key, inner in command.commands.items():
            yield from _commands(inner, f"{name} {key}".strip())
    else:
        yield name, command


def _outputs() -> Any:
    for name, command in _commands(typer.main.get_command(app)):
        signature = inspect.signature(inspect.unwrap(command.callback), eval_str=True)
        for parameter in signature.parameters.values():
            path = "Path" in str(parameter.annotation) or parameter.name == "out"
            if path and (parameter.name not in READ or (name, parameter.name) in WRITTEN):
                option = next(one.opts[0] for one in command.params if one.name == parameter.name)
                yield name, option


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(CHARTS, encoding="utf-8")
    return tmp_path


OUTPUTS = sorted(_outputs())


def test_the_walk_finds_the_outputs():
    assert {("pump simulate", "--csv"), ("cohort export", "path"), ("train", "--out"), ("demo", "--out")} <= set(
        OUTPUTS
    )


@pytest.mark.parametrize(("name", "option"), OUTPUTS, ids=[f"{name} {option}" for name, option in OUTPUTS])
def test_every_output_is_seen_to_before_work(name, option, monkeypatch, capsys):
    def check(*, inputs: Any = (), files: Any = None, folders: Any = None) -> None:
        paths = [file.path for file in (files or {}).values()] + list((folders or {}).values())
        raise ConfigError(f"seen: {[str(path) for path in paths]}")

    for module in [one for key, one in sys.modules.items() if key.startswith("thecal.experiments.commands.")]:
        if hasattr(module, "check_outputs"):
            monkeypatch.setattr(module, "check_outputs", check)
    given = BASE.get(name, [])
    if option in given:
        given = given[: given.index(option)]
    if option == "target":  # the last argument itself
        given = given[:-1]
    line = [*name.split(), *given, *([option] if option.startswith("-") else []), "here.json"]
    assert run(line) == 2
    said = capsys.readouterr().err
    assert "seen: " in said
    assert "here.json" in said


def _links(program: Path) -> dict[str, Path]:
    """Other names of a file."""
    folder = program.parent
    (folder / "soft.csv").symlink_to(program)
    os.link(program, folder / "hard.csv")
    (folder / "inner").mkdir()
    (folder / "door").symlink_to(folder, target_is_directory=True)
    return {
        "itself": program, "symbolic": folder / "soft.csv", "hard": folder / "hard.csv",
        "relative": Path("inner") / ".." / program.name, "through a folder": folder / "door" / program.name,
    }  # fmt: skip


def test_an_input_by_whatever_name_is_not_written_upon(elsewhere, capsys):
    program = elsewhere / "program.csv"  # the reader of programs does not mind the ending
    program.write_bytes(EXAMPLE.read_bytes())
    for kind, path in _links(program).items():
        assert run(["pump", "simulate", str(program), "--csv", str(path)]) == 2, kind
        assert "this is what the command reads" in capsys.readouterr().err
        assert program.read_bytes() == EXAMPLE.read_bytes()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["pump", "simulate", "p.toml", "--csv", "p.toml"], 2, "--csv p.toml: the ending must be .csv"),
        (["pump", "simulate", "p.toml", "--plot", "p.csv"], 2, "--plot p.csv: the ending must be one of .html, .htm"),
        (["pump", "simulate", "p.toml", "--csv", "folder.csv"], 2, "is a directory"),
        (["pump", "simulate", "p.toml", "--csv", "pipe.csv"], 4, "it is no regular file"),
        (["pump", "simulate", "p.toml", "--csv", "t.csv/x.csv"], 4, "cannot be written"),
        (["cohort", "import", "t.csv", "--out", "m.toml", "--report", "t.csv"], 2, "--report t.csv: this is what"),
        (["cohort", "import", "t.csv", "--out", "t.csv"], 2, "--out t.csv: the ending must be .toml"),
        (["cohort", "export", "t.csv", "--cohort", "mine.toml"], 2, "this is what the command reads"),
        (["cohort", "describe", "--cohort", "mine.toml", "--plot", "mine.toml"], 2, "--plot mine.toml: the ending"),
        (["evaluate", "policy", "--out", "policy"], 2, "this is what the command reads"),
        (["evaluate", "policy", "--out", "policy/inner"], 2, "lies in policy, which the command reads"),
        (["evaluate", "fixed", "--config", "policy/config.json", "--out", "policy"], 2, "its config.json is what"),
        (["compare", "fixed", "policy", "--out", "door/inner"], 2, "lies in policy"),
        (["compare", "fixed", "--reference", "policy", "--out", "policy"], 2, "this is what the command reads"),
        (["train", "--task", "mine.toml", "--out", "mine.toml"], 4, "it is no folder"),
        (["train", "--config", "policy/config.json", "--out", "policy"], 2, "its config.json"),
        (["demo", "--out", "t.csv"], 2, "is a file"),
        (["verify", "mine.toml", "--out", "mine.toml"], 3, "mine.toml"),
        (["attack", "--out", "t.csv", "--frames", "0"], 2, "the ending must be .json"),
        (["report", "policy/report.html", "--out", "policy/report.html"], 2, "this is what the command reads"),
        (["safety-case", "--out", "t.csv"], 2, "the ending must be one of .html"),
        (["validate", "--docs", "t.csv"], 2, "is a file"),
    ],
)  # fmt: skip
def test_what_would_harm_is_refused_and_changes_nothing(line, code, words, elsewhere, capsys):
    Path("p.toml").write_bytes(EXAMPLE.read_bytes())
    Path("mine.toml").write_text('base = "cancer"\ntable = "t.csv"\n', encoding="utf-8")
    Path("folder.csv").mkdir()
    os.mkfifo("pipe.csv")
    Path("policy").mkdir()
    Path("door").symlink_to("policy")
    Path("policy/config.json").write_text("{}", encoding="utf-8")
    Path("policy/report.html").write_text("<p>", encoding="utf-8")
    before = {path: path.read_bytes() for path in sorted(elsewhere.rglob("*")) if path.is_file()}
    assert run(line) == code
    assert words in " ".join(capsys.readouterr().err.split())
    assert {path: path.read_bytes() for path in sorted(elsewhere.rglob("*")) if path.is_file()} == before


def test_two_outputs_at_one_place_are_refused(elsewhere):
    for files, folders in (
        ({"--a": Output("x.csv", (".csv",)), "--b": Output("./X.csv", (".csv",))}, {}),
        ({"--a": page("x.html")}, {"--b": "x.html"}),
    ):
        with pytest.raises(ConfigError, match="--a writes there too"):
            check_outputs(files=files, folders=folders)


def test_what_dev_offers_is_no_file_and_stays_as_it_is(capsys):
    assert run(["pump", "simulate", str(EXAMPLE), "--csv", "/dev/null"]) == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    check_outputs(files={"--a": page("/dev/null"), "--b": page("/dev/null")})


@pytest.mark.parametrize("name", ["a\0b.csv", "x" * 300 + ".csv", "t.csv/x/y.csv"])
def test_a_path_that_cannot_be_is_one_sentence(name):
    with pytest.raises((ConfigError, StoreError), match="^--a"):
        check_outputs(files={"--a": Output(name, (".csv",))})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_takes_nothing_is_seen_before_work(elsewhere):
    closed = elsewhere / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        check_outputs(files={"--a": Output(closed / "new" / "x.csv", (".csv",))})


def test_the_files_of_a_scenario_are_found(elsewhere):
    Path("mine.TOML").write_text('base = "cancer"\ntable = "t.csv"\n', encoding="utf-8")
    assert files_of({"cohort": "mine.TOML", "pump": "p.toml", "task": "CancerMorphine"}) == [
        Path("mine.TOML"), Path("t.csv"), Path("p.toml"),
    ]  # fmt: skip
