"""Policies that plan with a model: the planning oracle, and control by a nominal patient with an output disturbance."""
