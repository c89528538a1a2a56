"""Running one of our modules as its own process, as an operator would."""

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


async def run_module(module: str, environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Exit status and everything it said. Variables of ours in this process's environment are not passed on."""
    passed = {k: v for k, v in os.environ.items() if not k.startswith("STEPDOWN_")} | environment
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        cwd=ROOT, env=passed, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), timeout=120)
    assert process.returncode is not None
    return process.returncode, output.decode()
