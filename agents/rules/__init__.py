"""Policies by rule: fixed rate, guideline titration, PID, demand bolus, and the sanity baselines."""
