"""From trajectories to results: outcomes, statistics, comparisons and the one decision rule."""
