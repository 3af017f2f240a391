"""Published observations against virtual patients: targets, scores, reproductions."""
