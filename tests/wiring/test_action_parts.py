"""Every part of an action by hand: which number of it is read, what it is scaled to, and what it leaves alone."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thecal.envs import visits
from thecal.envs.kernel import actions
from thecal.envs.kernel.records import EPISODE, STEP_OUT, TASK_PAR
from thecal.safety.records import SHIELD_PAR, SHIELD_STATE

from support.plain import Calls, plain_record, uncompiled

RATE = 1003
LARGEST = 901  # nL, of a bolus
NAMES = ("relative_rate", "target_dose", "bolus_size", "lockout", "mixture", "call_clinic", "hold")
TASK = {"max_up": 0.5, "max_down": 0.2, "deadband": 0.1, "log_low": math.log(0.5), "log_high": math.log(2.0003),
        "lockout_low": 8, "lockout_high": 48, "start_rate_nl": 1001, "call_delay": 7, "n_mixtures": 3}  # fmt: skip


class Desk:
    """One episode at the start of a step, in a task whose action has the fields given, in their order."""

    def __init__(self, patch: pytest.MonkeyPatch, *fields: str) -> None:
        uncompiled(patch, actions, visits)
        self.episode = plain_record(
            EPISODE,
            lockout=5,
            mixture_asked=7,
            pressed_last=3,
            given_last=2,
            armed_nl=77,
            command_rate=812,
            command_bolus=345,
        )
        self.shield = plain_record(SHIELD_STATE, prev_rate=RATE, since_increase=55)
        self.task = plain_record(TASK_PAR, **TASK)
        for name in NAMES:
            setattr(self.task.action, name, fields.index(name) if name in fields else -1)
        self.out = plain_record(STEP_OUT)
        self.world = SimpleNamespace(episode=self.episode, shield=self.shield)
        self.par = SimpleNamespace(task=self.task, shield=plain_record(SHIELD_PAR))
        self.calls = Calls(patch, actions)
        self.calls.know(shield=self.shield, limits=self.par.shield)
        self.calls.watch("largest_bolus", lambda *_: LARGEST)

    def begin(self, *action: float) -> tuple[int, int]:
        rate, valid = actions.begin_step(self.world, self.par, np.array(action), self.out)
        return int(rate), int(valid)


def test_the_catalog_says_what_each_field_means() -> None:
    rows = [(field.name, field.unit, field.low, field.high) for field in actions.ACTIONS]
    assert rows == [
        ("relative_rate", "share of the rate", "-max_down", "max_up"),
        ("target_dose", "multiple of the starting rate, log scale", "target_low", "target_high"),
        ("bolus_size", "share of the largest bolus", "0 (up to 0)", "1"),
        ("lockout", "h", "lockout_low", "lockout_high"),
        ("mixture", "index of the task's mixtures", "first", "last"),
        ("call_clinic", "switch", "off", "on"),
        ("hold", "switch", "off", "on"),
    ]
    assert all(len(field.text) > 20 for field in actions.ACTIONS)
    assert actions.ACTION_NAMES == actions.ACTION_PLACES.names == NAMES
    assert actions.RATE_FIELDS == ("relative_rate", "target_dose")
    assert actions.NEUTRAL == 0.0


def test_the_holding_action_arms_the_largest_bolus_alone() -> None:
    assert actions.holding(NAMES).tolist() == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert actions.holding(("another", "bolus_size", "hold")).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("a", "rate"),
    [
        (1.0, 1504), (7.0, 1504), (-1.0, 802), (-7.0, 802), (0.55, 1253), (-0.55, 902), (0.1, RATE), (-0.1, RATE), (0.0, RATE),
        (0.2, 1058), (-0.2, 980),
    ],
)  # fmt: skip
def test_a_relative_change_beyond_the_deadband_moves(monkeypatch: pytest.MonkeyPatch, a: float, rate: int) -> None:
    # (|a| - 0.1) / 0.9 of 50 % up or of 20 % down, rounded down to whole nL.
    desk = Desk(monkeypatch, "relative_rate", "bolus_size")
    assert desk.begin(a, 0.3) == (rate, 1)
    assert desk.out.requested_rate == pytest.approx(rate * 96e-6, rel=1e-12)
    desk = Desk(monkeypatch, "bolus_size", "hold", "relative_rate")
    assert desk.begin(0.3, 0.0, a) == (rate, 1), "wherever it stands"


@pytest.mark.parametrize(("a", "rate"), [(-1.0, 500), (1.0, 2002), (0.0, 1001), (0.5, 1415), (-9.0, 500), (9.0, 2002)])
def test_a_target_is_a_multiple_of_the_start(monkeypatch: pytest.MonkeyPatch, a: float, rate: int) -> None:
    # From half to 2.0003 times 1001 nL, evenly in the logarithm, rounded down.
    assert Desk(monkeypatch, "target_dose", "hold").begin(a, 0.0) == (rate, 1)
    assert Desk(monkeypatch, "bolus_size", "target_dose").begin(0.3, a) == (rate, 1)


def test_a_relative_change_goes_before_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Desk(monkeypatch, "relative_rate", "target_dose").begin(1.0, -1.0)[0] == 1504
    assert Desk(monkeypatch, "bolus_size").begin(1.0) == (RATE, 1), "nor is either needed"


@pytest.mark.parametrize(
    ("share", "armed"), [(1.0, 901), (0.5, 450), (0.25, 225), (-1.0, 0), (-0.3, 0), (0.0, 0), (3.0, 901)]
)
def test_a_share_of_the_largest_bolus_is_armed(monkeypatch: pytest.MonkeyPatch, share: float, armed: int) -> None:
    for fields, action in (
        (("bolus_size", "relative_rate"), (share, 0.7)),
        (("relative_rate", "bolus_size"), (0.7, share)),
    ):
        desk = Desk(monkeypatch, *fields)
        desk.begin(*action)
        assert desk.episode.armed_nl == armed
        assert desk.out.requested_bolus_ul == pytest.approx(armed * 1e-3, rel=1e-12)
        assert desk.calls.made == [("largest_bolus", "shield", "limits")]
    desk = Desk(monkeypatch, "relative_rate")
    desk.begin(0.7)
    assert desk.episode.armed_nl == desk.out.requested_bolus_ul == 0, "what was armed before is armed no longer"


@pytest.mark.parametrize(
    ("a", "ticks"), [(-1.0, 8), (1.0, 48), (0.33, 35), (-0.75, 13), (-5.0, 8), (5.0, 48), (0.0, 5), (1e-9, 29)]
)
def test_the_lockout_is_rounded_up_and_0_leaves_it(monkeypatch: pytest.MonkeyPatch, a: float, ticks: int) -> None:
    # 8 to 48 ticks; what was set before is 5.
    for fields, action in ((("lockout", "bolus_size"), (a, 0.6)), (("bolus_size", "hold", "lockout"), (0.6, 0.2, a))):
        desk = Desk(monkeypatch, *fields)
        desk.begin(*action)
        assert (desk.episode.lockout, desk.episode.mixture_asked, desk.episode.called) == (ticks, 7, 0)


@pytest.mark.parametrize(
    ("a", "k"),
    [(-1.0, 0), (-0.4, 0), (-0.3, 1), (0.3, 1), (0.4, 2), (1.0, 2), (-4.0, 0), (4.0, 2), (0.0, 7), (1e-9, 1)],
)
def test_the_mixture_is_one_of_equal_parts_and_0_leaves_it(monkeypatch: pytest.MonkeyPatch, a: float, k: int) -> None:
    # Three mixtures; what was asked for before is 7.
    for fields, action in ((("mixture", "bolus_size"), (a, 0.9)), (("bolus_size", "hold", "mixture"), (0.9, 0.2, a))):
        desk = Desk(monkeypatch, *fields)
        desk.begin(*action)
        assert (desk.episode.mixture_asked, desk.episode.lockout, desk.episode.called) == (k, 5, 0)


@pytest.mark.parametrize(("switch", "on"), [(0.5, 0), (0.51, 1), (1.0, 1), (0.0, 0), (-1.0, 0)])
def test_a_switch_is_on_above_a_half(monkeypatch: pytest.MonkeyPatch, switch: float, on: int) -> None:
    for fields, action in (
        (("call_clinic", "relative_rate"), (switch, 1.0)),
        (("hold", "call_clinic", "relative_rate"), (0.0, switch, 1.0)),
    ):
        desk = Desk(monkeypatch, *fields)
        assert desk.begin(*action) == (1504, 1)
        assert (desk.episode.called, desk.episode.call_left) == (on, 7 * on)
        assert (desk.episode.lockout, desk.episode.mixture_asked) == (5, 7)
    for fields, action in (
        (("hold", "relative_rate"), (switch, 1.0)),
        (("relative_rate", "hold"), (1.0, switch)),
        (("call_clinic", "hold", "target_dose"), (0.0, switch, 1.0)),
    ):
        desk = Desk(monkeypatch, *fields)
        asked = 2002 if "target_dose" in fields else 1504
        assert desk.begin(*action) == (RATE if on else asked, 1)
        assert desk.episode.called == 0
        assert desk.out.requested_rate == pytest.approx((RATE if on else asked) * 96e-6, rel=1e-12)


def test_a_field_that_the_task_lacks_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where a place of -1 were read it would be the last number, here beyond every switch.
    desk = Desk(monkeypatch, "relative_rate")
    assert desk.begin(1.0) == (1504, 1)
    assert (desk.episode.lockout, desk.episode.mixture_asked, desk.episode.called, desk.episode.armed_nl) == (
        5,
        7,
        0,
        0,
    )


def test_keeping_the_rate_holds_once_and_only_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, "relative_rate", "bolus_size", "hold")
    desk.episode.keep_rate = 1
    assert desk.begin(1.0, 1.0, 0.0) == (RATE, 1)
    assert (desk.episode.armed_nl, desk.episode.keep_rate) == (901, 0)
    assert desk.begin(1.0, 1.0, 0.0) == (1504, 1)


def test_a_step_begins_with_a_clean_slate(monkeypatch: pytest.MonkeyPatch) -> None:
    for action in ((0.3,), (math.nan,)):
        desk = Desk(monkeypatch, "relative_rate")
        desk.begin(*action)
        assert (desk.episode.pressed_last, desk.episode.given_last, desk.episode.armed_nl) == (0, 0, 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_number_that_is_none_spoils_the_action(monkeypatch: pytest.MonkeyPatch, bad: float) -> None:
    for place in range(4):
        desk = Desk(monkeypatch, "relative_rate", "bolus_size", "lockout", "call_clinic")
        action = [1.0, 1.0, 1.0, 1.0]
        action[place] = bad
        assert desk.begin(*action) == (RATE, 0)
        assert math.isnan(desk.out.requested_rate)
        assert desk.out.requested_bolus_ul == 0.0
        assert (desk.episode.armed_nl, desk.episode.lockout, desk.episode.called) == (0, 5, 0)


def test_a_command_goes_before_the_action_once(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch, "relative_rate", "bolus_size", "call_clinic")
    desk.episode.command = desk.episode.command_valid = desk.episode.keep_rate = 1
    assert desk.begin(1.0, 1.0, 1.0) == (812, 1)
    assert (desk.episode.armed_nl, desk.episode.command, desk.episode.keep_rate, desk.episode.called) == (345, 0, 0, 0)
    assert desk.out.requested_rate == pytest.approx(812 * 96e-6, rel=1e-12)
    assert desk.out.requested_bolus_ul == pytest.approx(0.345, rel=1e-12)
    assert desk.begin(1.0, 1.0, 1.0) == (1504, 1)


@pytest.mark.parametrize("valid", [0, -1, -2, 2])
def test_a_command_that_cannot_be_used_says_why(monkeypatch: pytest.MonkeyPatch, valid: int) -> None:
    desk = Desk(monkeypatch, "relative_rate", "bolus_size")
    desk.episode.command, desk.episode.command_valid = 1, valid
    assert desk.begin(1.0, 1.0) == (RATE, valid)
    assert math.isnan(desk.out.requested_rate)
    assert (desk.episode.armed_nl, desk.episode.command, desk.out.requested_bolus_ul) == (0, 0, 0.0)


def test_an_action_of_no_numbers_asks_for_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    desk: Any = Desk(monkeypatch)
    assert desk.begin() == (RATE, 1)
    assert desk.out.requested_rate == pytest.approx(RATE * 96e-6, rel=1e-12)
