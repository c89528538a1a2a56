"""`python -m local.payer --port N --book FILE --deliver-to URL [--drive wall|driven]`."""

import argparse
import os
from pathlib import Path

import uvicorn

from local.payer.desk import DeskSettings, create_desk


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.payer", description="A payer that answers 278 over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--book", type=Path, required=True)
    parser.add_argument("--deliver-to", required=True)
    parser.add_argument("--drive", choices=["wall", "driven"], default="wall")
    said = parser.parse_args()
    settings = DeskSettings(
        book=said.book,
        deliver_to=said.deliver_to,
        driven=said.drive == "driven",
        secret=os.environ.get("STEPDOWN_LOCAL_PAYER_SECRET", "local"),
    )
    uvicorn.run(create_desk(settings), host="127.0.0.1", port=said.port, log_level="warning")


if __name__ == "__main__":
    main()
