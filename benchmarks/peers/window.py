"""What every driver shares: how long to the first step, how many steps a second of processor time, how much memory."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable

BEGUN = time.process_time()  # of the process: importing the peer is part of its time to the first step
WINDOWS, SECONDS = 5, 0.5
_KIB = 1024.0


def measure(case: str, start: Callable[[], Callable[[], int]], **facts: object) -> None:
    """Time one case and print it as a line of JSON.

    Args:
        case: what is timed.
        start: makes everything ready and gives the workload: one call is one or more steps, and returns how many
            patient-steps were made.
        facts: ``step_min``, ``states``, ``evaluations`` (of the right-hand side, or implicit stages solved, a patient-step),
            ``patients`` and ``integrator``; a function is called after the timing.
    """
    work = start()
    work()
    first_s = time.process_time() - BEGUN
    rates = []
    for _ in range(WINDOWS):
        begin, done = time.process_time(), 0
        while time.process_time() - begin < SECONDS:
            done += work()
        rates.append(done / (time.process_time() - begin))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
    known = {key: value() if callable(value) else value for key, value in facts.items()}
    row = {"case": case, "steps_per_s": statistics.median(rates), "first_step_s": first_s, "memory_mb": memory, **known}
    print(json.dumps(row))
    sys.stdout.flush()
