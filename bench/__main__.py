"""`python -m bench`: JSON lines; floors are measured in the same run."""

import asyncio
import os
import tempfile
from pathlib import Path

from bench import boards, midnight, startup, transitions
from runtime.temporal import leave


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-") as folder:
        os.chmod(folder, 0o755)
        house = startup.measure(Path(folder))
        try:
            house.parts["worker"].stop()
            asyncio.run(transitions.measure(house))
        finally:
            house.stop()
    asyncio.run(midnight.run())
    return boards.main()


if __name__ == "__main__":
    leave(main())
