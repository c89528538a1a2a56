"""The worker: settings, client, hands, queues. SIGTERM drains and leaves nothing half done."""

import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.authorization import AuthorizationActivities
from activities.by_hand import SendingActivities
from activities.case_record import CaseHands
from activities.configuration import put_on_record
from activities.consent import ConsentActivities
from activities.coverage import CoverageActivities
from activities.departure import ExchangeHands, ExchangeIdentity
from activities.dispute import DisputeActivities
from activities.episode import EpisodeActivities
from activities.exchange import ExchangeActivities
from activities.hands import EpisodeHands
from activities.midnight import MidnightActivities
from activities.movement import MovementActivities
from activities.partners.line import PayerLine
from activities.registry import activities_of
from activities.relay import Relay
from activities.transition import TransitionActivities
from definitions.episode import Drive
from definitions.queues import CARE, EXCHANGE
from runtime.catalog import Catalog, load_catalog
from runtime.keyring import Keyring
from runtime.keyring_file import load_keyring
from runtime.logging import configure
from runtime.long_lived import set_aside
from runtime.metrics import Metrics
from runtime.midnight_schedule import ensure_midnight_schedule
from runtime.settings import PRODUCTION, Settings, SettingsError, load_settings
from runtime.temporal import TemporalUnavailable, connect, leave
from storage.engine import Database, TooStrong, make_engine, weak_enough
from storage.repositories.facility import ensure_facilities
from storage.row_security import DatabaseRole
from workflows.authorization import AuthorizationWorkflow
from workflows.episode import EpisodeWorkflow
from workflows.midnight import MidnightCloseWorkflow

WORKFLOWS = (EpisodeWorkflow, AuthorizationWorkflow, MidnightCloseWorkflow)
DRAIN = timedelta(seconds=20)
RECORDS = 10
"""Record activities at once where nobody says otherwise; more only wait for the same processor."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hands:
    """Every activity implementation, wired once."""

    care: tuple[object, ...]
    exchange: tuple[object, ...]
    line: PayerLine


def wire(
    settings: Settings, database: Database, catalog: Catalog, keyring: Keyring, metrics: Metrics | None = None
) -> Hands:
    episode, case = EpisodeHands(database, catalog, keyring), CaseHands(database, catalog)
    line = PayerLine(settings.partner_base_url, settings.partner_timeout_seconds, settings.partners_apart)
    care = (
        EpisodeActivities(episode),
        TransitionActivities(episode),
        MovementActivities(episode),
        ConsentActivities(episode, keyring=keyring),
        CoverageActivities(episode),
        AuthorizationActivities(case, keyring),
        DisputeActivities(case, keyring),
        SendingActivities(case, keyring),
        MidnightActivities(database, catalog),
    )
    identity = ExchangeIdentity(settings.submitter_id, settings.x12_usage, settings.public_url)
    exchange = ExchangeActivities(ExchangeHands(case, keyring, line, identity, metrics or Metrics()))
    return Hands(care, (exchange,), line)


def workers(client: Client, hands: Hands, *, records: int = RECORDS, **options: Any) -> list[Worker]:
    """One worker per queue. As many record activities run at once (`records`) as the pool keeps connections: one more
    would open a connection, and close it again, for a single transaction."""
    care = Worker(
        client,
        task_queue=CARE,
        workflows=list(WORKFLOWS),
        activities=activities_of(*hands.care),
        workflow_runner=SandboxedWorkflowRunner(),
        max_concurrent_activities=records,
        graceful_shutdown_timeout=DRAIN,
        **options,
    )
    exchange = Worker(
        client,
        task_queue=EXCHANGE,
        activities=activities_of(*hands.exchange),
        max_concurrent_activities=16,
        graceful_shutdown_timeout=DRAIN,
    )
    return [care, exchange]


async def serve(settings: Settings) -> None:
    catalog, keyring = load_catalog(settings.catalog_folder), load_keyring(settings)
    database = Database(
        make_engine(
            settings.address_of("worker"), pool_size=settings.database_pool, application="worker",
            role=DatabaseRole.WORKER if settings.worker_database_url else None,
        )
    )  # fmt: skip
    client = await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        keyring,
        tls=settings.temporal_tls,
        api_key=settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None,
    )
    metrics = Metrics()
    if settings.worker_metrics_port:
        metrics.serve(settings.worker_metrics_port)
    hands = wire(settings, database, catalog, keyring, metrics)
    async with database.write() as session:
        await ensure_facilities(session, catalog.latest)
    if settings.drive is Drive.WALL:
        for facility in catalog.latest.facilities.values():
            await ensure_midnight_schedule(client, facility.key, facility.zone, facility.midnight_run, CARE)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    recorded = asyncio.create_task(put_on_record(database, settings, catalog))
    relay = asyncio.create_task(Relay(database, client, settings.drive).run())
    care, exchange = workers(client, hands, records=settings.database_pool)
    set_aside()
    async with care, exchange:
        log.info("worker_ready", queues=[CARE, EXCHANGE], drive=settings.drive.value)
        await stop.wait()
        log.info("worker_drains")
    recorded.cancel()
    relay.cancel()
    with suppress(asyncio.CancelledError):
        await relay
    await hands.line.close()
    await database.close()


def main() -> None:
    try:
        settings = load_settings()
        if settings.worker_database_url or settings.environment == PRODUCTION:
            weak_enough(settings.address_of("worker"), DatabaseRole.WORKER)
    except (SettingsError, TooStrong) as problem:
        sys.stderr.write(f"{problem}\n")
        leave(2)
    configure(settings.log_level, settings.log_format, service="worker")
    try:
        asyncio.run(serve(settings))
    except TemporalUnavailable as problem:
        sys.stderr.write(f"{problem}\n")
        leave(1)
    leave(0)


if __name__ == "__main__":
    main()
