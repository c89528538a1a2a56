"""Whole episodes in skipped time, on real servers and through the real API (D7)."""
