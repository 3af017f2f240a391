"""Every command in hostile surroundings: no room, closed output, no home, odd folders, a limit on files, another user."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.calls import CALLS, Call, complaints, do, surroundings

pytestmark = pytest.mark.usefixtures("untouched")
QUICK = [call for call in CALLS if not call.slow]
# A small slice of everything runs by default; the whole is marked slow.
SLICE = (("list", "policies", "--json"), ("cohort", "export", "patients.csv", "-n", "20"))
ODD = ("a%20b", "a b#c?d=e;f", "été 📁", "x" * 200, "lr=3e-4", "%2e%2e", "tab\there", "-n", "end.")


def calls(*, slow_too: bool = False) -> list[object]:
    """The calls as parameters; those outside the slice are marked slow."""
    chosen = CALLS if slow_too else QUICK
    return [
        pytest.param(call, id=f"{k}-{call.name}", marks=[] if call.words in SLICE else pytest.mark.slow)
        for k, call in enumerate(chosen)
    ]


@pytest.fixture
def ready(request: pytest.FixtureRequest, made: Path) -> Path:
    """The inputs of a call, with results where it reads some."""
    call = request.getfixturevalue("call")
    needs = any(word in ("IN/judged", "IN/kept") for word in call.words)
    found: Path = request.getfixturevalue("results") if needs else made
    return found


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no small file system can be mounted here: {made.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("call", calls(slow_too=True))
def test_kind_surroundings_are_no_trouble(call: Call, ready: Path, tmp_path: Path) -> None:
    ran = do(call, tmp_path, ready)
    assert ran.code == call.code, ran.err
    assert complaints(ran) == []
    assert [name for name in call.writes if not (tmp_path / name).is_file()] == []


@pytest.mark.parametrize("shell", ["> /dev/full", ">&-", "2>&-", ">&- 2>&-", "2> /dev/full"], ids=range(5))
@pytest.mark.parametrize("call", calls())
def test_output_that_cannot_be_written(call: Call, shell: str, ready: Path, tmp_path: Path) -> None:
    ran = do(call, tmp_path, ready, shell=shell)
    assert complaints(ran) == []
    assert ran.code in {0, 4}
    if ran.code == 4 and not shell.endswith(("2>&-", "2> /dev/full")):
        assert ran.err.count("error:") == 1
    if ran.code == 4 and shell.startswith(">&-"):
        assert list(tmp_path.iterdir()) == []  # nobody could have been told: it did not begin
        return
    # What was asked for as a file is there all the same: it was saved before anything was told.
    assert [name for name in call.writes if not (tmp_path / name).is_file()] == []


@pytest.mark.parametrize("call", calls())
def test_a_reader_that_leaves_early(call: Call, ready: Path, tmp_path: Path) -> None:
    ran = do(call, tmp_path, ready, shell="| true")
    assert complaints(ran) == []


@pytest.mark.parametrize("call", calls(slow_too=True))
def test_a_file_system_without_room(call: Call, ready: Path, small: Path) -> None:
    (small / "ballast").write_bytes(b"x" * 1_950_000)
    ran = do(call, small, ready)
    assert complaints(ran) == []
    assert ran.code in ({0, 4} if call.writes else {0})


@pytest.mark.parametrize("call", calls())
def test_a_limit_on_the_size_of_files(call: Call, ready: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    ran = do(call, tmp_path, ready, preexec_fn=limit)
    assert complaints(ran) == []
    assert ran.code in ({0, 4} if call.writes else {0})


@pytest.mark.parametrize("call", calls())
def test_no_home_and_no_place_for_compiled_code(call: Call, ready: Path, tmp_path: Path) -> None:
    if call.name in ("evaluate-fixed", "compare-fixed", "train", "validate-csf_half_life", "audit"):
        pytest.skip("without a cache it compiles for a minute; one such call is enough")
    place = tmp_path / "file"
    place.write_text("no folder", encoding="utf-8")
    env = surroundings(HOME=None, XDG_CACHE_HOME=None, NUMBA_CACHE_DIR=str(place / "cache"))
    ran = do(call, tmp_path, ready, env=env)
    assert complaints(ran) == []
    assert ran.code == call.code, ran.err


@pytest.mark.parametrize("call", calls(slow_too=True))
def test_a_package_that_cannot_be_written(call: Call, ready: Path, tmp_path: Path) -> None:
    """The checkout is mounted read-only, as an installed package is for most people, and there is no home."""
    if not _may_mount():
        pytest.skip("a read-only mount needs the rights of root")
    root = str(Path(__file__).resolve().parents[2])
    seal = ["unshare", "-m", "bash", "-c", 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"', root]
    env = surroundings(HOME="/nonexistent", XDG_CACHE_HOME=None, NUMBA_CACHE_DIR=None)
    ran = do(call, tmp_path, ready, env=env, before=seal)
    assert ran.code == call.code, ran.err
    assert complaints(ran) == []


def _may_mount() -> bool:
    return not subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=str(k), marks=[] if k < 4 else pytest.mark.slow) for k, name in enumerate(ODD)]
)
@pytest.mark.parametrize("call", calls())
def test_odd_names_of_folders(call: Call, name: str, ready: Path, tmp_path: Path) -> None:
    if not call.writes:
        pytest.skip("it writes nothing")
    place = tmp_path / name
    place.mkdir()
    ran = do(call, place, ready)
    assert ran.code == call.code, ran.err
    assert complaints(ran) == []
    assert [one for one in call.writes if not (place / one).is_file()] == []
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.slow
@pytest.mark.parametrize("call", calls())
@pytest.mark.parametrize(
    "change",
    [{"TERM": "dumb"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}, {"TZ": "Pacific/Chatham"}],
    ids=["dumb", "ascii", "zone"],
)
def test_odd_terminals_and_places(call: Call, change: dict[str, str], ready: Path, tmp_path: Path) -> None:
    ran = do(call, tmp_path, ready, env=surroundings(**change))
    assert complaints(ran) == []
    assert ran.code == call.code, ran.err
