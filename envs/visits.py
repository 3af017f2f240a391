"""Visits of the clinic: calls and who makes them, emergencies, refills and changes of mixture, with their checks.

Kernels over one environment's records. When somebody comes and what is ordered stands in the task's file (``solution``,
``visits``); what each visit may do is checked here, at the one place where fluid enters the pump.
"""

from __future__ import annotations

from thecal.core.jit import kernel
from thecal.core.layout import TICKS_PER_DAY
from thecal.core.rng import STREAM_REFILL, normals
from thecal.devices.alarms import EMPTY_RESERVOIR, STOPPED_LONG
from thecal.devices.fault_delivery import clinician_reset
from thecal.devices.faults import see_faults
from thecal.devices.monitor_records import RESPONDS, Monitor
from thecal.devices.monitors import ATTENTION, see_refill
from thecal.devices.receiver import stop_by_clinic
from thecal.devices.records import HALT_EXPLANT, STOPPED
from thecal.devices.refills import clinic_refill
from thecal.envs.clinician import RESUMED_PUMP, STOPPED_PUMP, is_there
from thecal.physiology.breathing import DEPRESSED_RR, DEPRESSED_SPO2
from thecal.physiology.harm import OVERSEDATED_POSS
from thecal.physiology.rescue import give_rescue, measures_for
from thecal.physiology.sensors import RR, SBP, SPO2
from thecal.safety.orders import order_bits
from thecal.safety.records import DAYS_BACK, WINDOW
from thecal.safety.shield import COMPILED

_MEASUREMENT = 1 << 24  # draws of refills above this number are errors of measurement
_MONTH = DAYS_BACK * TICKS_PER_DAY
# Readings that call for help at once beside the monitor of overdose (engineering choice: usual limits of ward alarms).
_CRITICAL_SPO2 = 85.0
_CRITICAL_SBP = 80.0
_OVERDOSE = 1 << int(Monitor.OVERDOSE)
_ALARM = 1 << int(Monitor.ALARM)
_is_confirmed = COMPILED["confirmed"]


@kernel
def call_clinic(episode, task):
    """A policy calls the clinic, unless it is on its way already."""
    if episode.call_left == 0:
        episode.called += 1
        _summon(episode, task)


@kernel
def _summon(episode, task):
    """The clinic is called by an alarm or by the shield; a call that stands is not doubled."""
    if episode.call_left == 0:
        episode.call_left = max(task.call_delay, 1)


@kernel
def is_out_of_cuts(shield, received, limits):
    """Whether harm is confirmed while the lock can lower the rate no further: it stands at the pump's lowest."""
    if shield.lock_resp == 0 or shield.prev_rate > limits.min_rate:
        return False
    samples = shield.lock_samples
    return _is_confirmed(samples[0], samples[1], samples[2]) > 0 or received.poss >= limits.poss_lock


@kernel
def harm_shows(patient):
    """Whether somebody sees over-sedation, or a valid reading says depressed breathing; hidden truth has no part in it."""
    slow = patient.s_valid[RR] == 1 and patient.s_value[RR] < DEPRESSED_RR
    low = patient.s_valid[SPO2] == 1 and patient.s_value[SPO2] < DEPRESSED_SPO2
    return patient.poss_seen >= OVERSEDATED_POSS or slow or low


@kernel
def _count_harm(world, par):
    """Call the clinic for harm that fills the task's share of the last 24 h; counting begins anew when it has come."""
    episode = world.episode
    slot = world.patient.tick % TICKS_PER_DAY
    shows = 1 if harm_shows(world.patient) else 0
    episode.harm24 += shows - episode.harm[slot]
    episode.harm[slot] = shows
    if episode.harm24 >= par.task.harm_call:
        episode.called_harm = 1
        _summon(episode, par.task)


@kernel
def _answer(world, par):
    """Call the clinic where the pump's alarms or the shield ask for somebody.

    An alarm calls once, and again when its monitor rises anew because it still stands.
    """
    episode = world.episode
    if world.monitor.raised & _ALARM != 0:
        episode.answered = 0
    alarms = world.pump.alarms & ATTENTION
    episode.answered &= alarms
    if alarms & ~episode.answered != 0 or is_out_of_cuts(world.shield, world.received, par.shield):
        _summon(episode, par.task)


@kernel
def _is_fine(world, par):
    """Whether whoever stands at the bedside finds nothing to treat and a patient who is awake."""
    awake = world.patient.poss_seen <= par.task.clinician.sedation
    return awake and measures_for(par.patient, world.patient) == 0


@kernel
def _come(world, par, out):
    """A called clinic is there: it treats what it finds, and stops a pump that goes on harming.

    That is one that harms at its lowest rate, or one whose harm has called while the patient is found harmed still.
    """
    episode = world.episode
    episode.present = 1
    episode.answered = world.pump.alarms & ATTENTION
    out.visits += 1.0
    measures = measures_for(par.patient, world.patient)
    harmed = not _is_fine(world, par)
    if measures != 0:
        give_rescue(par.patient, world.patient, measures)
        out.rescues += 1.0
    # A sensor that shows harm which nobody finds at the bedside stops no pump.
    lasts = episode.called_harm == 1 or is_out_of_cuts(world.shield, world.received, par.shield)
    if harmed and lasts and world.pump.latched == 0:
        stop_by_clinic(world.pump, par.pump)
        episode.judged |= STOPPED_PUMP
    episode.called_harm = 0
    episode.harm24 = 0
    episode.harm[:] = 0


