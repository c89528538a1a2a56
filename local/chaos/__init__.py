"""Power cuts under load: the house works while its parts are killed, then its records are judged."""
