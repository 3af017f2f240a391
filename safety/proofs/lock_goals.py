"""Goals about the locks: each withholds exactly when its rule, restated here, says so, and opens only as it should."""

from __future__ import annotations

from typing import Any

import z3

from thecal.safety import bits
from thecal.safety.invariants import Invariant
from thecal.safety.proofs.goals import Goal
from thecal.safety.proofs.terms import Reading, record
from thecal.safety.records import SHIELD_INPUT, SHIELD_PAR

_I = Invariant
_STATE = ("errors", "lock_resp", "warn", "stale", "jumped", "hemo_samples", "escalated")


def goals() -> list[Goal]:
    """Every goal about the locks; all limits are symbols."""
    return [*_withholding(), *_samples(), *_latches(), *_requests(), *_read_back(), *_watched()]


def _bits_are(total: Any, rules: dict[int, Any]) -> Any:
    """Whether ``total`` is the sum of the bits of exactly the rules that hold."""
    return total == z3.Sum([z3.If(rule, z3.IntVal(bit), z3.IntVal(0)) for bit, rule in rules.items()])


def _withholding() -> list[Goal]:
    locks = Reading().code
    state = record("state", _STATE)
    par = record("par", SHIELD_PAR.names or ())
    received = record("received", SHIELD_INPUT.names or ())
    ring = (state.hemo_samples >= 0, state.hemo_samples <= 7)
    low_twice = z3.Or(*(state.hemo_samples == value for value in (3, 5, 6, 7)))
    shared = {
        bits.FINITE: state.errors >= par.errors_most,
        bits.CLOCK: z3.Or(received.skew_s > par.skew_s, -received.skew_s > par.skew_s),
        bits.RESPIRATORY: z3.Or(state.lock_resp >= 1, state.warn >= 1),
        bits.SEDATION: z3.Not(received.poss < par.poss_hold),
        bits.HEMODYNAMIC: z3.And(par.vasoactive >= 1, low_twice),
        bits.NEURO: z3.Not(z3.And(received.weakness < par.neuro_hold, received.confusion < par.neuro_hold)),
        bits.STALE: state.stale >= 1,
        bits.JUMP: state.jumped >= 1,
        bits.STOPPED: received.stopped >= 1,
        bits.MRI: received.mri >= 1,
        bits.BRIDGE: received.bridging >= 1,
    }
    rises = {
        bits.STABILITY: received.fill_age > par.shelf,
        bits.BATTERY: received.battery >= 1,
        bits.REFILL: z3.Not(received.since_refill >= par.refill_hold),
        bits.BALANCE: z3.Not(
            z3.And(-par.balance_permille <= received.residual, received.residual <= par.balance_permille)
        ),
        bits.ESCALATION: state.escalated >= 1,
        bits.READ_BACK: received.unverified >= 1,
    }
    boluses = {
        bits.EXCLUSIVE: z3.Or(received.bolus_running >= 1, received.alarms >= 1, received.unverified >= 1),
        bits.REFILL: z3.Not(received.since_refill >= par.lockout),
        bits.BATTERY: received.battery >= 2,
        bits.AUTHORITY: par.stage == 0,
    }
    covers = tuple(Invariant(bit.bit_length() - 1) for bit in {**shared, **rises, **boluses})
    return [
        Goal("rises and boluses are withheld by exactly the stated facts", ring,
             _bits_are(locks.shared_holds(state, par, received), shared), covers),
        Goal("rises alone are withheld by exactly the stated facts", (),
             _bits_are(locks.rise_holds(state, par, received), rises), covers),
        Goal("boluses alone are withheld by exactly the stated facts", (),
             _bits_are(locks.bolus_denials(state, par, received), boluses), covers),
    ]  # fmt: skip


