"""What the clinician confirms, declines and clears: every rule at its limit, every bit, every word, and the rules' file."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from thecal.core.errors import ParameterError
from thecal.envs import clinician
from thecal.envs.clinician import _against_a_rise, _closed, _unwell, clears, confirms, is_there, kind_of, words_of
from thecal.envs.kernel.records import WORLD, WORLD_PAR
from thecal.physiology.sensors import RR, SBP, SPO2

from support.kernel_copies import Changed, Spy, blank, plainly

CLEARED, CONFIRMED, DECLINED, KEPT = 1, 2, 4, 8
SEDATED, BREATHING, PRESSURE, SUSPECTED, ALARMED, CONTROLLED, NIGHT, UNCONFIRMED = 16, 32, 64, 128, 256, 512, 1024, 2048
BY_TOKEN, STOPPED, RESUMED = 4096, 8192, 16384
NOBODY, MODEL, CALLER = 0, 1, 2
ROUND = 12  # ticks from 6 to 9 o'clock
RULES = {
    "open_h": 8.0, "close_h": 18.0, "sedation": 2.0, "breathing": 10.0, "saturation": 90.0, "pressure": 92.0, "pain": 3.0,
}  # fmt: skip


def records(tick: int = ROUND, kind: int = MODEL) -> tuple[Any, Any]:
    """A patient who is awake and in pain and shows nothing, on the daily round of a model's clinician."""
    world, par = blank(WORLD), blank(WORLD_PAR)
    world.patient.tick, world.patient.clock_h, par.task.clinic_clock_h = tick, 6.0, 9.0
    world.patient.poss_seen, world.patient.nrs_mean, world.patient.nrs_age_h = 1, 7.0, 1.0
    world.shield.prev_rate = 1_000
    vars(par.task.clinician).update(RULES, kind=kind)
    return world, par


def show(world: Any, sensor: int, value: float | None) -> None:
    """A sample, or a missing one that would be low."""
    world.patient.s_valid[sensor] = 0 if value is None else 1
    world.patient.s_value[sensor] = 1.0 if value is None else value


def test_the_shipped_rules_are_the_files_numbers() -> None:
    par = clinician.clinician_parameters()
    assert par.shape == (1,)
    shipped = {"kind": 0, **RULES, "pressure": 90.0}
    assert {name: par[0][name] for name in par.dtype.names or ()} == shipped
    with pytest.raises(ValueError, match="read-only"):
        par["pain"] = 1.0


UNITS = {
    "hours.open": (0.25, "hour"), "hours.close": (960, "minute"), "confirm.sedation": (0, "dimensionless"),
    "confirm.breathing": (11, "1/minute"), "confirm.saturation": (91, "percent"), "confirm.pressure": (92, "mmHg"),
    "confirm.pain": (4, "dimensionless"),
}  # fmt: skip


def rules(folder: Path, more: str = "", **changed: tuple[float, str]) -> Any:
    """The rules read from a file of a test's own, in which entries of ``confirm`` are changed and text stands at the end."""
    (folder / "data").mkdir(exist_ok=True)
    text = "# Rules of a test.\n"
    for key, (value, unit) in {**UNITS, **{f"confirm.{name}": entry for name, entry in changed.items()}}.items():
        text += f'[{key}]\nvalue = {value}\nunit = "{unit}"\nsource = "a test"\nconfidence = "low"\nkind = "proposed"\n'
    (folder / "data" / "clinician.toml").write_text(text + more, encoding="utf-8")
    return clinician.clinician_parameters.__wrapped__()


def test_rules_are_read_in_their_units_and_nothing_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Spy(tmp_path)
    monkeypatch.setattr(clinician, "files", asked)
    par = rules(tmp_path)[0]
    assert asked.made == [("thecal.envs",)]
    assert [float(par[name]) for name in RULES] == [0.25, 16.0, 0.0, 11.0, 91.0, 92.0, 4.0]
    spread = 'distribution = "normal"\nsd = 1.0\n'
    with pytest.raises(ParameterError, match=r"confirm\.moon: no such parameter of the clinician"):
        rules(tmp_path, spread, moon=(1, "dimensionless"))
    with pytest.raises(ParameterError, match=r"confirm\.pain: the same in every case"):
        rules(tmp_path, spread)
    with pytest.raises(ParameterError, match=r"confirm\.pain: -0\.5 dimensionless is outside \[0\.0, "):
        rules(tmp_path, pain=(-0.5, "dimensionless"))


