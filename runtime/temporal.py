"""One way to reach Temporal: sealed payloads, our namespace, our search attributes, and a clean exit.

`python -m runtime.temporal` prepares the namespace the settings name; it is safe to repeat."""

import asyncio
import os
import sys
import time
from datetime import timedelta
from typing import Final, NoReturn

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    ListWorkflowExecutionsRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from definitions.search import NAMES
from runtime.codec import data_converter
from runtime.keyring import Keyring
from runtime.settings import SettingsError, load_settings

RETENTION: Final = timedelta(days=90)
"""Closed runs are kept this long (D4)."""
READY_SECONDS_MAX: Final = 60.0


class TemporalUnavailable(Exception):
    """The server did not answer; the message says where it was looked for."""


async def connect(
    address: str,
    namespace: str,
    keyring: Keyring,
    *,
    lazy: bool = False,
    tls: bool = False,
    api_key: str | None = None,
) -> Client:
    """A client whose payloads are sealed. `lazy`: connects on first use, for entries that must start while
    the server is away. Raises TemporalUnavailable unless lazy."""
    try:
        return await Client.connect(
            address, namespace=namespace, data_converter=data_converter(keyring), lazy=lazy, tls=tls, api_key=api_key
        )
    except RuntimeError:
        raise _nobody_at(address) from None


async def prepare_namespace(
    address: str,
    namespace: str,
    *,
    retention: timedelta = RETENTION,
    tls: bool = False,
    api_key: str | None = None,
) -> tuple[str, ...]:
    """Make namespace (kept at least `retention`) and search attributes exist; answers the attributes that
    were new. Safe to repeat. Raises TemporalUnavailable."""
    try:
        client = await Client.connect(address, namespace=namespace, tls=tls, api_key=api_key)
    except RuntimeError:
        raise _nobody_at(address) from None
    await _ensure_namespace(client, retention)
    await _until_served(client)
    return await _ensure_search_attributes(client)


def leave(code: int) -> NoReturn:
    """End the process at once after flushing: an interpreter that used a Temporal client can abort with
    status 134 while it shuts down (open SDK bug, sdk-python issue 300)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


exit_now = leave


def _nobody_at(address: str) -> TemporalUnavailable:
    # The SDK raises a bare RuntimeError for everything that goes wrong while connecting.
    return TemporalUnavailable(
        f"no Temporal server answers at {address}; start it (`make up` for a local one) "
        "or correct STEPDOWN_TEMPORAL_ADDRESS"
    )


async def _ensure_namespace(client: Client, retention: timedelta) -> None:
    kept = await _retention_of(client)
    if kept is None:
        request = RegisterNamespaceRequest(namespace=client.namespace, description="Stepdown")
        request.workflow_execution_retention_period.FromTimedelta(retention)
        try:
            await client.workflow_service.register_namespace(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    elif kept < retention:
        config = NamespaceConfig()
        config.workflow_execution_retention_ttl.FromTimedelta(retention)
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(namespace=client.namespace, config=config)
        )


async def _retention_of(client: Client) -> timedelta | None:
    try:
        answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    kept: timedelta = answer.config.workflow_execution_retention_ttl.ToTimedelta()
    return kept


async def _until_served(client: Client) -> None:
    """A fresh namespace is known to the frontend only after its cache turned over; wait for the first list."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            await client.workflow_service.list_workflow_executions(
                ListWorkflowExecutionsRequest(namespace=client.namespace, page_size=1)
            )
        except RPCError as error:
            waiting = error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE)
            if not waiting or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def _ensure_search_attributes(client: Client) -> tuple[str, ...]:
    wanted = ListSearchAttributesRequest(namespace=client.namespace)
    listed = await client.operator_service.list_search_attributes(wanted)
    missing = tuple(name for name in NAMES if name not in listed.custom_attributes)
    if missing:
        request = AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes=dict.fromkeys(missing, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD),
        )
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    return missing


def main() -> int:
    try:
        settings = load_settings()
        api_key = settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None
        added = asyncio.run(
            prepare_namespace(
                settings.temporal_address, settings.temporal_namespace, tls=settings.temporal_tls, api_key=api_key
            )
        )
    except (SettingsError, TemporalUnavailable, RPCError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    names = ", ".join(added) if added else "nothing new"
    sys.stdout.write(f"namespace {settings.temporal_namespace} is ready; search attributes: {names}\n")
    return 0


if __name__ == "__main__":
    leave(main())
