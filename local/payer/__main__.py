"""`python -m local.payer --port N --book FILE --deliver-to URL [--drive wall|driven] [--payer KEY ...]`."""

import argparse
import os
from pathlib import Path

import uvicorn

from local.payer.app import SILENCE_SECONDS, DeskSettings, create_desk
from local.payer.door import GRACE_SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.payer", description="A payer that answers 278 over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control-port", type=int, help="book and controls there, so that --port can be shut")
    parser.add_argument("--book", type=Path, required=True, help="file of the payer's memory; made when missing")
    parser.add_argument("--deliver-to", required=True, help="base address that takes late answers")
    parser.add_argument("--drive", choices=["wall", "driven"], default="wall")
    parser.add_argument("--payer", action="append", default=[], help="answer for this key only; may be repeated")
    parser.add_argument("--silence-seconds", type=float, default=SILENCE_SECONDS)
    parser.add_argument("--together", action="store_true", help="answers due at one moment leave in one file")
    parser.add_argument("--no-inquiry", action="store_true", help="inquiries (X215) are refused with a 999")
    said = parser.parse_args()
    settings = DeskSettings(
        book=said.book,
        deliver_to=said.deliver_to,
        driven=said.drive == "driven",
        secret=os.environ.get("STEPDOWN_LOCAL_PAYER_SECRET", "local"),
        payers=frozenset(said.payer),
        silence_seconds=said.silence_seconds,
        together=said.together,
        inquiry=not said.no_inquiry,
        door_port=None if said.control_port is None else said.port,
    )
    said.book.parent.mkdir(parents=True, exist_ok=True)
    uvicorn.run(
        create_desk(settings), host="127.0.0.1", port=said.port if said.control_port is None else said.control_port,
        log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip


if __name__ == "__main__":
    main()
