"""The scorecard's figures and page: every observation placed once, equal bytes for equal scores, saved and read again."""

from __future__ import annotations

import json
import math
import re
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from thecal.core.errors import StoreError
from thecal.experiments.reports.scorecard import scorecard
from thecal.experiments.reports.theme import INK, SECOND
from thecal.experiments.reports.validation_charts import (
    RATIOS,
    decade_ticks,
    identity,
    misses,
    placed,
    time_unit,
    vpc_chart,
)
from thecal.experiments.reports.validation_figures import figures
from thecal.experiments.reports.validation_page import Saved, load, refreshed, render, save, write_page
from thecal.experiments.validation.bands import Band
from thecal.experiments.validation.scores import Score, records
from thecal.experiments.validation.targets import GROUPS, load_targets

from support.drawn import hollow, line, marks, uprights
from support.scores import CHECK, shipped_scores, some_scores, target


def test_misses_are_numbered_in_the_order_of_the_page():
    assert [score.target.key for score in misses(some_scores())] == ["b", "c"]
    shown = scorecard(records(some_scores()))
    numbers = {row["target"].key: row["number"] for group in shown["groups"] for row in group["rows"]}
    assert numbers == {"a": None, "b": 1, "c": 2}
    drawn = "".join(identity(some_scores()).panels[0].front)
    assert re.findall(r'dy="4">(\d+)</text>', drawn) == ["1", "2"]
    page = render(Saved(some_scores(), []))
    assert page.index("1. Ratio: observed 2") < page.index("2. Fall of pain: observed 2 %")


def test_report_bar_holds_far_values_to_its_edge():
    rows = {
        value: scorecard(records([Score(target=target(), values=(value,))]))["groups"][0]["rows"][0]
        for value in (1.0, 4.0, 50.0, -50.0, math.nan)
    }
    near, far = rows[1.0], rows[50.0]
    assert near["x_simulated"] == near["x_low"]
    assert rows[4.0]["x_simulated"] == pytest.approx(near["x_low"] + near["x_width"])
    assert far["beyond"]
    assert far["x_low"] + far["x_width"] < far["x_simulated"] < far["width"]
    assert 0 < rows[-50.0]["x_simulated"] < near["x_low"]
    assert rows[math.nan]["x_simulated"] is None
    assert rows[math.nan]["simulated"] == "–"
    assert scorecard([]) is None


def test_identity_holds_every_observation_once_within_its_axes():
    scores = shipped_scores(lambda target: target.observed * 1.5)
    points = placed(scores)
    assert sorted(point.score.target.key for point in points) == sorted(score.target.key for score in scores)
    assert all(point.y == pytest.approx(1.5) and point.low < 1.0 <= point.high for point in points if point.x == 4.23)
    (panel,) = identity(scores).panels
    places = marks(panel)
    missed = sum(score.verdict == "miss" for score in scores)
    assert len(places) == len(scores) + missed
    assert hollow(panel) == sum(score.target.role != "test" for score in scores) + missed
    assert ((places[:, 1] > 0.99 * RATIOS[0]) & (places[:, 1] < 1.01 * RATIOS[1])).all()
    assert {key.name for key in panel.keys} == set(GROUPS.values())
    lost = placed([Score(target=target(), values=(value,)) for value in (-1.0, math.nan, 1e9)])
    assert [point.y for point in lost] == [RATIOS[0], RATIOS[0], RATIOS[1]]


def test_decades_between_two_ends():
    assert decade_ticks(0.02, 150.0) == pytest.approx([0.1, 1.0, 10.0, 100.0])


def test_course_shows_band_median_and_published_spread():
    (panel,) = vpc_chart(CHECK, "published-1").panels
    middle = line(panel, "median simulated")
    assert middle[-1] == pytest.approx([CHECK.time_h[-1], CHECK.median[-1]], rel=0.01)
    assert uprights(panel, SECOND)[0] == pytest.approx(CHECK.observed[0][2:], rel=0.01)
    assert marks(panel)[0] == pytest.approx(CHECK.observed[0][:2], rel=0.01)
    assert panel.y.log


