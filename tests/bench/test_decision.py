"""How many round trips a decision needs: this is what its time consists of, and it must not creep up again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event, func, select, text

from activities.consent import ConsentActivities
from activities.episode import EpisodeActivities
from activities.hands import EpisodeHands
from activities.transition import TransitionActivities
from definitions.episode import DecideTransition, Decision, OpenEpisode, RequestTransition, SignConsent
from definitions.ids import derived, episode_id_of
from definitions.vocabulary import Role
from runtime.catalog import load_catalog
from runtime.keyring import Keyring
from storage.engine import Database
from storage.models import Assessment, AssessmentDue, Attendance, Due, OpenItem
from storage.repositories.facility import ensure_facilities

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
KEYRING = Keyring.parse(f"test:{'5a' * 32}", "a5" * 32)
STATEMENTS_MAX = 37
"""Of the whole decision, savepoint and constraint check included; it was 53. Two are for consents that end before the
window that is asked for does: they are looked up, and what is presented anew is written first (domain 3.4); two are for
what every review request asks again, consents that cover its payer and items that wait for them; one is for the key that
opens why the move was asked for and seals why it was made."""


async def asked(database: Database, hands: EpisodeHands, level: str) -> tuple[UUID, UUID]:
    """An intake with an admission to `level` asked for and ready to be approved: (episode, transition)."""
    key, person, coverage = f"bench:{level}", uuid4(), uuid4()
    said: dict[str, Any] = {"actor": "bench", "now": NOW, "episode_id": episode_id_of(key)}
    async with database.write() as session:
        await session.execute(
            text("INSERT INTO person (id, sealed, wrapped_key, created_at, version) VALUES (:i, '', :w, :n, 1)"),
            {"i": person, "n": NOW, "w": KEYRING.new_data_key(person.bytes)[0]},
        )
        await session.execute(
            text(
                "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date) "
                "VALUES (:c, :p, 'meridian', 'insurance', 1, '2026-01-01')"
            ),
            {"c": coverage, "p": person},
        )
    await EpisodeActivities(hands).open_episode(
        OpenEpisode(
            key=key, role=Role.ADMISSIONS, person_id=person, facility="harbor", coverage_id=coverage, payer="meridian",
            requested_level=level, source="bench", edition="2026-01", **said,
        )
    )  # fmt: skip
    await ConsentActivities(hands).sign_consent(
        SignConsent(key=f"{key}:c", role=Role.CLINICIAN, form="treatment", signed_at=NOW, **said)
    )
    async with database.write() as session:
        session.add(
            Assessment(
                id=uuid4(), episode_id=said["episode_id"], instrument="LOC_DIM", edition="2026-01", answers={}, detail={},
                recommended_level=level, outcome="completed", performed_at=NOW, recorded_at=NOW, recorded_by="bench",
                command_key=key,
            )
        )  # fmt: skip
    outcome = await TransitionActivities(hands).request_transition(
        RequestTransition(
            key=f"{key}:r", role=Role.CLINICIAN, to_level=level, effective_at=NOW, rationale="criteria met", **said
        )
    )
    assert outcome.answer is not None, outcome.refusal
    return said["episode_id"], derived(f"{key}:r", "transition")


async def test_a_decision_sends_few_statements_however_many_rows_it_writes(database: Database) -> None:
    catalog = load_catalog()
    async with database.write() as session:
        await ensure_facilities(session, catalog.latest, NOW.date())
    hands = EpisodeHands(database, catalog, KEYRING)
    episode, transition = await asked(database, hands, "2.5")
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    outcome = await TransitionActivities(hands).decide_transition(
        DecideTransition(
            key="d", actor="bench", role=Role.REVIEWER, now=NOW, episode_id=episode, transition_id=transition,
            transition_version=1, decision=Decision.APPROVE,
        )
    )  # fmt: skip
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert outcome.answer is not None, outcome.refusal
    assert outcome.answer.status == "executed"
    assert len(sent) <= STATEMENTS_MAX, "\n".join(sent)
    async with database.read() as session:
        for model, column, least in (
            (AssessmentDue, AssessmentDue.episode_id, 10), (Attendance, Attendance.episode_id, 60),
            (OpenItem, OpenItem.episode_id, 5), (Due, Due.owner_id, 15),
        ):  # fmt: skip
            counted = await session.execute(select(func.count()).select_from(model).where(column == episode))
            assert counted.scalar_one() >= least, model.__tablename__
