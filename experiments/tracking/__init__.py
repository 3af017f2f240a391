"""Runs in MLflow: the store, the tracker, and where a result comes from."""
