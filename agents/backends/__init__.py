"""Learned policies: training, storage without pickle, and the network at work."""
