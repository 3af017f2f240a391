"""From results to pages: a registry of sections, their charts and words, and the files they become."""
