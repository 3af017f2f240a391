"""How policies look: by kind and order, apart from each other, visible on light and dark."""

from __future__ import annotations

import itertools

import pytest

from thecal.agents.info import PolicyInfo
from thecal.experiments.reports.theme import DASHES, styles_of

from support.reports import INFOS

LIGHT, DARK = "#ffffff", "#14181d"  # the page's two backgrounds
KINDS = ("learned", "rule", "model-based", "sanity")
BLUE, ORANGE = range(195, 270), range(10, 50)


def policies(*kinds):
    return [PolicyInfo(name=f"p{k}", label=f"Policy {k}", kind=kind) for k, kind in enumerate(kinds)]


def rgb(color):
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def hue(color):
    red, green, blue = rgb(color)
    high, low = max(red, green, blue), min(red, green, blue)
    if high == red:
        turn = ((green - blue) / (high - low)) % 6
    else:
        turn = 2 + (blue - red) / (high - low) if high == green else 4 + (red - green) / (high - low)
    return round(60 * turn)


@pytest.mark.parametrize("kind", KINDS)
def test_colors_can_be_seen_on_light_and_dark(kind):
    for style in styles_of(policies(*[kind] * 12)).values():
        for page in (LIGHT, DARK):
            high, low = sorted((luminance(style.color), luminance(page)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 3.0, (kind, style.color)


@pytest.mark.parametrize("kinds", [*([kind] * 12 for kind in KINDS), KINDS * 3, ("rule", "sanity", "learned") * 4])
def test_twelve_policies_differ_even_without_color(kinds):
    found = styles_of(policies(*kinds)).values()
    for a, b in itertools.combinations(found, 2):
        assert (a.symbol, a.dash) != (b.symbol, b.dash)
        assert (a.color, a.dash) != (b.color, b.dash)
    assert {style.dash for style in found} <= set(DASHES)


def test_kinds_keep_to_their_colors():
    found = styles_of(policies(*["learned"] * 6, *["sanity"] * 6)).values()
    learned, sanity = list(found)[:6], list(found)[6:]
    assert all(style.dash == "solid" and hue(style.color) in BLUE for style in learned)
    assert all(style.dash != "solid" and hue(style.color) in ORANGE for style in sanity)


def test_a_look_depends_on_kind_and_order_not_on_the_name():
    first, second = policies("rule", "rule")
    renamed = first.model_copy(update={"name": "ppo"})
    assert styles_of([first, second])["p0"] == styles_of([renamed, second])["ppo"]
    assert styles_of(INFOS.values())["ppo"].label == "PPO (trained)"
