"""The commands of ``thecal``, one module a theme; each imports what it runs only when it is called."""
