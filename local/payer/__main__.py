"""`python -m local.payer --port N --book FILE --deliver-to URL [--drive wall|driven] [--payer KEY ...]`."""

import argparse
import os
from pathlib import Path

import uvicorn

from local.payer.desk import SILENCE_SECONDS, DeskSettings, create_desk


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.payer", description="A payer that answers 278 over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--book", type=Path, required=True, help="file of the payer's memory; made when missing")
    parser.add_argument("--deliver-to", required=True, help="base address that takes late answers")
    parser.add_argument("--drive", choices=["wall", "driven"], default="wall")
    parser.add_argument("--payer", action="append", default=[], help="answer for this key only; may be repeated")
    parser.add_argument("--silence-seconds", type=float, default=SILENCE_SECONDS)
    said = parser.parse_args()
    settings = DeskSettings(
        book=said.book,
        deliver_to=said.deliver_to,
        driven=said.drive == "driven",
        secret=os.environ.get("STEPDOWN_LOCAL_PAYER_SECRET", "local"),
        payers=frozenset(said.payer),
        silence_seconds=said.silence_seconds,
    )
    said.book.parent.mkdir(parents=True, exist_ok=True)
    # A silent call would otherwise hold the process for as long as it stays silent.
    uvicorn.run(
        create_desk(settings), host="127.0.0.1", port=said.port, log_level="warning", timeout_graceful_shutdown=1
    )


if __name__ == "__main__":
    main()
