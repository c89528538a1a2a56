"""The demo facility: people at every level with a past, written as a centre going live would write it (D13)."""
