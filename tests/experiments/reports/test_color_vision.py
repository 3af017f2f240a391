"""Charts without color vision: what one panel shows apart stays apart under simulated protanopia and deuteranopia.

Two looks may come close in simulated color only if dash or mark tells them apart. The distance is that of CAM02-UCS, in which
1 is about what can just be seen side by side; 10 was fixed before any color was looked at.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from colorspacious import cspace_convert

from thecal.experiments.reports.courses import course_charts
from thecal.experiments.reports.page import resource
from thecal.experiments.reports.patient_charts import patient_charts
from thecal.experiments.reports.theme import styles_of

from support.reports import synthetic_data

APART = 10.0
VISION = ("deuteranomaly", "protanomaly")


def seen(color, vision):
    """A color as somebody without that cone sees it, in CAM02-UCS."""
    level = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    space = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
    return cspace_convert(np.clip(cspace_convert(level, space, "sRGB1"), 0, 1), "sRGB1", "CAM02-UCS")


def distance(a, b):
    return min(float(np.linalg.norm(seen(a, vision) - seen(b, vision))) for vision in VISION)


@pytest.fixture(scope="module")
def data():
    return synthetic_data(n=8, hours=72)


def test_the_simulation_sees_what_is_known_to_be_confused():
    assert distance("#000000", "#ffffff") > 90
    assert distance("#1F77D0", "#DB5A2B") > 40
    red, green = seen("#cc3322", "deuteranomaly"), seen("#667700", "deuteranomaly")
    plain = [cspace_convert([v / 255 for v in rgb], "sRGB1", "CAM02-UCS") for rgb in ((204, 51, 34), (102, 119, 0))]
    assert np.linalg.norm(red - green) < 0.5 * np.linalg.norm(plain[0] - plain[1])


def test_looks_in_one_panel_stay_apart(data):
    charts = [
        chart for story in data.stories for name in story.tracks for chart in patient_charts(data, story, name, "p")
    ]
    checked = 0
    for panel in (panel for chart in [*charts, *course_charts(data)] for panel in chart.panels):
        for a, b in itertools.combinations(panel.keys, 2):
            checked += 1
            assert a.look != b.look or distance(a.color, b.color) >= APART, (panel.title, a.name, b.name)
    assert checked > 50


def test_policies_of_one_report_stay_apart(data):
    for a, b in itertools.combinations(styles_of(data.infos).values(), 2):
        assert a.dash != b.dash or distance(a.color, b.color) >= APART, (a.label, b.label)


def test_better_and_worse_differ_on_every_page():
    """They are also told by a triangle up and down and by words; light, dark and print still differ in color."""
    pairs = re.findall(r"--good: (#[0-9a-f]{6}); --bad: (#[0-9a-f]{6})", resource("report.css"))
    assert len(pairs) == 3
    assert all(distance(good, bad) >= APART for good, bad in pairs)
