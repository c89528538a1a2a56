"""Namespace and search attributes on the real server; both may be asked for again."""

import uuid
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from definitions import search
from local.stack.process import free_port
from runtime.keyring import Keyring
from runtime.temporal import TemporalUnavailable, connect, prepare_namespace
from tests.runtime.processes import run_module
from tests.runtime.samples import INDEX_KEY, KEY_A


@pytest.fixture
async def client(temporal_address: str, raw_temporal: Client) -> Client:
    """A client of a namespace that does not exist yet; the plain client makes sure the server is up."""
    assert raw_temporal.namespace == "stepdown"
    return await connect(temporal_address, f"n-{uuid.uuid4()}", ring())


def ring() -> Keyring:
    return Keyring.parse(f"a:{KEY_A}", INDEX_KEY)


async def retention(client: Client) -> timedelta:
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    kept: timedelta = answer.config.workflow_execution_retention_ttl.ToTimedelta()
    return kept


async def test_a_namespace_and_its_attributes_are_made_once(temporal_address: str, client: Client) -> None:
    assert await prepare_namespace(temporal_address, client.namespace) == search.NAMES
    assert await retention(client) == timedelta(days=90)
    assert await prepare_namespace(temporal_address, client.namespace) == ()
    assert await retention(client) == timedelta(days=90)
    request = ListSearchAttributesRequest(namespace=client.namespace)
    listed = (await client.operator_service.list_search_attributes(request)).custom_attributes
    assert {listed[name] for name in search.NAMES} == {IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD}


async def test_a_shorter_retention_is_raised_and_a_longer_one_is_left(temporal_address: str, client: Client) -> None:
    await prepare_namespace(temporal_address, client.namespace, retention=timedelta(days=3))
    assert await retention(client) == timedelta(days=3)
    await prepare_namespace(temporal_address, client.namespace)
    assert await retention(client) == timedelta(days=90)
    await prepare_namespace(temporal_address, client.namespace, retention=timedelta(days=3))
    assert await retention(client) == timedelta(days=90)


async def test_nobody_there_gets_a_sentence() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(TemporalUnavailable, match="STEPDOWN_TEMPORAL_ADDRESS"):
        await prepare_namespace(nowhere, "stepdown")
    with pytest.raises(TemporalUnavailable, match=nowhere):
        await connect(nowhere, "stepdown", ring())
    assert (await connect(nowhere, "stepdown", ring(), lazy=True)).namespace == "stepdown"


async def test_the_command_prepares_and_leaves_with_the_right_status(client: Client, temporal_address: str) -> None:
    environment = {
        "STEPDOWN_DATABASE_URL": "postgresql+psycopg://u:p@127.0.0.1/stepdown",
        "STEPDOWN_KEYRING": f"a:{KEY_A}",
        "STEPDOWN_BLIND_INDEX_KEY": INDEX_KEY,
        "STEPDOWN_TEMPORAL_ADDRESS": temporal_address,
        "STEPDOWN_TEMPORAL_NAMESPACE": client.namespace,
    }
    status, output = await run_module("runtime.temporal", environment)
    assert status == 0, output
    assert search.NAMES[0] in output
    status, output = await run_module("runtime.temporal", environment)
    assert (status, "nothing new" in output) == (0, True)
    status, output = await run_module("runtime.temporal", environment | {"STEPDOWN_API_PORT": "0"})
    assert status == 1
    assert "STEPDOWN_API_PORT" in output