def _samples() -> list[Goal]:
    locks = Reading().code
    value, last, limit, jump, samples, one, other, third, low = z3.Ints(
        "value last limit jump samples one other third low"
    )
    present = z3.Bool("present")
    eight = [z3.And(x >= 0, x <= 7) for x in (samples, one, other, third)]
    places = [[x / 2**i % 2 == 1 for i in range(3)] for x in (one, other, third)]
    hit = [z3.Or(*places_) for places_ in zip(*places, strict=True)]
    count = locks.confirmed(one, other, third)
    twice = z3.Or(z3.And(hit[0], hit[1]), z3.And(hit[0], hit[2]), z3.And(hit[1], hit[2]))
    shifted = z3.If(present, samples * 2 % 8 + low, samples)
    rr_age, spo2_age, same, most, flat, total = z3.Ints("rr_age spo2_age same most flat total")
    keep, spo2_same, co2_same, flat_other = z3.Ints("keep spo2_same co2_same flat_other")
    return [
        Goal("two of three places confirm", tuple(eight), (count == 1) == twice,
             (_I.RESPIRATORY_LOCK, _I.HEMODYNAMIC_LOCK)),
        Goal("confirmation is 0 or 1", tuple(eight), z3.Or(count == 0, count == 1), (_I.RESPIRATORY_LOCK,)),
        Goal("a sample pushes the oldest out", (*eight, low >= 0, low <= 1),
             locks.next_samples(samples, present, low) == shifted, (_I.RESPIRATORY_LOCK,)),
        Goal("a value is low when it is there and under its limit", (), (locks.is_low(value, limit) == 1)
             == z3.And(value >= 0, value < limit), (_I.RESPIRATORY_LOCK,)),
        Goal("a value is high when it is over its limit", (), locks.is_high(value, limit) == z3.If(value > limit, 1, 0),
             (_I.RESPIRATORY_LOCK,)),
        Goal("a pressure has fallen when it is under its share of the mean of the first values", (total >= 0,),
             locks.has_fallen(value, total, samples, keep) == z3.If(
                 z3.And(value >= 0, samples >= 96, value < keep / z3.RealVal(1000) * total / 96), 1, 0),
             (_I.HEMODYNAMIC_LOCK,)),
        Goal("a low value is 0 or 1", (), z3.Or(locks.is_low(value, limit) == 0, locks.is_low(value, limit) == 1)),
        Goal("a value that falls is always believed", (value >= 0, value <= last, jump >= 0),
             locks.believable(value, last, jump), (_I.IMPLAUSIBLE,)),
        Goal("a leap is not believed, nor is what is missing", (last >= 0,),
             z3.Not(locks.believable(value, last, jump)) == z3.Or(value < 0, value > last + jump), (_I.IMPLAUSIBLE,)),
        Goal("the first value is believed", (value >= 0, last == -1),
             z3.And(locks.believable(value, last, jump), locks.believable_fall(value, last, jump)), (_I.IMPLAUSIBLE,)),
        Goal("a value whose falls are recoveries is believed unless it is missing or falls by a leap", (last >= 0,),
             z3.Not(locks.believable_fall(value, last, jump)) == z3.Or(value < 0, last > value + jump), (_I.IMPLAUSIBLE,)),
        Goal("a leap is a value that is there and not believed", (),
             locks.leapt(value, present) == z3.If(z3.And(value >= 0, z3.Not(present)), 1, 0), (_I.IMPLAUSIBLE,)),
        Goal("the latest value stays while none arrives", (), locks.latest(value, last) == z3.If(value < 0, last, value),
             (_I.IMPLAUSIBLE,)),
        Goal("a required signal is old beyond its most", (), locks.is_old(rr_age, spo2_age, most)
             == z3.Or(rr_age > most, spo2_age > most), (_I.STALE,)),
        Goal("a signal of breathing stands still at its limit", (),
             locks.is_still(same, spo2_same, co2_same, flat, flat_other)
             == z3.Or(same >= flat, spo2_same >= flat_other, co2_same >= flat_other), (_I.STALE,)),
        Goal("the shield is blind when a required signal is twice as old as it may be", (),
             locks.is_blind(rr_age, spo2_age, most) == z3.If(z3.Or(rr_age > 2 * most, spo2_age > 2 * most), 1, 0),
             (_I.STALE,)),
        Goal("an age starts with a sample and grows by one", (),
             locks.next_age(value, present) == z3.If(present, 0, value + 1), (_I.STALE,)),
        Goal("a signal stands still while it shows the same", (),
             locks.next_same(samples, value, last)
             == z3.If(value < 0, samples, z3.If(value == last, samples + 1, 0)), (_I.STALE,)),
    ]  # fmt: skip


