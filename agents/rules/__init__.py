"""Policies by rule: fixed rate, guideline titration, PID, guarded PID, demand bolus, and the sanity baselines."""
