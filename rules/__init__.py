"""Verdicts: pure functions over nouns. No await, no clock, no environment, no randomness."""
