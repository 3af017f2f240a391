"""Which numbers matter: Morris and Sobol studies, and practical identifiability."""