def _latches() -> list[Goal]:
    locks = Reading().code
    on, age, watch, clear, prev, permille, lowest = z3.Ints("on age watch clear prev permille lowest")
    trigger, well, pocket = z3.Bools("trigger well pocket")
    latched, new_age = locks.latch(on, trigger, age, watch, clear, well)
    reduced = locks.reduced_rate(prev, permille, lowest, pocket)
    gap, stopped, most, errors, valid, poss, hold, since = z3.Ints("gap stopped most errors valid poss hold since")
    off = locks.next_errors(errors, valid, clear, most)
    return [
        Goal("a latch closes on its trigger", (on == 0, trigger), z3.And(latched == 1, new_age == 0),
             (_I.RESPIRATORY_LOCK,)),
        Goal("a latch stays open without a trigger", (on == 0, z3.Not(trigger)), latched == 0),
        Goal("a latch opens exactly for a clinician, after the watch, in a well patient", (on == 1,),
             (latched == 0) == z3.And(clear > 0, well, age + 1 >= watch), (_I.RESPIRATORY_LOCK, _I.SEDATION_LOCK)),
        Goal("a latch is 0 or 1 and ages by one", (z3.Or(on == 0, on == 1),),
             z3.And(z3.Or(latched == 0, latched == 1), z3.Implies(on == 1, new_age == age + 1))),
        Goal("a lock leaves its share of the rate, never more than the rate",
             (prev >= 0, permille >= 0, permille <= 1000, lowest >= 0),
             z3.And(reduced <= prev, z3.Implies(pocket, reduced <= lowest), z3.Implies(z3.Not(pocket),
                    z3.And(1000 * reduced <= prev * permille, prev * permille < 1000 * reduced + 1000))),
             (_I.RESPIRATORY_LOCK, _I.POST_REFILL)),
        Goal("sedation soon after a refill is a pocket fill", (),
             locks.pocket_fill(poss, hold, since, watch) == z3.And(poss >= hold, since < watch), (_I.POST_REFILL,)),
        Goal("a gap grows while the pump stands and ends with it", (stopped >= 0,),
             locks.next_gap(gap, stopped) == z3.If(stopped == 0, 0, gap + 1), (_I.RESTART,)),
        Goal("a restart is the first tick of delivery after too long a gap", (),
             locks.restarts(gap, stopped, most) == z3.And(stopped == 0, most < gap), (_I.RESTART,)),
        Goal("automation that is off stays off without a clinician", (most >= 1, errors >= most, clear <= 0), off >= most,
             (_I.FINITE,)),
        Goal("unusable requests count, a usable one ends the count, silence does neither",
             (most >= 1, errors >= 0, errors < most),
             off == z3.If(valid == 1, 0, z3.If(valid == 2, errors, errors + 1)), (_I.FINITE,)),
        Goal("a clinician switches automation on again", (most >= 1, errors >= most, clear > 0), off == 0, (_I.FINITE,)),
    ]  # fmt: skip


