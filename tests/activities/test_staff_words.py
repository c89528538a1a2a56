"""What staff write in their own words lies sealed, also where it was written in clear before, and goes with its person."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import select, text

from activities.seal_words import seal_all
from definitions.episode import DecideTransition, Decision, RequestTransition, ResolveItem, SignConsent, StartLeave
from definitions.staff_words import EPISODE_ENDED, Words
from definitions.vocabulary import DeviationReason, MovementKind, Role
from runtime.keyring import Keyring, SealBroken
from runtime.staff_words import WordOpener, owner_of, seal_words
from storage.engine import Database
from storage.models import Alert, Assessment, Movement, OpenItem, Transition
from storage.repositories.person import erase_person, wrapped_keys
from storage.staff_words import STAFF_WORDS, count_in_clear, words_left
from storage.verify import verify
from tests.activities.harbor import FORMS, KEYRING, Harbor, Patient, answered, found, patient, rating
from tests.activities.nights import at

ADMITTED = at("2026-03-02 10:00")
MERGED = f"director:test: merge {uuid4()}: the same day of the same person"
SAID = {place: f"Robin Testerman, said of {place.value}" for place in Words}


@pytest.fixture
async def one(database: Database) -> Patient:
    """Somebody with a key of their own, about whom each kind of words was written by the hands that write it."""
    harbor = Harbor(database)
    await harbor.open()
    made = await patient(harbor, level=None)
    async with database.write() as session:
        await session.execute(
            text("UPDATE person SET wrapped_key = :w WHERE id = :p"),
            {"w": KEYRING.new_data_key(made.person.bytes)[0], "p": made.person},
        )
    return made


async def written(one: Patient) -> dict[Words, UUID]:
    """The rows on which the words stand."""
    said = one.said
    async with one.harbor.database.write() as session:
        session.add(rating(one.episode, ADMITTED - timedelta(minutes=5), "3.5"))
    asked = answered(
        await one.harbor.transition.request_transition(
            RequestTransition(
                **said(ADMITTED), to_level="3.5", effective_at=ADMITTED, rationale=SAID[Words.RATIONALE],
                deviation_reason=DeviationReason.SAME,
            )
        )
    )  # fmt: skip
    rows = {Words.RATIONALE: found(asked.subject_id), Words.DECISION_REASON: found(asked.subject_id)}
    async with one.harbor.database.read() as session:
        version = (await session.get_one(Transition, rows[Words.RATIONALE])).version
    done = answered(
        await one.harbor.transition.decide_transition(
            DecideTransition(
                **said(ADMITTED, Role.REVIEWER), transition_id=rows[Words.RATIONALE], transition_version=version,
                decision=Decision.APPROVE, reason=SAID[Words.DECISION_REASON],
            )
        )
    )  # fmt: skip
    assert done.status == "executed"
    left = answered(
        await one.harbor.movement.start_leave(
            StartLeave(
                **said(ADMITTED + timedelta(hours=2)), kind=MovementKind.LEAVE, left_at=ADMITTED + timedelta(hours=2),
                reason=SAID[Words.MOVEMENT_REASON],
            )
        )
    )  # fmt: skip
    rows[Words.MOVEMENT_REASON] = found(left.subject_id)
    async with one.harbor.database.read() as session:
        item = (
            await session.execute(
                select(OpenItem.id).where(OpenItem.episode_id == one.episode, OpenItem.status == "open").limit(1)
            )
        ).scalar_one()
    answered(
        await one.harbor.episode.resolve_item(
            ResolveItem(**said(ADMITTED), item_id=item, resolution=SAID[Words.RESOLUTION])
        )
    )
    rows[Words.RESOLUTION] = item
    refused = answered(
        await one.harbor.consent.sign_consent(
            SignConsent(
                **said(ADMITTED), form=FORMS[1], signed_at=ADMITTED, refused=True, reason=SAID[Words.CONSENT_REASON]
            )
        )
    )
    rows[Words.CONSENT_REASON] = found(refused.subject_id)
    return rows


async def as_before(one: Patient, rows: dict[Words, UUID]) -> None:
    """The same rows as a process wrote them before they were sealed, and an alert and an assessment beside."""
    async with one.harbor.database.write() as session:
        assessed, alert = uuid4(), uuid4()
        session.add(
            Assessment(
                id=assessed, episode_id=one.episode, instrument="PHQ9", edition="2026-01", detail={}, outcome="completed",
                answers={"note": SAID[Words.ANSWERS], "1": 3}, performed_at=ADMITTED, recorded_at=ADMITTED,
                recorded_by="clinician:test", command_key=str(assessed),
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Alert(
                id=alert, assessment_id=assessed, episode_id=one.episode, rule="r", severity="s", condition="c",
                opened_at=ADMITTED, cleared_at=ADMITTED, cleared_by="clinician:test", cleared_reason=SAID[Words.CLEARED_REASON],
            )
        )  # fmt: skip
        rows |= {Words.ANSWERS: assessed, Words.CLEARED_REASON: alert, Words.VOID_REASON: uuid4(),
                 Words.EXCEPTION_RESOLUTION: uuid4()}  # fmt: skip
        await session.flush()
        for row, why, on in (
            (rows[Words.VOID_REASON], SAID[Words.VOID_REASON], "2026-03-02"),
            (uuid4(), MERGED, "2026-03-03"),
        ):
            await session.execute(
                text(
                    "INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, "
                    "track, per_diem_track, amount, rate_version, authorization_state, rule, why, status, tombstone, "
                    "void_reason, revision, posted_at, close_version) SELECT :row, id, episode_id, person_id, facility, payer, "
                    "CAST(:on AS date), 'per_diem', level, track, 'main', 700, '1', 'covered', 'r', 'w', 'void', true, :why, "
                    "1, :at, 1 FROM stay WHERE episode_id = :e"
                ),
                {"row": row, "why": why, "on": on, "at": ADMITTED, "e": one.episode},
            )
        await session.execute(
            text(
                "INSERT INTO charge_exception (id, episode_id, stay_id, facility, service_date, cause, why, opened_at, "
                "resolved_at, resolved_by, version) SELECT :row, episode_id, id, facility, '2026-03-02', 'c', 'w', :at, :at, "
                "'biller:test', 1 FROM stay WHERE episode_id = :e"
            ),
            {"row": rows[Words.EXCEPTION_RESOLUTION], "at": ADMITTED, "e": one.episode},
        )
        # Nobody may put a sealed reason back into clear; the superuser of a test does.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for words in STAFF_WORDS:
            if words.place not in (Words.ANSWERS, Words.CLEARED_REASON):
                await session.execute(
                    text(
                        f"UPDATE {words.row.__tablename__} SET {words.clear.key} = :said, {words.sealed.key} = NULL "
                        "WHERE id = :row"
                    ),
                    {"said": SAID[words.place], "row": rows[words.place]},
                )


async def read(one: Patient, rows: dict[Words, UUID], keyring: Keyring = KEYRING) -> dict[Words, str | None]:
    told = {}
    async with one.harbor.database.read() as session:
        for words in STAFF_WORDS:
            if words.place not in rows:
                continue
            row = rows[words.place]
            query = select(words.sealed, words.clear).where(words.row.id == row)
            sealed, clear = (await session.execute(query)).one()
            keys = await wrapped_keys(session, [owner_of(sealed)] if sealed else [])
            opener = WordOpener(keyring, keys)
            if words.place is Words.ANSWERS:
                told[words.place] = opener.answers(row, sealed, clear).get("note")
            else:
                told[words.place] = opener.open(words.place, row, sealed) if sealed is not None else clear
    return told


def dump(dsn: str) -> str:
    """Every column of the tables that hold words, as text."""
    with psycopg.connect(dsn) as connection:
        return "\n".join(
            str(row)
            for table in sorted({words.row.__tablename__ for words in STAFF_WORDS})
            for row in connection.execute(f"SELECT t::text FROM {table} t".encode())
        )


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


async def test_the_hands_write_sealed_and_say_again_why_a_move_was_made(one: Patient, fresh_database: str) -> None:
    rows = await written(one)
    assert "Testerman" not in dump(plain(fresh_database))
    told = await read(one, rows)
    assert told == {place: SAID[place] for place in rows}
    async with one.harbor.database.read() as session:
        moved = (
            await session.execute(select(Movement).where(Movement.transition_id == rows[Words.RATIONALE]))
        ).scalar_one()
        assert moved.sealed_reason is not None
        keys = await wrapped_keys(session, [one.person])
    again = WordOpener(KEYRING, keys).open(Words.MOVEMENT_REASON, moved.id, moved.sealed_reason)
    assert again == SAID[Words.RATIONALE]


async def test_rows_of_before_are_sealed_in_batches_and_only_once(one: Patient, fresh_database: str) -> None:
    rows = await written(one)
    await as_before(one, rows)
    assert dump(plain(fresh_database)).count("Testerman") == len(Words)
    assert await read(one, rows) == SAID, "readers read what is not sealed yet"
    before = verify(plain(fresh_database))
    lines: list[str] = []
    assert await seal_all(one.harbor.database, KEYRING, lines.append, batch=1) == len(Words)
    assert {line.split(":")[0] for line in lines} == {p.value for p in Words}
    assert all(line.endswith(": 1 sealed") for line in lines), lines
    assert "Testerman" not in dump(plain(fresh_database))
    assert await read(one, rows) == SAID
    assert await seal_all(one.harbor.database, KEYRING, lines.append) == 0, "once is enough"
    assert MERGED in dump(plain(fresh_database)), "the house's own words stay"
    assert verify(plain(fresh_database)) == before
    assert before[0] == []
    assert before[2] > 5, "there are chains to be whole"


async def test_the_houses_own_words_stay_and_are_found_by(one: Patient, fresh_database: str) -> None:
    await written(one)
    await one.discharge(ADMITTED + timedelta(hours=3))
    await seal_all(one.harbor.database, KEYRING, lambda _: None)
    async with one.harbor.database.read() as session:
        ended = await session.execute(
            select(OpenItem).where(OpenItem.episode_id == one.episode, OpenItem.resolution == EPISODE_ENDED)
        )
        assert ended.scalars().all()
        for words in STAFF_WORDS:
            assert await count_in_clear(session, words) == 0, words.place


async def test_words_open_for_their_own_row_and_place_alone(one: Patient) -> None:
    wrapped, _ = KEYRING.new_data_key(one.person.bytes)
    row, keys = uuid4(), {one.person: wrapped}
    sealed = seal_words(KEYRING, one.person, wrapped, Words.RATIONALE, row, "word")
    assert WordOpener(KEYRING, keys).open(Words.RATIONALE, row, sealed) == "word"
    for place, other in ((Words.DECISION_REASON, row), (Words.RATIONALE, uuid4())):
        with pytest.raises(SealBroken):
            WordOpener(KEYRING, keys).open(place, other, sealed)
    assert WordOpener(KEYRING, {one.person: None}).open(Words.RATIONALE, row, sealed) is None


@pytest.mark.parametrize("sealed_first", [True, False], ids=["sealed", "still in clear"])
async def test_words_go_with_the_key(one: Patient, fresh_database: str, sealed_first: bool) -> None:
    rows = await written(one)
    if not sealed_first:
        await as_before(one, rows)
    async with one.harbor.database.write() as session:
        left = await words_left(session, [one.person])
        assert all(left[place.value] for place in rows), left
        assert await erase_person(session, person_id=one.person)
        assert set((await words_left(session, [one.person])).values()) == {0}
    assert "Testerman" not in dump(plain(fresh_database))
    assert set((await read(one, rows)).values()) == {None}
    assert await seal_all(one.harbor.database, KEYRING, lambda _: None) == 0


async def test_words_a_late_process_wrote_about_somebody_erased_are_emptied(one: Patient, fresh_database: str) -> None:
    rows = await written(one)
    async with one.harbor.database.write() as session:
        await erase_person(session, person_id=one.person)
    await as_before(one, rows)
    assert await seal_all(one.harbor.database, KEYRING, lambda _: None) == len(Words)
    assert "Testerman" not in dump(plain(fresh_database))


async def test_a_movement_changes_in_no_other_way(one: Patient) -> None:
    rows = await written(one)
    row = rows[Words.MOVEMENT_REASON]

    async def refused(statement: str, **said: Any) -> str:
        with pytest.raises(Exception, match="movement") as error:
            async with one.harbor.database.write() as session:
                await session.execute(text(statement), {"row": row, **said})
        return str(error.value.__cause__)

    for change in ("actor = 'x'", "effective_at = now()", "reason = 'x'", "sealed_reason = NULL", "sealed_reason = ''"):
        assert "movement" in await refused(f"UPDATE movement SET {change} WHERE id = :row")
    await refused("UPDATE movement SET sealed_reason = :other WHERE id = :row", other=bytes(90))
    await refused("DELETE FROM movement WHERE id = :row")
    await as_before(one, rows)
    await refused("UPDATE movement SET reason = NULL, sealed_reason = '\\x00' WHERE id = :row")
    await refused("UPDATE movement SET reason = NULL WHERE id = :row")
    await refused("UPDATE movement SET reason = NULL, sealed_reason = '' WHERE id = :row")


async def test_a_batch_whose_key_is_missing_changes_nothing(one: Patient, fresh_database: str) -> None:
    rows = await written(one)
    await as_before(one, rows)
    other = Keyring.parse(f"other:{'6b' * 32}", "a5" * 32)
    with pytest.raises(SealBroken):
        await seal_all(one.harbor.database, other, lambda _: None)
    assert dump(plain(fresh_database)).count("Testerman") == len(Words)


def test_answers_are_read_as_they_were_given() -> None:
    person, row = uuid4(), uuid4()
    wrapped, _ = KEYRING.new_data_key(person.bytes)
    answers = {"1": 3, "note": "ü", "pick": [1, None], "yes": True}
    sealed = seal_words(KEYRING, person, wrapped, Words.ANSWERS, row, json.dumps(answers))
    assert WordOpener(KEYRING, {person: wrapped}).answers(row, sealed, {}) == answers
    assert WordOpener(KEYRING, {}).answers(row, None, {"1": 1}) == {"1": 1}
    assert WordOpener(KEYRING, {}).answers(row, b"", {}) == {}


def test_the_list_of_words_is_whole() -> None:
    assert {words.place for words in STAFF_WORDS} == set(Words)
    for words in STAFF_WORDS:
        assert words.place.value == f"{words.row.__tablename__}.{words.clear.key}"
        assert words.sealed.key == f"sealed_{words.clear.key}"
