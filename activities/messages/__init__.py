"""What each kind of message says to a payer: the least it needs (domain 3.6 minimum necessary)."""
