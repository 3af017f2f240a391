"""How strong the attack is: the shield gets one limit loosened, the auditor the true one; a good attack is found out.

A limit for which a loosened shield passes unnoticed is one whose zero violations mean little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from thecal.core.executor import Executor, local
from thecal.experiments.assurance.harness import HarnessCase, program, run_case
from thecal.safety.invariants import Invariant
from thecal.safety.profiles import load_profile
from thecal.safety.records import AUTO

# By how much each limit of SHIELD_PAR is loosened: a little, but more than the rounding and the grid take back.
LOOSENED: dict[str, Callable[[Any], Any]] = {
    "cap_pg": lambda x: x * 21 // 20,
    "conc": lambda x: (x * 19 + 19) // 20,
    "min_rate": lambda x: x // 2,
    "max_rate": lambda x: x * 11 // 10,
    "rate_step": lambda x: 1,
    "bolus_step": lambda x: 1,
    "step_permille": lambda x: x + 50,
    "step_abs": lambda x: x * 2,
    "interval": lambda x: x - 1,
    "rise_permille": lambda x: x + 100,
    "keep_permille": lambda x: x - 50,
    "exposed_after": lambda x: x + 96,
    "bolus_eligible": lambda x: 1,
    "bolus_abs": lambda x: x * 11 // 10,
    "bolus_permille": lambda x: x + 50,
    "lockout": lambda x: x - 1,
    "bolus_most": lambda x: x + 1,
    **dict.fromkeys(("rr_warn", "rr_lock", "spo2_warn", "spo2_lock", "sbp_low", "map_low", "hr_low"), lambda x: x - 3),
    **dict.fromkeys(("co2_warn", "co2_lock"), lambda x: x + 3),
    **dict.fromkeys(("rr_jump", "spo2_jump", "co2_jump"), lambda x: x + 5),
    **dict.fromkeys(("poss_hold", "poss_lock", "neuro_hold"), lambda x: x + 1),
    **dict.fromkeys(("stale", "flat", "shelf", "balance_permille", "skew_s", "errors_most"), lambda x: x + 1),
    **dict.fromkeys(("refill_hold", "pocket_watch"), lambda x: x - 1),
    "watch": lambda x: x - 16,
    "lock_permille": lambda x: x + 100,
    "vasoactive": lambda x: 0,
    "sbp_keep_permille": lambda x: x - 20,
    "reserve_nl": lambda x: x // 2,
    "gap_most": lambda x: x + 2,
    "restart_permille": lambda x: x + 100,
    "escalation_permille": lambda x: x + 300,
    "lease": lambda x: x + 4,
    "stage": lambda x: AUTO,
}
# Fields that are no limit: how many drugs and caps there are, what a mode does, and a wait that no shipped profile asks for
# (a test loosens it with a profile that does).
NO_LIMITS = ("n_drugs", "n_caps", "mode", "transit_nl")


def trials(seed: int) -> Iterator[HarnessCase]:
    """Programs in which every limit binds somewhere, the likeliest first."""
    for again in range(3):
        for drugs, setting, solution, stage in (
            (("morphine",), "cancer", "usual", "auto"),
            (("bupivacaine", "morphine"), "noncancer", "usual", "auto"),
            (("ziconotide",), "cancer", "usual", "auto"),
            (("morphine",), "cancer", "dilute", "auto"),
            (("hydromorphone",), "noncancer", "dilute", "lower"),
        ):
            yield HarnessCase("seed_2025", drugs, setting, solution=solution, stage=stage, seed=seed + 1000 * again)


def power(field: str, seed: int = 0) -> dict[str, Any]:
    """What the auditor says of a shield with one limit loosened: the first invariant it calls broken, or that it calls none."""
    for k, case in enumerate(trials(seed)):
        true, _ = program(case, load_profile(case.profile))
        loose = LOOSENED[field](true[field].copy())
        if (loose == true[field]).all():
            continue
        found = run_case(replace(case, loosened={field: loose}))
        if found.breaches:
            numbers = sorted({breach[0] for breach in found.breaches})
            called = [Invariant(number).name.lower() for number in numbers]
            return {"limit": field, "found": True, "after": k + 1, "by": called}
    return {"limit": field, "found": False, "after": 0, "by": []}


def strength(
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[dict[str, Any]]:
    """Loosen every limit in turn, in parallel; returns what :func:`power` says of each.

    Args:
        workers: processes of this machine; one for each core when ``None``.
        executor: what runs the trials, in place of ``workers``.
        progress: called with (done, all) after each limit.
    """
    found = []
    for result in (executor or local(workers)).map(power, LOOSENED):
        found.append(result)
        progress(len(found), len(LOOSENED))
    return found