def test_what_was_decided_is_said_in_words() -> None:
    acts = {
        CONFIRMED: "confirmed the rise", DECLINED: "declined the rise", CLEARED: "cleared what may be cleared",
        KEPT: "cleared nothing", STOPPED: "stopped the pump", RESUMED: "let the pump run again",
    }  # fmt: skip
    reasons = {
        SEDATED: "the patient is sedated", BREATHING: "breathing is slow or saturation low", PRESSURE: "blood pressure is low",
        SUSPECTED: "telemetry speaks against pump or dose", ALARMED: "the pump's alarm stands",
        CONTROLLED: "reports ask for no more", NIGHT: "nobody acts outside working hours",
        UNCONFIRMED: "no confirmation fits the request", BY_TOKEN: "by a clinician's token",
    }  # fmt: skip
    for act, text in acts.items():
        assert words_of(act) == f"the clinician {text}"
        for reason, why in reasons.items():
            assert words_of(act | reason) == f"the clinician {text}: {why}"
            assert words_of(reason) == ""
    assert words_of(0) == ""
    assert (
        words_of(DECLINED | KEPT | SEDATED | NIGHT)
        == "the clinician declined the rise and cleared nothing: the patient is sedated, nobody acts outside working hours"
    )


def test_kinds_of_clinicians_have_numbers() -> None:
    assert [kind_of(name) for name in ("none", "model", "caller")] == [0, 1, 2]


def test_the_clinician_is_there_on_the_round_or_called() -> None:
    for tick, present, there in (
        (ROUND, 0, True), (ROUND + 1, 0, False), (ROUND - 1, 0, False), (ROUND + 96, 0, True), (ROUND + 1, 1, True),
        (0, 0, False),
    ):  # fmt: skip
        world, par = records(tick)
        world.episode.present = present
        assert plainly(is_there)(world, par) is there, (tick, present)
    for clock, there in ((6.125, False), (6.12, True), (5.88, True), (5.875, False)):
        world, par = records()
        world.patient.clock_h = clock
        assert plainly(is_there)(world, par) is there, clock


def test_the_night_is_outside_hours_but_for_the_round() -> None:
    for tick, at, night in (
        (8, 9.0, False), (7, 9.0, True), (47, 9.0, False), (48, 9.0, True), (0, 6.0, False), (1, 6.0, True), (95, 6.0, True),
        (64, 22.0, False), (63, 22.0, True), (65, 22.0, True),
    ):  # fmt: skip
        world, par = records(tick)
        par.task.clinic_clock_h, world.episode.present = at, 1
        assert plainly(_closed)(world, par) == (NIGHT if night else 0), (tick, at)
    for clock, night in ((5.625, True), (5.63, False)):  # an eighth of an hour before the round, and just less
        world, par = records(0)
        world.patient.clock_h, par.task.clinic_clock_h = clock, 5.75
        assert plainly(_closed)(world, par) == (NIGHT if night else 0), clock


def test_sedation_and_breathing_are_limits_to_the_digit() -> None:
    for poss, breaths, saturation, bits in (
        (2, 10.0, 90.0, 0), (3, 10.0, 90.0, SEDATED), (1, 9.9, 97.0, BREATHING), (1, 14.0, 89.9, BREATHING), (1, None, None, 0),
        (1, None, 89.9, BREATHING), (1, 9.9, None, BREATHING), (4, 9.9, 89.9, SEDATED | BREATHING), (2, None, 97.0, 0),
    ):  # fmt: skip
        world, par = records()
        world.patient.poss_seen = poss
        show(world, RR, breaths)
        show(world, SPO2, saturation)
        assert plainly(_unwell)(world, par.task.clinician) == bits, (poss, breaths, saturation)


def test_each_sign_against_a_rise_has_its_bit() -> None:
    # By number: volume high, volume low, motor, echo, effect, overdose, clock, signal, alarm, fever.
    against = {0, 2, 3, 5, 8}
    cases: list[tuple[Any, ...]] = [(None, 1 << k, 0, 7.0, 1.0, SUSPECTED if k in against else 0) for k in range(10)]
    cases += [(None, 0, 1 << k, 7.0, 1.0, ALARMED if k else 0) for k in range(8)]  # but for a low reservoir
    cases += [
        (92.0, 0, 0, 7.0, 1.0, 0), (91.9, 0, 0, 7.0, 1.0, PRESSURE), (None, 0, 0, 3.0, 24.0, 0),
        (None, 0, 0, 2.9, 24.0, CONTROLLED), (None, 0, 0, 2.9, 24.25, 0),
        (80.0, 1, 2, 1.0, 0.0, PRESSURE | SUSPECTED | ALARMED | CONTROLLED),
    ]  # fmt: skip
    for pressure, standing, alarms, pain, age, bits in cases:
        world, par = records()
        show(world, SBP, pressure)
        world.monitor.standing, world.pump.alarms = standing, alarms
        world.patient.nrs_mean, world.patient.nrs_age_h = pain, age
        assert plainly(_against_a_rise)(world, par.task.clinician) == bits, (pressure, standing, alarms, pain, age)


