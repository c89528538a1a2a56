"""What can keep the local stack from running, each as a sentence that says what to do."""


class StackError(Exception):
    """Shown to the person at the terminal as it is; nothing was damaged, nothing keeps running."""
