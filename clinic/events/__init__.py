"""Event tables in the form of pharmacometrics: doses, observations and covariates over time, one row each."""
