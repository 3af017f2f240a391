"""What stands in an event table: its columns, their units inside, what is observed, and other names of the same."""

from __future__ import annotations

from typing import NamedTuple

BLANK = ("", ".", "NA", "na")  # what stands for nothing in tables of this kind
DOSE_KINDS = (1, 4)  # EVID of a dose, and of a reset with a dose
KINDS = (0, 1, 2, 3, 4)  # EVID: observation, dose, other, reset, reset and dose
# Column -> the unit inside; of a table that states none, the time is read in hours and the rest is refused.
UNITS = {"TIME": "h", "AMT": "ug", "RATE": "ug/h", "II": "h"}
COLUMNS = ("ID", "TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT", "DVID", "DV", "MDV", "CENS")
NEEDED = ("ID", "TIME")
# What tables of other programs call the same column.
ALIASES = {"BLQ": "CENS", "BQL": "CENS", "DVTYPE": "DVID", "YTYPE": "DVID", "YNAME": "DVID", "SUBJECT": "ID"}
COMMENT = "C"  # a row with anything in this column is left out, as the field's programs do
TIP = 1  # CMT of the catheter tip


class Observed(NamedTuple):
    """One kind of observation (DVID): its unit inside, bounds of a value, and what it is."""

    unit: str
    low: float
    high: float
    text: str
    level: bool = False  # a concentration: positive, and may lie below a limit of quantification


OBSERVED = {
    "nrs": Observed("nrs", 0.0, 10.0, "reported pain, 0-10"),
    "csf": Observed("ug/mL", 0.0, 1e6, "lumbar CSF (L3)", level=True),
    "plasma": Observed("ug/mL", 0.0, 1e6, "plasma", level=True),
    "rr": Observed("breath/min", 0.0, 80.0, "breathing rate"),
}
# In a table that gives a number without a sidecar: DVID 1 is the first, and so on.
NUMBERED = {str(number): name for number, name in enumerate(OBSERVED, 1)}
