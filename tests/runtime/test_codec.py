"""What Temporal stores of us: nothing readable, decodable by old keys, silent when it fails."""

import traceback
import uuid

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from runtime.codec import SealedPayloads, UnreadablePayload, data_converter
from runtime.keyring import Keyring
from tests.runtime.echo import Echo, Note
from tests.runtime.samples import INDEX_KEY, KEY_A, KEY_B

SECRET = "Testperson Quillfeather"


def ring(text: str = f"a:{KEY_A}") -> Keyring:
    return Keyring.parse(text, INDEX_KEY)


async def sealed_with(text: str = f"a:{KEY_A}") -> list[Payload]:
    return await data_converter(ring(text)).encode([Note(text=SECRET)])


async def test_a_payload_shows_its_key_id_and_nothing_else() -> None:
    (payload,) = await sealed_with()
    assert payload.metadata["stepdown-key"] == b"a"
    assert SECRET.encode() not in payload.SerializeToString()
    assert b"json" not in payload.SerializeToString()


async def test_an_old_key_still_decodes() -> None:
    payloads = await sealed_with()
    rotated = data_converter(ring(f"b:{KEY_B},a:{KEY_A}"))
    assert await rotated.decode(payloads, [Note]) == [Note(text=SECRET)]


@pytest.mark.parametrize("text", [f"b:{KEY_B}", f"a:{KEY_B}"])
async def test_a_wrong_key_fails_silently_about_the_data(text: str) -> None:
    payloads = await sealed_with()
    with pytest.raises(UnreadablePayload) as caught:
        await data_converter(ring(text)).decode(payloads, [Note])
    told = "".join(traceback.format_exception(caught.value))
    assert "Quillfeather" not in told
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_a_relabelled_payload_is_refused() -> None:
    (payload,) = await sealed_with()
    payload.metadata["stepdown-key"] = b"b"
    with pytest.raises(UnreadablePayload):
        await SealedPayloads(ring(f"a:{KEY_A},b:{KEY_B}")).decode([payload])


async def test_a_plain_payload_is_refused() -> None:
    plain = await DataConverter.default.encode([SECRET])
    with pytest.raises(UnreadablePayload, match="not sealed") as caught:
        await SealedPayloads(ring()).decode(plain)
    assert SECRET not in str(caught.value)


async def test_failures_hide_message_and_stack() -> None:
    converter = data_converter(ring())
    failure = Failure()
    try:
        raise ApplicationError(SECRET, Note(text=SECRET), type="echo_refused")
    except ApplicationError as error:
        await converter.encode_failure(error, failure)
    raw = failure.SerializeToString()
    assert SECRET.encode() not in raw
    assert b"test_codec" not in raw
    assert failure.application_failure_info.type == "echo_refused"
    decoded = await converter.decode_failure(failure)
    assert isinstance(decoded, ApplicationError)
    assert decoded.message == SECRET


async def test_a_stored_history_holds_no_plaintext(temporal_address: str, raw_temporal: Client) -> None:
    client = await Client.connect(temporal_address, namespace="stepdown", data_converter=data_converter(ring()))
    queue = f"codec-{uuid.uuid4()}"
    async with Worker(client, task_queue=queue, workflows=[Echo]):
        for text in (SECRET, f"fail {SECRET}"):
            handle = await client.start_workflow(Echo.run, Note(text=text), id=f"{queue}/{len(text)}", task_queue=queue)
            if text == SECRET:
                assert await handle.result() == Note(text=SECRET)
            else:
                with pytest.raises(WorkflowFailureError) as caught:
                    await handle.result()
                assert isinstance(caught.value.cause, ApplicationError)
                assert SECRET in caught.value.cause.message
            history = await raw_temporal.get_workflow_handle(handle.id).fetch_history()
            stored = b"".join(event.SerializeToString() for event in history.events)
            assert b"Quillfeather" not in stored
            assert len(history.events) >= 4
