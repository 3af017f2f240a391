"""The order of a step, and its smaller parts: sending a command, moving the patient, what a dead patient shows, monitors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from thecal.devices.fault_records import Fault
from thecal.envs.kernel import step

from support.bed import ALLOWED, LOG, RATE, Bed

LOST, REPEATED, OTHER = (1 << int(one) for one in (Fault.COMMAND_LOST, Fault.COMMAND_REPEATED, Fault.OCCLUSION))
ACTION = (0.25, -0.5)
PUMP = ("world.pump", "par.pump")


@pytest.fixture
def bed(monkeypatch: pytest.MonkeyPatch) -> Bed:
    return Bed(monkeypatch)


def send(bed: Bed, rate: int, bolus: int) -> list[tuple[Any, ...]]:
    """What is called to send a command; the pump runs the rate that it receives."""
    bed.made.clear()
    step._send(bed.world, bed.par, rate, bolus)
    return list(bed.made)


@pytest.mark.parametrize(
    ("rate", "bolus", "entries", "wrong"),
    [
        (ALLOWED, 0, 0, 0), (ALLOWED, 0, 1, 1), (ALLOWED + 10, 0, 1, 0), (ALLOWED + 10, 0, 0, 1), (ALLOWED - 10, 0, 1, 0),
        (ALLOWED, 1, 1, 0), (ALLOWED, 1, 0, 1), (ALLOWED + 10, 500, 1, 0), (ALLOWED + 10, 500, 2, 1),
    ],
)  # fmt: skip
def test_the_log_must_hold_what_was_sent(bed: Bed, rate: int, bolus: int, entries: int, wrong: int) -> None:
    def receive(pump: Any, par: Any, number: int, rate_nl: int, bolus_nl: int) -> None:
        pump.rate_nl = rate_nl
        pump.events += entries

    bed.calls.watch("receive", receive)
    assert send(bed, rate, bolus) == [
        ("receive", *PUMP, 6, rate, bolus),
        ("see_pump", "world.monitor", "par.monitor", "world.pump", rate, wrong),
    ]
    assert (bed.episode.sent, bed.pump.events) == (6, LOG + entries)
    assert send(bed, rate, bolus)[0] == ("receive", *PUMP, 7, rate, bolus), "every command has a number of its own"


@pytest.mark.parametrize(
    ("active", "lost"), [(0, False), (LOST, True), (OTHER, False), (OTHER | LOST, True), (REPEATED, False)]
)
def test_a_lost_command_takes_nothing_back_and_runs_nothing(bed: Bed, active: int, lost: bool) -> None:
    bed.fault.active = active
    bed.pump.bolus_left_nl, bed.received.unverified = 300.0, 1
    names = [one[0] for one in send(bed, ALLOWED, 0)]
    assert names == (["see_pump"] if lost else ["take_back", "receive", "see_pump"])
    assert bed.episode.sent == 6, "what is lost has its number"


@pytest.mark.parametrize(
    ("bolus", "unverified", "prime", "stranger", "taken"),
    [
        (0.5, 1, 0.0, 0, True), (0.5, 0, 0.0, 1, False), (0.0, 1, 0.0, 1, False), (0.0, 1, 0.5, 0, False),
        (0.0, 0, 0.5, 1, True), (0.0, 1, 0.5, 1, True), (0.5, 0, 0.5, 0, False), (0.5, 1, 0.5, 1, True),
    ],
)  # fmt: skip
def test_what_nobody_sent_is_taken_back_first(
    bed: Bed, bolus: float, unverified: int, prime: float, stranger: int, taken: bool
) -> None:
    bed.pump.bolus_left_nl, bed.pump.prime_left_nl = bolus, prime
    bed.received.unverified, bed.monitor.stranger = unverified, stranger
    called = [one for one in send(bed, ALLOWED, 0) if one[0] != "see_pump"]
    assert called == [("take_back", *PUMP)] * taken + [("receive", *PUMP, 6, ALLOWED, 0)]


@pytest.mark.parametrize(
    ("active", "begun", "repeats"),
    [
        (REPEATED, REPEATED, 1),
        (REPEATED, OTHER, 0),
        (OTHER, REPEATED - 1, 0),
        (0, REPEATED, 0),
        (OTHER, REPEATED | LOST, 1),
    ],
)
def test_a_repeat_sends_the_kept_command_once_more(bed: Bed, active: int, begun: int, repeats: int) -> None:
    bed.par.fault.enabled = 1
    bed.fault.active, bed.fault.begun = active, begun
    bed.fault.repeat_number, bed.fault.repeat_rate, bed.fault.repeat_nl = 3, 1400, 250
    received = [one for one in send(bed, ALLOWED, 800) if one[0] == "receive"]
    assert received == [("receive", *PUMP, 6, ALLOWED, 800)] + [("receive", *PUMP, 3, 1400, 250)] * repeats
    assert (bed.fault.repeat_number, bed.fault.repeat_rate, bed.fault.repeat_nl) == (6, ALLOWED, 800)


@pytest.mark.parametrize(
    ("bolus", "enabled", "had", "keeps"),
    [(800, 0, 250, True), (1, 0, 0, True), (0, 1, 0, True), (0, 1, 250, False), (0, 0, 0, False), (0, 1, 1, False)],
)
def test_the_last_command_with_a_bolus_is_kept(bed: Bed, bolus: int, enabled: int, had: int, keeps: bool) -> None:
    bed.par.fault.enabled = enabled
    bed.fault.repeat_number, bed.fault.repeat_rate, bed.fault.repeat_nl = 3, 1400, had
    send(bed, ALLOWED, bolus)
    kept = (bed.fault.repeat_number, bed.fault.repeat_rate, bed.fault.repeat_nl)
    assert kept == ((6, ALLOWED, bolus) if keeps else (3, 1400, had))


@pytest.mark.parametrize(
    ("quiet", "bolus", "prime", "n"),
    [(True, 0.0, 0.0, 1), (False, 0.0, 0.0, 3), (True, 0.5, 0.0, 3), (True, 0.0, 0.5, 3), (True, 900.0, 900.0, 3)],
)
def test_a_tick_of_the_patient_in_its_order(bed: Bed, quiet: bool, bolus: float, prime: float, n: int) -> None:
    bed.pump.bolus_left_nl, bed.pump.prime_left_nl = bolus, prime
    bed.calls.watch("is_quiet", lambda *_: quiet)
    bed.calls.watch("deliver", lambda *_: (0.004, 0.0005))
    step._move_patient(bed.world, bed.par, bed.out)
    substep = [
        ("deliver", *PUMP, 0.25 / n, "world.tip_ug"),
        ("step_kinetics", "par.patient", "world.patient", "world.tip_ug", 0.004, 0.0005, 0.25 / n),
    ]
    assert bed.made == [
        ("is_quiet", "world.patient"),
        *substep * n,
        ("step_response", "par.patient", "world.patient", 2.0, 0.125),
        ("step_sensors", "par.patient", "world.patient", 2.25),
        ("step_report", "par.patient", "world.patient"),
    ]
    assert bed.out.delivered_rate == pytest.approx(0.0045 * n)


def test_faults_of_the_patient_come_first_and_spoil_sensors(bed: Bed) -> None:
    for enabled, active in ((0, 0), (1, 0), (1, OTHER), (1, OTHER | REPEATED)):
        bed.made.clear()
        bed.par.fault.enabled, bed.fault.active = enabled, active
        bed.calls.watch("deliver", lambda *_: (0.0, 0.0))
        step._move_patient(bed.world, bed.par, bed.out)
        began = (
            "step_patient_faults",
            "world.fault",
            "par.fault",
            "world.pump",
            "par.patient",
            "world.patient",
            "world.tip_ug",
        )
        assert bed.made[:1] == ([began] if enabled else [("is_quiet", "world.patient")])
        names = [one[0] for one in bed.made]
        tail = ["step_sensors", *(["spoil_sensors"] if active else []), "step_report"]
        assert names[names.index("step_sensors") :] == tail
        assert bed.calls.called("spoil_sensors") == [("world.fault", "world.patient")] * (active != 0)


@pytest.mark.parametrize("new", [1, 0])
def test_a_new_report_reaches_the_monitors_and_the_step(bed: Bed, new: int) -> None:
    bed.calls.watch("deliver", lambda *_: (0.0, 0.0))
    bed.calls.watch("step_report", lambda par, patient: setattr(patient, "nrs_new", new))
    bed.out.nrs_report = 9.75
    step._move_patient(bed.world, bed.par, bed.out)
    assert bed.calls.called("see_report") == [("world.monitor", 6.5)] * new
    assert bed.out.nrs_report == (6.5 if new else 9.75)


def test_after_death_sensors_and_reports_alone_go_on(bed: Bed) -> None:
    step._show_death(bed.world, bed.par)
    assert bed.made == [
        ("lie_dead", "world.patient"),
        ("step_sensors", "par.patient", "world.patient", 2.25),
        ("step_report", "par.patient", "world.patient"),
    ]


@pytest.mark.parametrize(("ticks", "daily"), [(0, 1), (96, 1), (288, 1), (1, 0), (95, 0), (97, 0), (48, 0)])
def test_monitors_see_the_day_and_every_tick(bed: Bed, ticks: int, daily: int) -> None:
    bed.pump.ticks = ticks
    bed.patient.s_value[:] = [10.0 + k for k in range(12)]
    bed.patient.s_valid[:] = [k % 2 for k in range(12)]
    bed.patient.poss_seen = 3
    step._monitor(bed.world, bed.par)
    who = ("world.monitor", "par.monitor")
    values, valid = tuple(10.0 + k for k in range(12)), tuple(k % 2 for k in range(12))
    assert bed.made == [("see_day", *who, ALLOWED, 38.5, 2.25)] * daily + [
        ("see_patient", *who, values, valid, 3, 2.25)
    ]


class Day:
    """A step in which each part leaves a trace that the others must find."""

    def __init__(self, bed: Bed) -> None:
        self.bed, self.seen = bed, []  # type: ignore[var-annotated]
        bed.pump.tip_ug[:] = [5.0, 6.0, 7.0]
        bed.out.dose_ug[:] = bed.out.tip_ug[:] = 0.0
        for name in ("_shield_and_pump", "_move_patient", "_show_death", "_monitor"):
            bed.calls.watch(name, getattr(self, name, None))
        for name in ("begin_step", "step_faults", "begin_tick", "attend"):
            bed.calls.watch(name, getattr(self, f"_{name}"))
        self.ends_at = -1

    def _begin_step(self, world: Any, par: Any, action: Any, out: Any) -> tuple[int, int]:
        self.seen.append(
            ("start", float(out.rr_min), float(out.spo2_min), math.isnan(out.nrs_report), int(world.episode.judged))
        )
        world.episode.called += 2
        return 1234, -1

    def _step_faults(self, fault: Any, *_: Any) -> None:
        fault.begun = 1 << int(self.bed.patient.tick)

    def _begin_tick(self, pump: Any, par: Any) -> None:
        self.seen.append(("pump", float(pump.body_c), round(float(self.bed.patient.grain_ug), 9)))

    def _shield_and_pump(self, world: Any, par: Any, rate: int, valid: int, k: int, out: Any, trail: Any) -> None:
        world.shield.allowed_rate = world.shield.prev_rate = ALLOWED + 100 * k
        world.shield.allowed_bolus = 50 * k
        world.patient.temperature += 0.5
        world.pump.conc[0] += 1e3
        world.patient.dead = int(k == self.ends_at)

    def _move_patient(self, world: Any, par: Any, out: Any) -> None:
        world.pump.tip_ug[:] += [1.0, 2.0, 4.0]

    def _attend(self, world: Any, par: Any, out: Any) -> None:
        world.episode.judged |= 32
        world.episode.mixture = 3

    def run(self) -> list[tuple[Any, ...]]:
        bed = self.bed
        action: Any = list(ACTION)
        bed.calls.know(action=action)
        step.step_world(bed.world, bed.par, action, bed.out, bed.trail)
        return bed.made


def tick_of(k: int, enabled: bool, active: bool, alive: bool) -> list[tuple[Any, ...]]:
    """What is called in pump tick ``k`` of a step that began at tick 8."""
    given = ALLOWED + 150 * k
    return [
        ("step_disturbance", "par.patient", "world.patient", 2.0 + 0.25 * k),
        *[("step_faults", "world.fault", "par.fault", *PUMP)] * enabled,
        ("begin_tick", *PUMP),
        ("_shield_and_pump", "world", "par", 1234, -1, k, "out", "no_trail"),
        *[("_move_patient", "world", "par", "out")] * alive,
        *[("count_error", "world.fault", 1.0, pytest.approx(given * 7000e-6))] * (active and alive),
        *[("_monitor", "world", "par"), ("attend", "world", "par", "out")] * alive,
        *[("_show_death", "world", "par")] * (not alive),
        ("accumulate_tick", "world", "par", "out"),
    ]


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("ends_at", [-1, 2])
def test_a_step_is_so_many_ticks_in_this_order(bed: Bed, enabled: bool, active: bool, ends_at: int) -> None:
    bed.par.fault.enabled, bed.fault.active = int(enabled), OTHER * active
    day = Day(bed)
    day.ends_at = ends_at
    ticks = [one for k in range(3) for one in tick_of(k, enabled, active, k != ends_at)]
    assert day.run() == [
        ("begin_step", "world", "par", "action", "out"),
        *ticks,
        ("finish_step", "world", "par", "out", RATE, 1234, ALLOWED),
    ]
    assert bed.patient.tick == 11
    assert bed.out.fault_begun == (0b111 << 8 if enabled else 0)


def test_a_step_reports_doses_calls_and_decisions(bed: Bed) -> None:
    day = Day(bed)
    day.run()
    grains = [round(2.5e-6 * conc, 9) for conc in (7e3, 8e3, 9e3)]
    assert day.seen == [
        ("start", 1000.0, 100.0, True, 0), ("pump", 38.5, grains[0]), ("pump", 39.0, grains[1]), ("pump", 39.5, grains[2]),
    ]  # fmt: skip
    given = 3 * ALLOWED + 150 + 300
    assert bed.out.dose_ug.tolist() == pytest.approx([given * 7e-3, given * 3e-4, 0.0])
    assert bed.out.tip_ug.tolist() == [3.0, 6.0, 12.0]
    assert (bed.out.calls, bed.out.clinician, bed.out.mixture) == (2, 32, 3)


def test_without_a_tick_the_request_counts_as_allowed(bed: Bed) -> None:
    bed.par.task.ticks_per_step = 0
    assert Day(bed).run()[-1] == ("finish_step", "world", "par", "out", RATE, 1234, 1234)


@pytest.mark.parametrize("remembers", [0, 1])
def test_a_task_with_a_memory_remembers_every_tick(bed: Bed, remembers: int) -> None:
    bed.par.task.remembers, bed.par.task.start_rate_nl, bed.pump.rate_nl = remembers, 777, 640
    Day(bed).run()
    kept = bed.calls.called("remember")
    assert [one[2:4] for one in kept] == [(640, 777)] * 3 * remembers
    assert {one[:2] for one in kept} <= {("world.memory", "world.patient")}
    assert bed.episode.decided == 8
