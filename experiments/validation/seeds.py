"""Whose virtual patients answer to the published observations: seeds of cohorts, kept apart by what they are used for.

A seed that has been looked at cannot judge any more. Parameters are fitted on the first set (to patients of the tune split), work
in progress is scored on the second, and the third is for the run after everything is frozen, once. The final seeds of the three
refits before this one (6301 to 6308, 7401 to 7408, 8501 to 8508) have been looked at and serve nothing any more.
"""

from __future__ import annotations

CALIBRATION_SEEDS = (4101, 4102, 4103, 4104, 4105, 4106, 4107, 4108)
DEVELOPMENT_SEEDS = (5201, 5202, 5203, 5204, 5205, 5206, 5207, 5208)
FINAL_SEEDS = (9601, 9602, 9603, 9604, 9605, 9606, 9607, 9608)

#: What may be scored, by name.
SEED_SETS = {"development": DEVELOPMENT_SEEDS, "final": FINAL_SEEDS}
