"""Reads a chart's drawing back into numbers, as the page's script does: lines by name, and marks by their places."""

from __future__ import annotations

import re

import numpy as np

WIDE, HIGH, ABOVE = 2000, 1000, 7


def line(panel, name):
    """Points ``[N, 2]`` of the line of that name in the axes' units; rows of NaN where it breaks."""
    (drawn,) = [one for one in panel.lines if f'data-name="{name}"' in one]
    found = []
    for piece in re.search(r' d="([^"]+)"', drawn).group(1).split("M")[1:]:
        numbers = [int(value) for value in re.findall(r"-?\d+", piece.partition("h")[0])]
        points = np.cumsum(np.array(numbers).reshape(-1, 2), axis=0)
        found += [points.astype(float), np.full((1, 2), np.nan)]
    points = np.concatenate(found[:-1])
    return np.column_stack([_value(panel.x, points[:, 0] / WIDE), _value(panel.y, 1.0 - points[:, 1] / HIGH)])


def marks(panel):
    """Places ``[N, 2]`` of all marks of a panel in the axes' units, and whether each is hollow."""
    pattern = r'<(?:circle c|svg )x="([\d.-]+)%" c?y="([\d.-]+)"[^>]*>(?:<path d="[^"]*" (?:fill|stroke)="([^"]*)")?'
    found = re.findall(pattern, "".join(panel.front))
    places = np.array([(float(left) / 100.0, 1.0 - (float(top) - ABOVE) / panel.height) for left, top, _ in found])
    return np.column_stack([_value(panel.x, places[:, 0]), _value(panel.y, places[:, 1])])


def hollow(panel):
    """How many marks are outlines."""
    return "".join(panel.front).count('fill="none"')


def uprights(panel, color):
    """Lower and upper ends ``[N, 2]`` of the upright strokes of a color, in the height axis's unit."""
    found = re.findall(
        rf'<line x1="[^"]+" x2="[^"]+" y1="([\d.]+)" y2="([\d.]+)" stroke="{re.escape(color)}"', "".join(panel.front)
    )
    tops = np.array(found, float).reshape(-1, 2)
    return _value(panel.y, 1.0 - (tops - ABOVE) / panel.height)


def _value(axis, share):
    if axis.log:
        return axis.low * (axis.high / axis.low) ** share
    return axis.low + share * (axis.high - axis.low)
