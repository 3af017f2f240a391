"""Panels drawn as SVG: what a line holds can be read back, gaps stay gaps, and axes have round labels."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.experiments.reports.chart import Chart, charts_in, file_name
from thecal.experiments.reports.svg import Axis, Panel, axis_of

from support.drawn import line, marks

FINITE = st.floats(-1e3, 1e3, allow_nan=False)


def panel(low=-1000.0, high=1000.0, **more):
    return Panel(100, Axis(0.0, 10.0), Axis(low, high), **more)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(FINITE, min_size=2, max_size=60))
def test_a_short_line_reads_back_within_its_grid(values):
    drawn = panel()
    x = np.linspace(0.0, 10.0, len(values))
    drawn.line(x, values, "#000000", "a")
    found = line(drawn, "a")
    # Half a unit of the grid up, and what the line climbs in half a unit across.
    climb = float(np.abs(np.diff(values)).max()) / float(x[1] - x[0])
    again = np.interp(x, found[:, 0], found[:, 1])
    assert np.abs(again - values).max() <= 1.01 + 0.0051 * climb
    assert found[0] == pytest.approx([x[0], values[0]], abs=1.01)
    assert found[-1] == pytest.approx([x[-1], values[-1]], abs=1.01)


def test_a_long_line_keeps_its_extremes_and_its_size():
    drawn, x = panel(), np.linspace(0.0, 10.0, 17_280)
    values = 100.0 * np.sin(x)
    values[5_001], values[12_345] = 900.0, -900.0
    drawn.line(x, values, "#000000", "a")
    found = line(drawn, "a")
    assert found[:, 1].max() == pytest.approx(900.0, abs=1.1)
    assert found[:, 1].min() == pytest.approx(-900.0, abs=1.1)
    assert found[np.argmax(found[:, 1]), 0] == pytest.approx(x[5_001], abs=0.01)
    assert len(drawn.lines[0]) < 8_000


def test_gaps_stay_gaps():
    values = np.arange(10.0)
    values[4:6] = np.nan
    drawn = panel(0.0, 10.0)
    drawn.line(np.arange(10.0), values, "#000000", "a")
    drawn.band(np.arange(10.0), values, values + 1.0, "#000000", 0.2)
    assert np.isnan(line(drawn, "a")).any()
    assert len(drawn.back) == 2
    drawn.line([1.0, 2.0], [np.nan, np.nan], "#000000", "nothing")
    assert [key.name for key in drawn.keys] == ["a"]


def test_a_level_stretch_is_one_step():
    drawn = panel(0.0, 10.0)
    drawn.line(np.linspace(0.0, 10.0, 500), np.full(500, 3.0), "#000000", "a")
    assert len(drawn.lines[0]) < 200


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0.0, 10.0), [0, 2, 4, 6, 8, 10]),
        (Axis(-0.3, 0.7), [-0.2, 0.0, 0.2, 0.4, 0.6]),
        (Axis(0.02, 150.0, log=True), [0.1, 1.0, 10.0, 100.0]),
        (Axis(0.0, 28.0), [0, 5, 10, 15, 20, 25]),
    ],
)
def test_ticks_are_round(axis, ticks):
    assert axis.ticks(6) == pytest.approx(ticks)


@settings(max_examples=100, deadline=None)
@given(low=FINITE, span=st.floats(1e-6, 1e6), most=st.integers(2, 10))
def test_ticks_lie_within_their_axis(low, span, most):
    axis = Axis(low, low + span)
    found = axis.ticks(most)
    assert len(found) <= most
    assert all(low - 1e-6 * span <= value <= low + span + 1e-6 * span for value in found)


def test_an_axis_holds_what_it_is_given():
    assert axis_of([1.0, 3.0], room=0.0) == Axis(1.0, 3.0)
    assert axis_of([2.0, np.nan, 4.0], zero=True).low == 0.0
    assert axis_of([]).high > axis_of([]).low
    assert axis_of([5.0, 5.0]).low < 5.0 < axis_of([5.0, 5.0]).high


def test_marks_stand_at_their_places():
    drawn = panel(0.0, 10.0)
    for shape in ("circle", "square", "up-open", "cross", "pentagon", "diamond", "down"):
        drawn.dots([2.0, 5.0], [1.0, 9.0], "#123456", shape)
    assert marks(drawn) == pytest.approx(np.array([[2.0, 1.0], [5.0, 9.0]] * 7), abs=0.05)


def test_a_chart_stands_as_a_file_of_its_own():
    drawn = panel(0.0, 10.0, title="Pain <of> all", unit="NRS", x_title="day")
    drawn.line([0.0, 10.0], [1.0, 2.0], "#000000", "felt & told")
    drawn.band([0.0, 10.0], [0.0, 0.0], [3.0, 3.0], "#000000", 0.2, "half")
    chart = Chart("course/pain 1", "Pain", "From 1 to 2.", [drawn], mark="UNSHIELDED")
    root = ElementTree.fromstring(chart.file)
    words = " ".join(root.itertext())
    for said in ("Pain <of> all [NRS]", "felt & told", "half", "day", "UNSHIELDED", "Research simulation only"):
        assert said in words
    assert "href" not in chart.file
    assert file_name(chart) == "course-pain-1.svg"
    assert list(charts_in({"a": [chart, {"b": (chart,)}], "c": 3})) == [chart, chart]
