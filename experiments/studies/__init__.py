"""What a person runs: train, evaluate, compare, each from one configuration, tracked and saved."""