def test_the_model_clears_in_a_well_patient_by_day() -> None:
    for kind, tick, present, poss, cleared, judged in (
        (MODEL, ROUND, 0, 1, 1, CLEARED), (MODEL, ROUND, 0, 3, 0, KEPT | SEDATED), (MODEL, 20, 1, 1, 1, CLEARED),
        (MODEL, 0, 1, 1, 0, KEPT | NIGHT), (MODEL, 0, 1, 3, 0, KEPT | NIGHT | SEDATED), (MODEL, 20, 0, 1, 0, 0),
        (NOBODY, ROUND, 1, 1, 0, 0), (CALLER, ROUND, 1, 1, 0, 0),
    ):  # fmt: skip
        world, par = records(tick, kind)
        world.episode.present, world.patient.poss_seen, world.episode.judged = present, poss, STOPPED
        changed = Changed(world=world)
        assert plainly(clears)(world, par) == cleared
        assert changed() == ({"world.episode.judged": STOPPED | judged} if judged else {}), (kind, tick, present, poss)


def test_a_token_clears_before_its_end_whoever_is_there() -> None:
    for until, kind, cleared in ((21, MODEL, 1), (21, CALLER, 1), (20, CALLER, 0), (0, CALLER, 0)):
        world, par = records(20, kind)
        world.episode.clear_until, world.episode.judged = until, STOPPED
        changed = Changed(world=world)
        assert plainly(clears)(world, par) == cleared
        acted = {
            "world.episode.clear_until": 0,
            "world.episode.token_tick": 21,
            "world.episode.judged": STOPPED | 1 | BY_TOKEN,
        }
        assert changed() == (acted if cleared else {})


def test_the_model_confirms_rises_alone_and_says_why_not() -> None:
    for kind, tick, present, more, signs, confirmed, judged in (
        (MODEL, ROUND, 0, 1, 0, 1, CONFIRMED), (MODEL, ROUND, 0, 0, 0, 0, 0), (MODEL, ROUND, 0, -1, 0, 0, 0),
        (NOBODY, ROUND, 1, 1, 0, 0, 0), (CALLER, ROUND, 1, 1, 0, 0, 0), (MODEL, 20, 0, 1, 0, 0, 0),
        (MODEL, 20, 1, 1, 0, 1, CONFIRMED),
        (MODEL, 0, 1, 1, 0, 0, DECLINED | NIGHT), (MODEL, ROUND, 0, 1, SEDATED, 0, DECLINED | SEDATED),
        (MODEL, ROUND, 0, 1, ALARMED, 0, DECLINED | ALARMED), (MODEL, 0, 1, 1, SEDATED, 0, DECLINED | SEDATED | NIGHT),
    ):  # fmt: skip
        world, par = records(tick, kind)
        world.episode.present, world.episode.judged = present, STOPPED
        world.patient.poss_seen = 3 if signs == SEDATED else 1
        world.pump.alarms = 4 if signs == ALARMED else 0
        changed = Changed(world=world)
        assert plainly(confirms)(world, par, 1_000 + more, 0) == confirmed
        assert changed() == ({"world.episode.judged": STOPPED | judged} if judged else {}), (kind, tick, more, signs)


def test_a_token_confirms_what_it_covers_and_is_used_up() -> None:
    for until, rate, bolus, rises in itertools.product((20, 21), (-1, 0), (-1, 0), (True, False)):
        world, par = records(20, CALLER)
        request = 1_200 if rises else 1_000
        episode = world.episode
        episode.confirm_until, episode.confirm_rate, episode.confirm_bolus = until, request + rate, 500 + bolus
        episode.judged = STOPPED
        fits = until == 21 and rate == 0 and bolus == 0
        expected = {"world.episode.confirm_until": 0}
        if rises:
            expected["world.episode.judged"] = STOPPED | (CONFIRMED | BY_TOKEN if fits else DECLINED | UNCONFIRMED)
        if fits:
            expected["world.episode.token_tick"] = 21
        changed = Changed(world=world, par=par)
        assert plainly(confirms)(world, par, request, 500) == int(fits), (until, rate, bolus)
        assert changed() == expected


def test_a_token_that_does_not_fit_leaves_the_model_out() -> None:
    world, par = records()
    world.episode.confirm_until, world.episode.confirm_rate = ROUND + 1, 1_100
    assert plainly(confirms)(world, par, 1_101, 0) == 0
    assert world.episode.judged == DECLINED | UNCONFIRMED
    assert plainly(confirms)(world, par, 1_101, 0) == 1, "now the model is asked"
