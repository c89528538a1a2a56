"""What a process loaded to keep is not looked at again by every garbage collection."""

import gc
from typing import Final

YOUNG: Final = 50_000
"""New objects between two collections. A night makes a dozen for each bed, a decision thousands, and next to none of
them refer to each other in a circle; with the interpreter's 700 a third of the work was looking for circles."""


def set_aside() -> None:
    """Call once, when everything is imported and wired: modules, models and the catalog leave the collector's sight,
    and it comes less often. Circles are still found; a process holds some thousands of dead objects longer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
