"""Policies over patients: runs in blocks, trajectories and transitions on disk."""
