"""Bayesian dose finding: weighed virtual patients of another split stand for the unknown one."""
