"""One way to reach Temporal: sealed payloads, our namespace, our search attributes."""

import os
import sys
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from definitions.search import NAMES
from runtime.codec import data_converter
from runtime.keyring import Keyring

RETENTION = timedelta(days=90)
"""Closed runs are kept this long (D4)."""


async def connect(address: str, namespace: str, keyring: Keyring, *, lazy: bool = False) -> Client:
    """A client whose payloads are sealed. `lazy`: connects on first use, for entries that must start while
    the server is away."""
    return await Client.connect(address, namespace=namespace, data_converter=data_converter(keyring), lazy=lazy)


async def prepare_namespace(address: str, namespace: str) -> None:
    """Make namespace and search attributes exist; safe to repeat."""
    client = await Client.connect(address, namespace=namespace)
    service = client.workflow_service
    try:
        await service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        retention = Duration()
        retention.FromTimedelta(RETENTION)
        await service.register_namespace(
            RegisterNamespaceRequest(namespace=namespace, workflow_execution_retention_period=retention)
        )
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=namespace,
                search_attributes={name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for name in NAMES},
            )
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


def leave(code: int) -> None:
    """End the process at once after flushing: an interpreter that used a Temporal client can abort while
    it shuts down (open SDK bug, sdk-python issue 300)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