@pytest.mark.parametrize(("last", "unit"), [(12.0, "h"), (72.0, "h"), (73.0, "d"), (2880.0, "d"), (17520.0, "months")])
def test_time_axis_has_a_fitting_unit(last, unit):
    band = Band("t", "u", [0.0, last], [0.0] * 2, [1.0] * 2, [2.0] * 2, [(last, 1.0, 0.5, 1.5)], "s")
    assert time_unit(band)[1] == unit
    (panel,) = vpc_chart(band, "b").panels
    assert marks(panel)[0, 0] == pytest.approx(last / time_unit(band)[0], rel=0.01)


def test_figures_are_the_same_bytes_under_any_style():
    first = figures(some_scores(), [CHECK])
    assert list(first) == ["identity", "kinetics", "trial", "course_1"]
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "black"}):
        assert figures(some_scores(), [CHECK]) == first
    for text in first.values():
        ElementTree.fromstring(text)
        assert "<dc:date>" not in text
    assert "Half-life in CSF" in first["kinetics"]


def test_what_is_saved_comes_back_rounded(tmp_path):
    scores = [Score(target=target(), values=(1.234567,)), Score(target=target(key="b"), values=(math.nan,))]
    save(Saved(scores, [CHECK]), tmp_path)
    again = load(tmp_path)
    assert again.scores[0].simulated == 1.2346
    assert again.scores[0].target == scores[0].target
    assert math.isnan(again.scores[1].simulated)
    assert not again.scores[1].passed
    assert json.loads(json.dumps(again.checks[0].observed)) == [list(CHECK.observed[0])]
    assert again.checks[0].median == CHECK.median


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"scores": [{"key": "a"}], "checks": []}', '{"scores": [], "checks": [1]}']
)
def test_damaged_scores_are_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "validation.json").write_text(text)
    with pytest.raises(StoreError, match=r"validation\.json: not a saved scorecard"):
        load(tmp_path)


def test_missing_scores_and_unwritable_folders_are_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        write_page(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        save(Saved(some_scores(), []), tmp_path / "file")


def test_texts_follow_the_targets_but_tolerances_need_a_run():
    now = load_targets()[0]
    old_text = Score(target=now.model_copy(update={"source": "unknown"}), values=(1.0,))
    old_interval = Score(target=now.model_copy(update={"high": now.high * 2}), values=(1.0,))
    gone = Score(target=target(), values=(1.0,))
    found = refreshed(Saved([old_text, old_interval, gone], [CHECK]))
    assert [score.target for score in found.scores] == [now, old_interval.target, gone.target]
    assert found.checks == [CHECK]


def test_page_has_every_row_and_no_figure_of_an_older_one(tmp_path):
    save(Saved(some_scores(), [CHECK, CHECK]), tmp_path)
    write_page(tmp_path)
    save(Saved(some_scores(), [CHECK]), tmp_path)
    page = write_page(tmp_path).read_text(encoding="utf-8")
    shown = re.findall(r"\]\((figures/[^)]+)\)", page)
    assert sorted(shown) == sorted(f"figures/{path.name}" for path in (tmp_path / "figures").iterdir())
    assert (
        "| Fall of pain<br><sub>one bolus at L3</sub> | 2 % | 1–4<br><sub>range</sub> | 0.5 | 0.00 | **miss** |" in page
    )
    assert "**1 of 3**" in page
    assert "None." in render(Saved(some_scores()[1:2], []))


def test_figures_show_errors_and_both_structures():
    near, far = (2.0, 2.4, 2.2), (3.9, 4.3, 3.8)
    first, second = (
        Score(target=target(), values=values, structure=structure)
        for values, structure in ((near, "axial"), (far, "compartment"))
    )
    point = placed([first])[0]
    assert (point.least, point.most) == pytest.approx(
        ((2.2 - 2 * first.error) / 2.0, (2.2 + 2 * first.error) / 2.0)
    )  # fmt: skip
    one, both = figures([first], []), figures([first, second], [])
    assert both["identity"] == one["identity"]  # the first structure alone
    assert both["kinetics"] != one["kinetics"]
    assert both["kinetics"].count("Half-life in CSF") == 1
    assert "2.2 ± 0.12" in both["kinetics"]
    (panel,) = identity([first]).panels
    (ends,) = uprights(panel, INK)
    assert sorted(ends) == pytest.approx([point.least, point.most], rel=0.01)
