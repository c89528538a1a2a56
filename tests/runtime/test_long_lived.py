"""What is set aside stays out of the collector's sight; circles made later are still found."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
from runtime.long_lived import YOUNG, set_aside

class Node:
    pass

set_aside()
assert gc.get_freeze_count() > 1000, gc.get_freeze_count()
assert gc.isenabled()
node = Node()
node.itself = node
gone = weakref.ref(node)
del node
kept = []
while gone() is not None and len(kept) < 2 * YOUNG:
    kept.append([])
print("found" if gone() is None else "leaked")
"""


def test_circles_made_after_setting_aside_are_collected() -> None:
    # A process of its own: the collector belongs to the whole interpreter.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("found", 0), done.stderr
