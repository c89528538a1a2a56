"""`python -m api`: serve until told to stop."""

import sys

import uvicorn

from api.app import create_app
from runtime.logging import configure
from runtime.settings import PRODUCTION, SettingsError, load_settings
from runtime.temporal import leave
from storage.engine import TooStrong, weak_enough
from storage.row_security import DatabaseRole


def main() -> None:
    try:
        settings = load_settings()
        if settings.api_database_url or settings.environment == PRODUCTION:
            weak_enough(settings.address_of("api"), DatabaseRole.API)
    except (SettingsError, TooStrong) as problem:
        sys.stderr.write(f"{problem}\n")
        leave(2)
    configure(settings.log_level, settings.log_format, service="api")
    uvicorn.run(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=10,
        http="h11",  # its limit on the size of headers is the one we set
        h11_max_incomplete_event_size=32_000,
        limit_concurrency=settings.api_concurrency,
        server_header=False,
    )
    leave(0)


if __name__ == "__main__":
    main()
