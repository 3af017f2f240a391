"""Train, evaluate, compare, validate, track and report; the command line ``thecal``.

Read ``compare`` for how policies are judged, ``outcomes`` for what is measured, ``reproductions`` for the validation.
"""
