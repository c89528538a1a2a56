"""Namespace and search attributes on the real server; both may be asked for again."""

import uuid
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from definitions import search
from runtime.keyring import load_keyring
from runtime.temporal import TemporalUnavailable, connect, ensure_namespace, ensure_search_attributes, prepare
from tests.conftest import free_port
from tests.runtime.processes import run_module
from tests.runtime.samples import INDEX_KEY, KEY_A, settings


@pytest.fixture
async def client(temporal_address: str, raw_temporal: Client) -> Client:
    """A client of a namespace that does not exist yet; the plain client makes sure the server is up."""
    assert raw_temporal.namespace == "stepdown"
    chosen = settings(temporal_address=temporal_address, temporal_namespace=f"n-{uuid.uuid4()}")
    return await connect(chosen, load_keyring(chosen))


async def retention(client: Client) -> timedelta:
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    kept: timedelta = answer.config.workflow_execution_retention_ttl.ToTimedelta()
    return kept


async def test_a_namespace_is_made_once_and_keeps_ninety_days(client: Client) -> None:
    await ensure_namespace(client)
    assert await retention(client) == timedelta(days=90)
    await ensure_namespace(client)
    assert await retention(client) == timedelta(days=90)


async def test_a_shorter_retention_is_raised_and_a_longer_one_is_left(client: Client) -> None:
    await ensure_namespace(client, timedelta(days=3))
    await ensure_namespace(client, timedelta(days=90))
    assert await retention(client) == timedelta(days=90)
    await ensure_namespace(client, timedelta(days=3))
    assert await retention(client) == timedelta(days=90)


async def test_search_attributes_are_registered_once(client: Client) -> None:
    await ensure_namespace(client)
    assert await ensure_search_attributes(client) == tuple(sorted(key.name for key in search.ALL))
    assert await ensure_search_attributes(client) == ()
    request = ListSearchAttributesRequest(namespace=client.namespace)
    listed = (await client.operator_service.list_search_attributes(request)).custom_attributes
    assert {listed[key.name] for key in search.ALL} == {IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD}


async def test_nobody_there_gets_a_sentence() -> None:
    nowhere = settings(temporal_address=f"127.0.0.1:{free_port()}")
    with pytest.raises(TemporalUnavailable, match="STEPDOWN_TEMPORAL_ADDRESS"):
        await prepare(nowhere, load_keyring(nowhere))


async def test_the_command_prepares_and_leaves_with_the_right_status(client: Client, temporal_address: str) -> None:
    environment = {
        "STEPDOWN_ENVIRONMENT": "demo",
        "STEPDOWN_DATABASE_URL": "postgresql+psycopg://u:p@127.0.0.1/stepdown",
        "STEPDOWN_KEYRING": f"a:{KEY_A}",
        "STEPDOWN_INDEX_KEY": INDEX_KEY,
        "STEPDOWN_TOKEN_KEY": "t" * 32,
        "STEPDOWN_TEMPORAL_ADDRESS": temporal_address,
        "STEPDOWN_TEMPORAL_NAMESPACE": client.namespace,
    }
    status, output = await run_module("runtime.temporal", environment)
    assert status == 0, output
    assert search.FACILITY.name in output
    status, output = await run_module("runtime.temporal", environment)
    assert (status, "nothing new" in output) == (0, True)
    status, output = await run_module("runtime.temporal", environment | {"STEPDOWN_INDEX_KEY": "AAAA"})
    assert status == 1
    assert "index key" in output
