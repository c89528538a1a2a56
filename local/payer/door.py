"""The listening socket for X12: while the payer is down it is shut, so that callers are refused by the system."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

GRACE_SECONDS: Final = 1
"""A silent call would otherwise hold the process for as long as it stays silent."""


class _Listener(uvicorn.Server):
    """Signals belong to the server that lives as long as the process."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Door:
    def __init__(self, app: FastAPI, port: int) -> None:
        self._app = app
        self._port = port
        self._server: _Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def stand(self, *, open_: bool) -> None:
        """Open or shut, whatever it was before; returns when it is."""
        async with self._turn:
            if open_ and self._task is None:
                await self._open()
            elif not open_ and self._task is not None:
                await self._shut()

    async def _open(self) -> None:
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=self._port, log_level="warning", lifespan="off",
            timeout_graceful_shutdown=GRACE_SECONDS,
        )  # fmt: skip
        self._server = _Listener(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # it tells by a flag only
            await asyncio.sleep(0.01)

    async def _shut(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._server = self._task = None
