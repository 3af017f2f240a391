"""Tasks written as TOML alone, as somebody outside would: spasticity, ziconotide, function, and everything a task can ask for."""

from __future__ import annotations

from pathlib import Path

_HEAD = """
name = "{name}"
version = 0
title = "{name}"
evidence = "made up for a test"
drugs = {drugs}
pump = "synchromed_ii_40"
cohort = "{cohort}"
setting = "noncancer"
monitored = {monitored}
profile = "seed_2025"
tick_h = {tick_h}
horizon_d = {days}
start_clock_h = 8.0
clinic_clock_h = 9.0
"""

SPASTICITY = (
    _HEAD.format(name="Baclofen", drugs=["baclofen"], cohort="spasticity", monitored="false", tick_h=4.0, days=2)
    + """
secondary = ["mean_weakness", "mean_distress", "visits"]
costs = ["weakness", "sedation"]

[solution]
options_mg_per_ml = [0.5, 1.0, 2.0]
max_interval_d = 90.0
refill_ml = 8.0

[start]
rule = "fixed"
dose_ug_per_d = 100.0
low = 0.5
high = 1.5

[action]
fields = ["target_dose", "hold"]
target_low = 0.25
target_high = 5.0

[observation]
fields = ["spasms", "weakness", "poss", "rate_ml_per_d", "rate_ratio_start", "dose_mg_per_d", "dose24_mg", "cap_headroom"]

[weights]
spasticity = 1.0
weakness = 0.5
sedation = 2.0
terminal = 1.0

[primary]
outcome = "mean_ashworth"
text = "mean modified Ashworth score"

[difficulty.real]
"""
)

ZICONOTIDE = (
    _HEAD.format(name="Ziconotide", drugs=["ziconotide"], cohort="noncancer", monitored="true", tick_h=4.0, days=2)
    + """
secondary = ["mean_cognition", "time_controlled", "dose_mg_per_day"]
costs = ["cognition"]

[solution]
options_mg_per_ml = [0.001, 0.005, 0.025]
max_interval_d = 60.0
refill_ml = 8.0

[start]
rule = "fixed"
dose_ug_per_d = 1.2

[action]
fields = ["relative_rate"]
max_up = 0.2
max_down = 0.2

[weights]
relief = 1.0
cognition = 2.0
calls = 0.1
terminal = 1.0

[primary]
outcome = "mean_nrs"
text = "mean felt pain"

[difficulty.real]
"""
)

FUNCTION = (
    _HEAD.format(name="Function", drugs=["morphine"], cohort="noncancer", monitored="false", tick_h=2.0, days=2)
    + """
secondary = ["mean_nrs", "mean_distress", "resp_hours", "visits"]

[solution]
options_mg_per_ml = [1.0, 2.0, 5.0, 10.0, 20.0]
max_interval_d = 90.0
refill_ml = 8.0

[visits]
call_delay_h = 6.0

[action]
fields = ["relative_rate", "bolus_size", "lockout", "call_clinic"]
max_up = 0.2
max_down = 0.1
lockout_low_h = 2.0
lockout_high_h = 12.0

[weights]
function = 1.0
distress = 0.5
calls = 0.05
resp = 8.0
terminal = 1.0

[primary]
outcome = "mean_function"
text = "mean function"

[difficulty.real]
"""
)

# Two drugs whose mixture is chosen at a refill, and every action field that goes with a target.
EVERYTHING = (
    _HEAD.format(name="Everything", drugs=["morphine", "bupivacaine"], cohort="noncancer", monitored="true", tick_h=1.0,
                 days=2)
    + """
[solution]
options_mg_per_ml = [1.0, 2.0, 5.0]
max_interval_d = 90.0
refill_ml = 8.0
ratios = [1.0]
mixtures = [[0.5], [1.0], [1.2], [3.0]]

[visits]
call_delay_h = 6.0

[action]
fields = ["target_dose", "bolus_size", "lockout", "mixture", "call_clinic", "hold"]
target_low = 0.5
target_high = 2.0
lockout_low_h = 2.0
lockout_high_h = 12.0

[observation]
fields = ["rate_ratio_start", "clinic_on_its_way", "mixture_ratio", "dose_mg_per_d", "reservoir_ml"]

[weights]
relief = 1.0
calls = 0.25
terminal = 1.0

[primary]
outcome = "time_controlled"
text = "share of time with NRS <= 3"

[difficulty.real]
"""
)  # fmt: skip

FILES = {"Baclofen": SPASTICITY, "Ziconotide": ZICONOTIDE, "Function": FUNCTION, "Everything": EVERYTHING}


def written(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """One of the files in a folder, with pieces of its text replaced."""
    text = FILES[name]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path
