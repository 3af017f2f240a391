"""The files that a proof is of: what the solver reads, and all else that lies between a profile's text and the pump."""

from __future__ import annotations

# What decides membership. A file belongs to SOLVED when the solver reads it, when it makes the numbers that goals and shield
# share, or when it says what has to be proved. It belongs to WIRED when importing an environment leads to it and it takes part
# in one of three ways: from a profile's text to the shield's integers, from sensors, telemetry and clinic to the shield's input,
# or from a request to the command at the pump. Left out is what only draws the patient (a hash of its own), compiles, observes,
# rewards, reports or words a refusal; tests/safety/test_certificate.py walks the imports and says why each was left out.
SOLVED: dict[str, tuple[str, ...]] = {
    "safety": (
        "bits.py", "invariants.py", "kernel.py", "locks.py", "ops.py", "parameters.py", "readings.py", "records.py", "shield.py",
        "tick.py",
    ),
    "safety/proofs": (
        "decision_terms.py", "decisions.py", "functions.py", "goals.py", "lock_goals.py", "overflow.py", "searches.py",
        "terms.py", "tick_books.py", "tick_signs.py", "tick_terms.py", "tick_verdicts.py", "ticks.py", "verify.py",
    ),
    "safety/data": ("ceilings.toml", "goals.json"),
    "core": ("layout.py",),
}  # fmt: skip
WIRED: dict[str, tuple[str, ...]] = {
    "core": ("documents.py", "guarded.py", "models.py", "parameters.py", "plugins.py", "seeds.py", "units.py"),
    "safety": (
        "ceilings.py", "certificate.py", "certified.py", "gateway.py", "memory.py", "orders.py", "profile_checks.py",
        "profile_schema.py", "profiles.py", "tokens.py", "wide.py",
    ),
    "devices": (
        "alarms.py", "catheter.py", "chemistry.py", "fault_delivery.py", "fault_presets.py", "fault_records.py", "faults.py",
        "monitor_records.py", "monitors.py", "orders.py", "patient_faults.py", "program.py", "pump.py", "pump_draws.py",
        "receiver.py", "records.py", "refills.py", "reservoir.py", "solutions.py", "specs.py",
    ),
    "envs": (
        "adapted.py", "assembly.py", "batch.py", "checks.py", "clinician.py", "identity.py", "memory.py", "options.py",
        "parameters.py", "scenario.py", "snapshots.py", "standing.py", "starts.py", "task_parts.py", "tasks.py", "visits.py",
    ),
    "envs/kernel": ("actions.py", "look_ahead.py", "records.py", "shield_input.py", "start.py", "step.py"),
    "envs/adapters": (
        "actions.py", "arguments.py", "constrained.py", "continued.py", "draws.py", "forms.py", "held.py", "make.py", "masks.py",
        "members.py", "releases.py", "sb3.py", "sb3_discrete.py", "single.py", "vector.py", "vector_forms.py",
    ),
}  # fmt: skip
