"""The pages of the tasks follow their files and the prose, every task has one, and its picture is of the task as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import gymnasium as gym
import pytest

from thecal.core.errors import ConfigError
from thecal.envs.tasks import load_task, task_names
from thecal.experiments.reports.task_figures import picture
from thecal.experiments.reports.task_page import FIGURES, load_prose, render
from thecal.experiments.reports.task_story import scene_of, tell
from thecal.experiments.reports.task_words import source_of

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PROSE = load_prose(DOCS)
PAGES = render(PROSE)
RUN = "run `python docs/generate.py`"
MOST_BYTES = 80_000


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == PAGES[page], RUN


def test_every_task_but_the_first_three_has_a_page_and_no_other() -> None:
    shipped = [name for name in task_names() if source_of(name).exists()]
    assert sorted(PROSE.tasks) == sorted(name for name in shipped if load_task(name).version > 0)
    assert sorted(path.stem for path in (DOCS / "tasks").glob("*.md")) == sorted(PROSE.tasks)
    assert sorted(path.stem for path in (DOCS / FIGURES).iterdir()) == sorted(PROSE.tasks)


@pytest.mark.parametrize("name", PROSE.tasks)
def test_the_picture_is_small_and_of_the_task_as_it_stands(name: str) -> None:
    text = (DOCS / FIGURES / f"{name}.svg").read_text(encoding="utf-8")
    assert scene_of(name, PROSE.seed).hash in text, RUN
    own = PROSE.tasks[name]
    assert f"patient {own.patient} of the tune split" in text, RUN
    assert f" {own.policy}, scenario" in text, RUN
    assert len(text.encode()) < MOST_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("name", PROSE.tasks)
def test_the_picture_is_what_the_patient_gives(name: str) -> None:
    own = PROSE.tasks[name]
    drawn = picture(tell(scene_of(name, PROSE.seed), own.patient, own.policy))
    assert (DOCS / FIGURES / f"{name}.svg").read_text(encoding="utf-8") == drawn, RUN


@pytest.mark.parametrize("name", PROSE.tasks)
def test_everything_that_decides_stands_on_the_page(name: str) -> None:
    task, page = load_task(name), PAGES[f"tasks/{name}.md"]
    words = {task.title, task.evidence, task.profile, task.cohort, task.life, str(task.faults), task.primary.text}
    assert {word for word in words - {"none"} if word not in page} == set()
    for field in (
        *task.observation.fields,
        *task.action.fields,
        *(key for key, value in task.weights.items() if value),
    ):
        assert f"`{field}`" in page, field


@pytest.mark.parametrize("name", PROSE.tasks)
def test_no_comment_of_a_number_is_left_out(name: str) -> None:
    page = PAGES[f"tasks/{name}.md"]
    for line in source_of(name).read_text(encoding="utf-8").splitlines():
        head, sharp, comment = line.partition("#")
        if sharp and head.strip():
            assert comment.strip() in page, comment


@pytest.mark.parametrize("name", PROSE.tasks)
def test_prose_repeats_no_number_of_the_task(name: str) -> None:
    own = PROSE.tasks[name]
    for text in (own.asked, own.profile, own.posed, own.matters, own.skill, own.caption, *own.weak):
        assert re.search(r"\d", text) is None, text


@pytest.mark.parametrize("name", PROSE.tasks)
def test_the_id_of_the_page_makes_an_environment(name: str) -> None:
    (ident,) = re.findall(r'gym\.make\("([^"]+)"\)', PAGES[f"tasks/{name}.md"])
    env = gym.make(ident)
    assert env.unwrapped.spec_task.name == name
    env.close()


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_overview_is_linked(page: str) -> None:
    assert "tasks.md)" in (ROOT / page).read_text(encoding="utf-8")


def test_the_readme_names_every_task() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in PROSE.tasks if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("patient = 4", "patient = -1", "patient"),
        ("matters =", "maters =", "mat+ers"),
        ("seed = 1701", "seed = true", "seed"),
        ("seed = 1701", "", "seed"),
    ],
)
def test_prose_that_is_wrong_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    text = (DOCS / "tasks" / "prose.toml").read_text(encoding="utf-8")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "prose.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"(?s)prose\.toml.*{said}"):
        load_prose(tmp_path)
