"""Notifications of PAS subscriptions at our door: whose they are, the same answer once, and nothing lost
(domain 4.6, E32 to E34)."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from definitions.review_codes import Action
from definitions.services_review import LineDecision
from definitions.vocabulary import AuthorizationStatus
from interchange.fhir.pas.notification import HANDSHAKE, HEARTBEAT, encode_notification
from interchange.fhir.pas.response_bundle import response_bundle
from interchange.x12.envelope import Control
from storage.engine import Database
from storage.models import AuthorizationDecision, TimelineEntry
from tests.activities.cases import NOW, Case
from tests.api.inbound_door import Door, answer_of, asked, door, request_status
from tests.interchange.fhir.pas.samples import GUIDE


@pytest.fixture
async def ours(database: Database, fresh_database: str) -> AsyncIterator[Door]:
    async with door(database, fresh_database) as opened:
        yield opened


def told(one: Case, action: Action = Action.CERTIFIED, *, at: Any = NOW, **changes: Any) -> dict[str, Any]:
    granted = {"units": 14, "unit": "DY", "number": "AUTH000001"} if action is Action.CERTIFIED else {}
    line = LineDecision(trace=f"{one.trace}L1", action=action, procedure_code="H0018", revenue_code="1002", **granted)
    answer = answer_of(one, lines=(line,), action=None, number=granted.get("number"), created_at=at, **changes)
    return response_bundle(answer, Control("88888", "STEPDOWN", 1, at, "T"), GUIDE, {f"{one.trace}L1": 1})


def notification(*bundles: dict[str, Any], number: int = 1, kind: str = "event-notification") -> str:
    return encode_notification(bundles, GUIDE, subscription="Subscription/7", number=number, at=NOW, kind=kind)


PATH = "/fhir/payers/meridian/notifications"


async def decisions(database: Database, one: Case) -> list[str]:
    async with database.read() as session:
        rows = await session.execute(
            select(AuthorizationDecision.action)
            .where(AuthorizationDecision.request_id == one.request_id)
            .order_by(AuthorizationDecision.arrival)
        )
        return list(rows.scalars())


async def test_an_answer_that_is_notified_is_kept_and_applied(database: Database, ours: Door) -> None:
    one = await asked(database)
    said = await ours.carry(PATH, notification(told(one)))
    assert (said.status_code, said.json()) == (200, {"verdict": "accepted", "bundles": 1})
    assert await ours.take() == 1
    assert await request_status(database, one) is AuthorizationStatus.APPROVED
    assert await ours.kept() == [("pas", "matched", None)]


async def test_the_same_pend_again_is_one_answer_in_whatever_bytes(database: Database, ours: Door) -> None:
    """It may fire repeatedly while still pended: the same bytes, another event, another bundle around it."""
    one = await asked(database)
    pend = told(one, Action.PENDED)
    again = pend | {"timestamp": "2026-03-02T18:00:00Z"}
    for number, bundle in ((1, pend), (1, pend), (2, pend), (3, again)):
        assert (await ours.carry(PATH, notification(bundle, number=number))).is_success
        await ours.take()
    assert await decisions(database, one) == ["A4"]
    assert await request_status(database, one) is AuthorizationStatus.PENDED
    assert await ours.files() == 3
    assert len(await ours.kept()) == 2


async def test_a_pend_that_was_overtaken_changes_nothing(database: Database, ours: Door) -> None:
    """Out of order: the payer's own moment says which was written first (E32)."""
    one = await asked(database)
    await ours.carry(PATH, notification(told(one, at=NOW + timedelta(hours=2)), number=2))
    await ours.take()
    await ours.carry(PATH, notification(told(one, Action.PENDED, at=NOW + timedelta(hours=1)), number=1))
    await ours.take()
    assert await request_status(database, one) is AuthorizationStatus.APPROVED
    assert await decisions(database, one) == ["A1", "A4"]


@pytest.mark.parametrize("kind", [HANDSHAKE, HEARTBEAT])
async def test_what_only_says_that_the_line_stands_is_answered_and_not_kept(ours: Door, kind: str) -> None:
    said = await ours.carry(PATH, notification(kind=kind))
    assert (said.status_code, said.json()["bundles"]) == (200, 0)
    assert (await ours.kept(), await ours.files()) == ([], 0)


async def test_what_answers_nobody_here_waits_in_quarantine(database: Database, ours: Door) -> None:
    one = await asked(database)
    stranger = json.loads(json.dumps(told(one)).replace(one.trace, "NOBODYS9999").replace(one.member, "MB1"))
    assert (await ours.carry(PATH, notification(stranger))).is_success
    assert await ours.kept() == [("pas", "quarantined", "unknown_member")]


@pytest.mark.parametrize("body", ["{}", "[]", '{"resourceType":"Bundle","type":"collection","entry":[]}', "\x00"])
async def test_what_is_no_notification_is_refused_and_kept(ours: Door, body: str) -> None:
    first, second = await ours.carry(PATH, body), await ours.carry(PATH, body)
    assert (first.status_code, second.status_code) == (422, 422)
    assert [row[1:] for row in await ours.kept()] == [("quarantined", "unreadable")]


async def test_another_payer_s_machine_is_told_nothing(database: Database, ours: Door) -> None:
    one = await asked(database)
    said = await ours.client.post(PATH, content=notification(told(one)))
    assert said.status_code == 401
    other = await ours.carry(PATH.replace("meridian", "unity"), notification(told(one)))
    assert other.status_code == 200
    assert await ours.kept() == [("pas", "quarantined", "other_payer")]
    assert await request_status(database, one) is AuthorizationStatus.SUBMITTED


async def test_what_is_said_beyond_our_reading_is_named_in_the_timeline(database: Database, ours: Door) -> None:
    one = await asked(database)
    bundle = told(one)
    bundle["entry"][0]["resource"]["disposition"] = "ROBIN TESTERMAN MAY STAY"
    await ours.carry(PATH, notification(bundle))
    await ours.take()
    async with database.read() as session:
        rows = await session.execute(
            select(TimelineEntry.detail).where(
                TimelineEntry.episode_id == one.episode_id, TimelineEntry.kind == "authorization_answer_says_more"
            )
        )
        (detail,) = rows.scalars().all()
    assert detail["unread"] == ["Bundle.entry[0].resource.disposition"]
    assert "TESTERMAN" not in json.dumps(detail)
