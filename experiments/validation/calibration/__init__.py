"""Fitting as a method: free numbers with priors, targets with weights, an optimizer, and a record of what was fitted to what."""
