"""A workflow that answers, or fails with, what it was given; it stands alone so that the sandbox loads it lightly."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from definitions.base import WireModel


class Note(WireModel):
    text: str


@workflow.defn(name="CodecEcho")
class Echo:
    @workflow.run
    async def run(self, note: Note) -> Note:
        if note.text.startswith("fail"):
            raise ApplicationError(note.text, note, type="echo_refused")
        await workflow.sleep(timedelta(milliseconds=1), summary=note.text)
        return note