@kernel
def _resume(world, par):
    """On the round or a call, a clinician lets a pump that was stopped at the bedside run again in a patient who is well."""
    if is_there(world, par) and _is_fine(world, par):
        clinician_reset(world.pump)
        world.episode.judged |= RESUMED_PUMP


@kernel
def attend(world, par, out):
    """One pump tick of the clinic: alarms and emergencies are answered, a called clinic comes, and a refill is made when due.

    Args:
        world, par: one WORLD and one WORLD_PAR record.
        out: STEP_OUT record, to which visits and refused orders are added.
    """
    episode = world.episode
    monitor = world.monitor
    episode.since_mixture += 1
    episode.present = 0
    if episode.call_left > 0:
        episode.call_left -= 1
        if episode.call_left == 0:
            _come(world, par, out)
    pump = world.pump
    if pump.alarms != 0 or world.shield.lock_resp != 0:
        _answer(world, par)
    if par.task.harm_call > 0:
        _count_harm(world, par)
    if pump.latched == 1 and pump.mode == STOPPED:
        _resume(world, par)
    # Who is called looks at everything that stands; otherwise the clinic answers what shows now.
    signs = monitor.standing | monitor.shown if episode.present == 1 else monitor.shown
    if world.fault.active != 0 and signs != 0:
        see_faults(world.fault, par.fault, signs, world.pump.age_h, RESPONDS)
    _rescue(world, par, out)
    due = pump.estimated_ml <= par.task.refill_ml or pump.age_h - pump.fill_h >= par.task.refill_h
    due = due or world.fault.refill_due == 1 or (episode.present == 1 and _stands_dry(world, par))
    if due and pump.halt & HALT_EXPLANT == 0:
        _refill(world, par, out)


@kernel
def _stands_dry(world, par):
    """Whether a called clinic finds a pump that has given nothing for long: it aspirates and fills, where it mends at all."""
    mends = par.fault.enabled == 0 or par.fault.serviced == 1
    return mends and world.pump.alarms & (STOPPED_LONG | EMPTY_RESERVOIR) != 0


@kernel
def _alarming(world):
    """Whether what the monitors show calls for help; hidden truth has no part in it."""
    patient = world.patient
    low = patient.s_valid[SPO2] == 1 and patient.s_value[SPO2] < _CRITICAL_SPO2
    low = low or (patient.s_valid[SBP] == 1 and patient.s_value[SBP] < _CRITICAL_SBP)
    return low or world.monitor.standing & _OVERDOSE != 0 or patient.ventilated == 1


@kernel
def _rescue(world, par, out):
    """An emergency's alarm brings somebody to the bedside after the delay, who treats what is found there.

    Whoever breathes for a patient looks again after the same time.
    """
    episode = world.episode
    if episode.rescue_left == 0:
        if _alarming(world):
            episode.rescue_left = par.task.rescue_delay
        return
    episode.rescue_left -= 1
    if episode.rescue_left == 0:
        measures = measures_for(par.patient, world.patient)
        if measures != 0:
            give_rescue(par.patient, world.patient, measures)
            out.rescues += 1.0


@kernel
def _refill(world, par, out):
    """One refill visit: choose the mixture, check the order, fill, and compare volumes. A refused order fills nothing."""
    pump = world.pump
    _choose_mixture(world, par)
    who = par.patient
    faults = order_bits(
        par.ordered_conc, par.ordered_conc, _programmed(world, par), par.most_conc, who.n_drugs, 1, 1, 0
    )
    if faults != 0:
        out.order_faults |= faults
        return
    found, expected = clinic_refill(world.fault, par.fault, pump, par.pump, par.pump.capacity_ml, par.ordered_conc)
    noise, _, _, _ = normals(who.seed, who.patient, STREAM_REFILL, _MEASUREMENT + pump.refills)
    see_refill(world.monitor, par.monitor, found, expected, pump.commanded_ml, noise)
    out.visits += 1.0


@kernel
def _programmed(world, par):
    """The concentrations that the pump's program counts with after this visit."""
    # A new mixture is programmed at the same visit; the label of the fill before must fit otherwise.
    return par.ordered_conc if world.episode.since_mixture == 0 else world.pump.label_conc


@kernel
def _choose_mixture(world, par):
    """Order the mixture that was asked for, if the shield could hold the rate in force with it."""
    episode = world.episode
    k = episode.mixture_asked
    if k == episode.mixture or k >= par.task.n_mixtures or episode.since_mixture < _MONTH:
        return
    if not can_hold(world.shield, par.shield, par.mixture[k].shield):
        return
    par.shield = par.mixture[k].shield
    par.ordered_conc = par.mixture[k].ordered
    episode.mixture = k
    episode.since_mixture = 0


@kernel
def can_hold(state, now, then):
    """Whether the rate in force may run on under other concentrations.

    Every 24-hour window of every cap must stay within it, with what was given before at the old concentration; and no drug's
    dose may rise by more than the profile allows in 28 days.

    Args:
        state: SHIELD_STATE record.
        now, then: SHIELD_PAR records of the old and the new mixture.
    """
    rate = state.prev_rate
    for d in range(then.n_caps):
        if d < then.n_drugs and then.conc[d] * 1000 > now.conc[d] * (1000 + then.rise_permille):
            return False
        # The tick that has just left the last 24 h is counted still, because a window of 24 h touches it.
        given = state.dose24[d] + state.ledger[d][0]
        for k in range(1, WINDOW + 1):
            given -= state.ledger[d][k - 1]
            if given + k * rate * then.conc[d] > then.cap_pg[d]:
                return False
    return True
