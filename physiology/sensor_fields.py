"""Which number of sensors.toml fills which field of a patient's sensors, in which unit and above which minimum."""

from __future__ import annotations

import math

# field of PATIENT_PAR per sensor: (key, unit or "" for the sensor's own, minimum)
SENSOR_FIELDS: dict[str, tuple[str, str, float]] = {
    "s_gain_pain": ("gain_pain", "", -math.inf),
    "s_gain_sed": ("gain_sedation", "", -math.inf),
    "s_noise": ("noise", "", 0.0),
    "s_motion": ("motion", "dimensionless", 0.0),
    "s_drift": ("drift", "", 0.0),
    "s_drift_tau_h": ("drift_tau", "hour", 1e-3),
    "s_tau_h": ("lag", "hour", 1e-6),
    "s_drop_per_h": ("dropout_rate", "1/h", 0.0),
    "s_drop_h": ("dropout_length", "hour", 0.0),
    "s_stuck": ("stuck", "dimensionless", 0.0),
}
SENSOR_UNITS = {
    "hr": "beat/min",
    "sbp": "mmHg",
    "map": "mmHg",
    "rr": "breath/min",
    "spo2": "percent",
    "etco2": "mmHg",
    "conductance": "1/s",
    "activity": "dimensionless",
    "emg": "microvolt",
    "hrv": "ms",
    "eeg": "dimensionless",
    "sweat": "ng/mL",
}
# Gains that the circulation itself carries: mean pressure follows systolic, and breathing.toml states the fall in sedation.
CARRIED_GAINS = (("map", "gain_pain"), ("hr", "gain_sedation"), ("sbp", "gain_sedation"), ("map", "gain_sedation"))
# Sensors whose level at rest is the patient's own and stated with the sensor.
RESTING_SENSORS = ("conductance", "activity", "emg", "hrv", "eeg", "sweat")
