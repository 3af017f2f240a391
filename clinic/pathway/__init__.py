"""How therapy moves on: consensus lines as data, the next step with its reason, and the limits of a profile on every step."""
