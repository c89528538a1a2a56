"""The door payers use: every answer lands in its case or in quarantine, whatever comes; never a 500, never lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.inbound import read_file, text_of
from api.tokens import User
from definitions.exchange import Attempt
from definitions.services_review import Answers, Rejection
from definitions.vocabulary import AuthorizationStatus, RequestKind
from interchange.x12.acknowledgement import Acknowledged, acknowledgements, encode_999
from interchange.x12.arrival import fingerprint
from interchange.x12.envelope import Control, read_interchanges
from interchange.x12.review_inquiry import encode_inquiry_answer
from rules.circuit import after
from rules.inbound import SENTENCES
from storage.engine import Database
from storage.models import ExchangeMessage
from storage.repositories import payer_circuit
from storage.repositories.exchange import inquiry_message, misnumbered
from tests.activities import cases
from tests.activities.cases import NOW
from tests.api.inbound_door import Door, answer, answer_of, asked, door, request_status, together

APPROVED = AuthorizationStatus.APPROVED
HOUR = timedelta(hours=1)


@pytest.fixture
async def at(database: Database, fresh_database: str) -> AsyncIterator[Door]:
    async with door(database, fresh_database) as opened:
        yield opened


def verdicts(text: str) -> list[str]:
    """AK901 of every 999 and TA104 of every TA1 that was answered."""
    read = read_interchanges(text) if text else []
    return [a.verdict for i in read for a in acknowledgements(i)] + [t.code for i in read for t in i.acknowledgements]


async def test_every_transaction_of_one_file_reaches_its_own_case(at: Door) -> None:
    """They shared one fingerprint, and all but the first were lost."""
    several = [await asked(at.database) for _ in range(3)]
    said = await at.post(together(*(answer(one) for one in several)))
    assert (said.status_code, verdicts(said.text)) == (200, ["A"])
    assert await at.take() == 3
    assert [await request_status(at.database, one) for one in several] == [APPROVED] * 3
    assert await at.kept() == [("278", "matched", None)] * 3


async def test_the_same_bytes_get_the_same_answer_and_change_nothing(at: Door) -> None:
    one = await asked(at.database)
    first = await at.post(answer(one))
    again = [await at.post(answer(one)) for _ in range(3)]
    assert {r.text for r in again} == {first.text}
    assert (await at.files(), await at.take(), len(await at.kept())) == (1, 1, 1)


async def test_the_same_file_at_once_is_one_file(at: Door) -> None:
    one = await asked(at.database)
    said = await asyncio.gather(*(at.post(answer(one)) for _ in range(6)))
    assert len({r.text for r in said}) == 1
    assert (await at.files(), len(await at.kept())) == (1, 1)
    async with at.database.read() as session:
        assert await misnumbered(session) == []


async def test_good_sets_of_a_broken_file_are_taken(at: Door) -> None:
    """E80: one set of three does not count its segments."""
    several = [await asked(at.database) for _ in range(3)]
    text = together(*(answer(one) for one in several))
    at_second = text.index("SE*", text.index("ST*278*0002"))
    said = await at.post(text[:at_second] + "SE*99" + text[text.index("*", at_second + 3) :])
    assert verdicts(said.text) == ["P"]
    assert await at.take() == 2
    assert sorted(await at.kept(), key=str) == sorted(
        [("278", "matched", None), ("278", "matched", None), ("278", "quarantined", "unreadable")], key=str
    )


@pytest.mark.parametrize(
    ("body", "answered"),
    [
        (b"", ["R"]),
        (b"hello", ["R"]),
        (b"\xff\xfe\x00\x01", ["R"]),
        (b"ISA*00*", ["R"]),
        (b"\x00" * 300, ["R"]),
    ],
)
async def test_what_is_no_file_is_refused_by_its_standard_and_kept(at: Door, body: bytes, answered: list[str]) -> None:
    said = await at.post(body)
    assert (said.status_code, verdicts(said.text)) == (200, answered)
    assert await at.kept() == ([("other", "quarantined", "unreadable")] if body else [])
    assert await at.files() == 1


async def test_a_body_that_is_too_long_is_not_read_to_its_end(at: Door) -> None:
    said = await at.post(b"x" * 2_000_001)
    assert (said.status_code, said.json()["code"]) == (413, "invalid_request")
    assert await at.files() == 0


def control(**changes: str) -> Control:
    parts = {"sender": "88888", "receiver": "STEPDOWN", "usage": "T"} | changes
    return Control(parts["sender"], parts["receiver"], 7, NOW, parts["usage"])


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("wrong_receiver", {"control": control(receiver="SOMEBODY")}),
        ("wrong_usage", {"control": control(usage="P")}),
        ("unknown_trace", {"trace": "NOBODYS", "from_date": NOW.date() + timedelta(days=90),
                           "through_date": NOW.date() + timedelta(days=91)}),
        ("unknown_member", {"trace": "NOBODYS", "member_id": "MB1"}),
    ],
)  # fmt: skip
async def test_what_is_not_applied_by_itself_waits_with_its_reason(
    at: Door, reason: str, changes: dict[str, object]
) -> None:
    one = await asked(at.database)
    said = await at.post(answer(one, **changes))  # type: ignore[arg-type]  # fields of the answer
    assert (said.status_code, verdicts(said.text)) == (200, ["A"])
    assert await at.kept() == [("278", "quarantined", reason)]
    assert await request_status(at.database, one) is AuthorizationStatus.SUBMITTED
    (item,) = (await at.get("/v1/exchange/quarantine")).json()["items"]
    assert (item["reason"], item["why"]) == (reason, SENTENCES[reason])


async def test_another_version_is_refused_and_kept(at: Door) -> None:
    one = await asked(at.database)
    said = await at.post(answer(one).replace("005010X217", "004010X094"))
    assert verdicts(said.text) == ["R"]
    assert await at.kept() == [("278", "quarantined", "wrong_version")]


async def test_another_payers_credentials_change_nothing(at: Door) -> None:
    one = await asked(at.database)
    assert (await at.post(answer(one), payer="unity")).status_code == 200
    assert await at.kept() == [("278", "quarantined", "other_payer")]
    assert await at.take() == 0


async def test_a_payer_cannot_knock_at_anothers_door(at: Door) -> None:
    token = at.tokens.mint(User("unity", "payer", ()))
    said = await at.client.post("/v1/payers/meridian/x12", content=b"x", headers={"Authorization": f"Bearer {token}"})
    assert said.status_code == 404


async def test_one_control_number_with_two_contents_is_compared_by_a_person(at: Door) -> None:
    one = await asked(at.database)
    await at.post(answer(one))
    await at.post(answer(one, units=7, through_date=NOW.date() + timedelta(days=6)))
    assert sorted(s for _, s, _ in await at.kept()) == ["quarantined", "received"]


async def test_an_unknown_trace_finds_its_request_by_member_dates_and_number(at: Door) -> None:
    """E33, and the timeline says by what."""
    one = await asked(at.database)
    await at.post(answer(one, trace="THEIRS"))
    assert await at.take() == 1
    assert await request_status(at.database, one) is APPROVED
    assert "authorization_answer_matched" in await cases.events(at.database, one)


async def test_the_payers_tracking_number_must_be_the_one_we_know(at: Door) -> None:
    await asked(at.database, reference="NT1")
    one = await asked(at.database, reference="NT2")
    await at.post(answer(one, trace="THEIRS", reference_number="NT3"))
    assert [r for _, _, r in await at.kept()] == ["unknown_trace"]


async def test_a_rejected_request_is_a_data_problem(at: Door) -> None:
    """999 and TA1 about what we sent are matched by control number (6.12)."""
    one = await asked(at.database)
    async with at.database.write() as session:
        session.add(
            ExchangeMessage(
                id=one.case_id, partner="meridian", direction="out", kind="278", control_number="000000042",
                subject_id=one.request_id, person_id=one.person_id, sealed=b"x", fingerprint="x", status="sent", at=NOW,
            )
        )  # fmt: skip
    sets = [Acknowledged("0001", "005010X217", False)]
    await at.post(encode_999("42", "HI", "005010X217", sets, Control("88888", "STEPDOWN", 5, NOW, "T")))
    assert await at.take() == 1
    assert await request_status(at.database, one) is AuthorizationStatus.DATA_PROBLEM
    await at.post(encode_999("43", "HI", "005010X217", sets, Control("88888", "STEPDOWN", 6, NOW, "T")))
    assert [r for _, _, r in await at.kept() if r] == ["unknown_control_number"]


async def test_an_absence_that_was_overtaken_sends_nothing_again(at: Door) -> None:
    """The payer answers the first inquiry after the request went once more: that says nothing about the second send."""
    one = await asked(at.database, status=AuthorizationStatus.TIMED_OUT, sent_at=NOW + HOUR, inquiries=2)
    async with at.database.write() as session:
        for number in (1, 2):
            session.add(
                ExchangeMessage(
                    id=inquiry_message(one.request_id, number), partner="meridian", direction="out", kind="278",
                    control_number=f"00000000{number}", subject_id=one.request_id, person_id=one.person_id,
                    sealed=b"x", fingerprint=f"x{number}", status="sent", at=NOW + (2 * number - 2) * HOUR,
                    finished_at=NOW + 3 * HOUR, version="005010X215",
                )
            )  # fmt: skip
    for number, expected in ((1, AuthorizationStatus.TIMED_OUT), (2, AuthorizationStatus.READY)):
        nothing = answer_of(
            one, answers=Answers.INQUIRY, trace=None, inquiry_trace=f"{one.trace}Q{number}", action=None, number=None,
            rejections=(Rejection(loop="2000E", code="AA", follow_up="C"),),
        )  # fmt: skip
        said = await at.post(encode_inquiry_answer(nothing, Control("88888", "STEPDOWN", number, NOW, "T")))
        assert verdicts(said.text) == ["A"]
        assert await at.take() == 1
        assert await request_status(at.database, one) is expected


async def test_an_answer_to_what_was_never_sent_is_not_believed(at: Door) -> None:
    one = await cases.case(at.database)
    await at.post(answer(one))
    assert await at.kept() == [("278", "quarantined", "not_asked")]


async def test_a_released_message_is_taken_by_its_case_and_sealed_for_its_person(at: Door) -> None:
    one, other = await asked(at.database), await asked(at.database, kind=RequestKind.INITIAL)
    await at.post(answer(one, trace="NOBODYS", member_id="MB1"))
    (item,) = (await at.get("/v1/exchange/quarantine?payer=meridian&reason=unknown_member")).json()["items"]
    path = f"/v1/exchange/quarantine/{item['id']}"
    opened = (await at.get(path)).json()
    assert "NOBODYS" in opened["text"]
    wrong = await at.command(f"{path}/release", {"trace": "SDNOTHING"}, key="release-none")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "not_found")
    stale = await at.command(f"{path}/release", {"trace": one.trace, "version": 99}, key="release-stale")
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    said = await at.command(f"{path}/release", {"trace": one.trace})
    again = await at.command(f"{path}/release", {"trace": one.trace})
    assert (said.status_code, again.json()) == (200, said.json())
    late = await at.command(f"{path}/discard", {"reason": "no"}, key="another-key-1")
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")
    assert await at.take() == 1
    assert await request_status(at.database, one) is APPROVED
    assert await request_status(at.database, other) is AuthorizationStatus.SUBMITTED
    async with at.database.read() as session:
        message = await session.get_one(ExchangeMessage, item["id"])
    assert (message.person_id, message.status, message.resolved_by) == (
        one.person_id,
        "matched",
        "reviewer:reviewer-all",
    )
    assert (await at.get("/v1/exchange/quarantine")).json()["items"] == []


async def test_quarantine_is_for_reviewers_and_for_their_facilities(at: Door) -> None:
    one = await asked(at.database)
    await at.post(answer(one, control=control(usage="P")))
    await at.post(answer(one), payer="unity")
    assert (await at.get("/v1/exchange/quarantine", "clinician")).status_code == 403
    seen = (await at.get("/v1/exchange/quarantine", facilities=("lakeside",))).json()["items"]
    assert [i["reason"] for i in seen] == ["wrong_usage"]
    assert len((await at.get("/v1/exchange/quarantine")).json()["items"]) == 1 + len(seen)
    hidden = next(i for i in (await at.get("/v1/exchange/quarantine")).json()["items"] if i["reason"] == "other_payer")
    said = await at.get(f"/v1/exchange/quarantine/{hidden['id']}", facilities=("lakeside",))
    assert said.status_code == 404


async def test_what_is_discarded_stays_on_record(at: Door) -> None:
    await at.post("ISA*nothing")
    (item,) = (await at.get("/v1/exchange/quarantine")).json()["items"]
    path = f"/v1/exchange/quarantine/{item['id']}"
    assert (await at.command(f"{path}/discard", {"reason": "a test of theirs"})).status_code == 200
    assert (await at.get("/v1/exchange/quarantine")).json()["items"] == []
    assert (await at.get(path)).json()["text"].endswith("discarded: a test of theirs")


async def test_the_lines_to_payers_are_shown(at: Door) -> None:
    rows = {r["payer"]: r for r in (await at.get("/v1/payers")).json()["items"]}
    assert {"meridian", "unity"} <= rows.keys()
    assert (rows["meridian"]["state"], rows["meridian"]["held"]) == ("closed", 0)
    assert rows["meridian"]["fallback"]["telephone"]
    assert (await at.get("/v1/payers", "clinician")).status_code == 403


async def test_the_numbers_say_how_lines_stand_and_name_nobody(at: Door) -> None:
    one = await asked(at.database)
    await at.post(answer(one, control=control(usage="P")))
    async with at.database.write() as session:
        circuit = await payer_circuit.locked(session, "meridian", NOW)
        await payer_circuit.keep(session, "meridian", after(circuit, Attempt.UNREACHABLE, True, NOW), "down", NOW)
    told = (await at.client.get("/metrics")).text
    assert 'stepdown_payer_circuit{payer="meridian"} 2.0' in told
    assert 'stepdown_quarantine_waiting{payer="meridian",reason="wrong_usage"} 1.0' in told
    assert 'stepdown_exchanges_total{kind="inbound",outcome="wrong_usage",payer="meridian"} 1.0' in told
    assert one.member not in told
    assert one.trace not in told


def mutated(whole: bytes) -> st.SearchStrategy[bytes]:
    """A message with bytes lost, doubled, swapped and planted."""
    places = st.integers(0, len(whole) - 1)
    planted = st.sampled_from(
        [b"~", b"*", b"\x00", b"\xff", b"ISA", b"IEA*", b"ST*278*", b"SE*", b"GS*", b":", b"^", b"\n"]
    )

    def change(body: bytes, step: tuple[str, int, int, bytes]) -> bytes:
        how, start, length, plant = step
        start = min(start, len(body))
        if how == "cut":
            return body[:start] + body[start + length :]
        if how == "double":
            return body[: start + length] + body[start:]
        if how == "plant":
            return body[:start] + plant + body[start:]
        return body[:start] if how == "end" else body[start:] + body[:start]

    step = st.tuples(st.sampled_from(["cut", "double", "plant", "end", "turn"]), places, st.integers(1, 60), planted)
    return st.lists(step, min_size=1, max_size=4).map(lambda steps: reduce(change, steps, whole))


async def test_whatever_becomes_of_a_message_it_is_answered_and_kept(at: Door) -> None:
    """Never a 500, always an answer by the standard; every new file leaves a row, and nothing that held a byte is
    lost without one."""
    one, other = await asked(at.database), await asked(at.database)
    whole = together(answer(one), answer(other)).encode()
    loop = asyncio.get_running_loop()

    async def send(body: bytes) -> None:
        said = await at.post(body)
        assert said.status_code == 200, said.text
        assert said.headers["content-type"].startswith("application/edi-x12")
        if said.text:
            read_interchanges(said.text)
        reading = read_file(text_of(body))
        wanted = {arrival.fingerprint for arrival, _ in reading.arrivals}
        if reading.rest:
            wanted.add(fingerprint(reading.rest))
        assert wanted <= await at.fingerprints()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(mutated(whole))
    def everything(body: bytes) -> None:
        asyncio.run_coroutine_threadsafe(send(body), loop).result(30)

    await asyncio.to_thread(everything)
    assert {status for _, status, _ in await at.kept()} <= {"received", "quarantined"}
    await at.take()
    async with at.database.read() as session:
        assert await misnumbered(session) == []
