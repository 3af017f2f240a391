"""What pharmacometricians do daily: figures without a model, fits of one patient, exchange with other programs."""
