"""What every grammar raises when something cannot be written or read: a sentence with the place, never the value."""


class InterchangeProblem(Exception):
    """For the person who must correct it: what is missing or wrong, without content."""
