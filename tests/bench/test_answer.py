"""How many round trips a payer's answer needs until its case says so: this is what its time consists of."""

from typing import Any

from sqlalchemy import event, select

from definitions.authorization import AnswerArrived, TakeAnswer
from storage.engine import Database
from storage.models import Authorization, Outbox
from tests.activities.cases import Exchange
from tests.api import inbound_door

STATEMENTS_MAX = 44
"""Of one approval taken by its case, savepoint included; a statement for each kind of item it closes would be a dozen more."""


async def test_an_answer_is_taken_in_few_statements(database: Database, fresh_database: str) -> None:
    one = await inbound_door.asked(database)
    async with inbound_door.door(database, fresh_database) as door:
        assert (await door.post(inbound_door.answer(one))).is_success
    async with database.read() as session:
        row = (await session.execute(select(Outbox).where(Outbox.kind == "authorization_answer"))).scalars().one()
    told = AnswerArrived.model_validate(row.payload)
    house = Exchange(database, "http://127.0.0.1:9")
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    await house.cases.take_answer(
        TakeAnswer(key=told.key, authorization_id=one.case_id, message_id=told.message_id, now=told.at)
    )
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    await house.line.close()
    async with database.read() as session:
        case = await session.get_one(Authorization, one.case_id)
    assert (case.status, case.granted_units, case.next_action) == ("approved", 14, "send_review")
    assert len(sent) <= STATEMENTS_MAX, "\n".join(sent)
