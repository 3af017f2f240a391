"""How a pump is tried first: methods on the virtual patient, rules of success, and what a trial foretells of the year after."""
