"""Nouns of the field: pure, wire-stable, importing nothing of ours but each other."""