def _requests() -> list[Goal]:
    locks = Reading().code
    request, prev, since, lease, baseline, stage, confirms = z3.Ints("request prev since lease baseline stage confirms")
    then, permille, nrs, nrs_then, bolus, valid = z3.Ints("then permille nrs nrs_then bolus valid")
    lapsed = z3.Bool("lapsed")
    asked = locks.leased(request, prev, lapsed, baseline)
    named = {-2: bits.COMMAND, -1: bits.UNITS, 1: 0, 2: 0}
    named_bit: Any = bits.FINITE
    for code, bit in named.items():
        named_bit = z3.If(valid == code, bit, named_bit)
    acted = locks.authorized(request, prev, stage, confirms)
    worse = z3.And(then > 0, nrs >= 0, nrs_then >= 0, 1000 * (prev - then) >= permille * then, nrs >= nrs_then)
    return [
        Goal("a lapsed lease never raises", (lapsed,), z3.And(asked <= prev, asked <= request), (_I.LEASE, _I.STALE)),
        Goal("a lease ends in the clinician's rate", (lapsed, baseline >= 0, request >= prev, prev >= baseline),
             asked == baseline, (_I.LEASE, _I.STALE)),
        Goal("a lease that runs changes nothing", (z3.Not(lapsed),), asked == request, (_I.LEASE,)),
        Goal("ticks since a usable request start with it and grow by one", (since >= 0,),
             locks.next_since_command(since, valid, lease) == z3.If(valid == 1, 0, z3.If(since + 1 <= lease, since + 1, lease)),
             (_I.LEASE,)),
        Goal("a request that cannot be used names the invariant it breaks", (), locks.refusal(valid) == named_bit,
             (_I.FINITE, _I.UNITS, _I.COMMAND)),
        Goal("advice runs nothing", (stage == 0,), z3.And(acted == prev, locks.authorized_bolus(bolus, stage) == 0),
             (_I.AUTHORITY,)),
        Goal("confirmation waits for a clinician's word", (stage == 1,), acted == z3.If(confirms > 0, request, prev),
             (_I.AUTHORITY,)),
        Goal("a lowering stage lowers only", (stage == 2,), acted == z3.If(request < prev, request, prev),
             (_I.AUTHORITY,)),
        Goal("full authority passes requests on", (stage == 3,),
             z3.And(acted == request, locks.authorized_bolus(bolus, stage) == bolus), (_I.AUTHORITY,)),
        Goal("escalation is a rise by its share without relief", (),
             locks.escalated(prev, then, permille, nrs, nrs_then) == worse, (_I.ESCALATION,)),
    ]  # fmt: skip


def _read_back() -> list[Goal]:
    locks = Reading().code
    pumped, rate, owed, running, excess, more, window = z3.Ints("pumped rate owed running excess more window")
    extra = pumped - rate  # beyond the basal rate that was allowed
    return [
        Goal("read back: what lies beyond the allowed rate and the boluses still owed", (owed >= 0,),
             locks.beyond(pumped, rate, owed) == z3.If(extra > owed, extra - owed, 0), (_I.READ_BACK,)),
        Goal("read back: a bolus is owed until the pump counts it or says that none runs", (owed >= 0,),
             locks.still_owed(pumped, rate, owed, running)
             == z3.If(z3.Or(running <= 0, extra >= owed), 0, z3.If(extra > 0, owed - extra, owed)), (_I.READ_BACK,)),
        Goal("read back: with nothing owed the ledger holds the larger of allowed and counted", (pumped >= 0, rate >= 0),
             rate + locks.beyond(pumped, rate, z3.IntVal(0)) == z3.If(pumped > rate, pumped, rate), (_I.READ_BACK,)),
        Goal("read back: an excess stands for a whole window", (excess >= 0, window >= 1),
             locks.next_excess(excess, more, window) == z3.If(more > 0, window, z3.If(excess > 0, excess - 1, 0)),
             (_I.READ_BACK,)),
    ]  # fmt: skip


def _watched() -> list[Goal]:
    locks = Reading().code
    ages = ("rr_age", "spo2_age", "co2_age", "bp_age", "hr_age")
    state = record("state", (*ages, "co2_last", "calm", "since_change"))
    par = record("par", ("quick_fresh", "quick_poss", "quick_quiet", "quick_settle"))
    received = record("received", ("poss",))
    calm, shared, never = z3.Ints("calm shared never")
    fresh = [getattr(state, name) <= par.quick_fresh for name in ages if name != "co2_age"]
    fresh.append(z3.Or(state.co2_last < 0, state.co2_age <= par.quick_fresh))
    rule = z3.And(*fresh, received.poss <= par.quick_poss, state.calm >= par.quick_quiet,
                  state.since_change >= par.quick_settle)  # fmt: skip
    return [
        Goal("monitored: exactly with fresh signs, awake, after a quiet time, and settled", (),
             locks.is_watched(state, par, received) == rule, (_I.MONITORED,)),
        Goal("monitored: quiet is counted from what last withheld", (calm >= 0,),
             locks.next_calm(calm, shared, never) == z3.If(shared != 0, 0, z3.If(calm + 1 <= never, calm + 1, never)),
             (_I.MONITORED,)),
    ]  # fmt: skip
