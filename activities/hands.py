"""How every episode write is done: one transaction, the command's first answer kept with it (D2, D9)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.edition import Edition
from definitions.episode import Answer, Command, EpisodeOutcome, EpisodeRecord
from definitions.errors import ErrorType, Refusal
from definitions.facility import Facility
from definitions.level import LevelOfCare
from definitions.staff_words import Words
from definitions.vocabulary import Role
from rules.episode_clock import deadlines_of
from runtime.catalog import Catalog
from runtime.keyring import Keyring
from runtime.staff_words import WordOpener, owner_of, seal_words
from storage.engine import Database
from storage.models import Episode
from storage.reads.clock_facts import read_clock_facts
from storage.repositories import command as memory
from storage.repositories import timeline
from storage.repositories.episode import lock_episode
from storage.repositories.person import wrapped_keys
from storage.repositories.work import EPISODE, replace_due

CONSTRAINTS: Final[dict[str, tuple[ErrorType, str]]] = {
    "ex_bed_occupancy_bed_period": (
        ErrorType.BED_TAKEN,
        "the bed was taken a moment ago; choose another from the board",
    ),
    "ex_stay_person_bed_period": (
        ErrorType.EPISODE_OPEN_ELSEWHERE,
        "this person already has a bed in another episode then; end that stay first",
    ),
    "ex_stay_episode_track_period": (
        ErrorType.ILLEGAL_TRANSITION,
        "the stay would overlap another of this episode; correct the earlier movement first",
    ),
    "uq_episode_open_person": (
        ErrorType.EPISODE_OPEN_ELSEWHERE,
        "this person has an open episode at this facility; work in that one",
    ),
    "ex_coverage_person_rank_dates": (
        ErrorType.COVERAGE_OVERLAPS,
        "another coverage holds that place on some of these days; look at the coverages again",
    ),
    "uq_transition_open": (
        ErrorType.TRANSITION_OPEN,
        "a request for this level is already open; decide or withdraw it first",
    ),
}
"""What the database refuses, in words (D10). The last line of defence behind the plan's own checks."""


@dataclass(slots=True)
class Writing:
    """One transaction on one episode: the locked row, its pinned edition, and the command that asks."""

    session: AsyncSession
    episode: Episode
    edition: Edition
    key: str
    actor: str
    role: Role
    now: datetime
    keyring: Keyring
    _keys: dict[UUID, bytes | None] = field(default_factory=dict, init=False, repr=False)

    @property
    def facility(self) -> Facility:
        return self.edition.facilities[self.episode.facility]

    @property
    def levels(self) -> dict[str, LevelOfCare]:
        return self.edition.levels

    async def sealed(self, place: Words, row_id: UUID, text: str) -> bytes:
        """What a person said, under the key of whom the episode is about; nothing, when that key is destroyed."""
        owner = self.episode.person_id
        return seal_words(self.keyring, owner, (await self._key_of(owner))[owner], place, row_id, text)

    async def words(self, place: Words, row_id: UUID, sealed: bytes | None, clear: str | None) -> str | None:
        """What was said, for a row that says it again: nobody is shown anything."""
        owner = owner_of(sealed) if sealed is not None else None
        keys = await self._key_of(owner) if owner is not None else {}
        return WordOpener(self.keyring, keys).read(place, row_id, sealed, clear)

    async def _key_of(self, owner: UUID) -> dict[UUID, bytes | None]:
        """Read once a transaction."""
        if owner not in self._keys:
            self._keys[owner] = (await wrapped_keys(self.session, [owner])).get(owner)
        return self._keys

    async def note(
        self, kind: str, detail: dict[str, Any], at: datetime | None = None, purpose: str = "treatment"
    ) -> None:
        """A timeline entry with its audit twin; ids and codes only."""
        await timeline.record(
            self.session,
            episode_id=self.episode.id,
            facility=self.episode.facility,
            at=at or self.now,
            recorded_at=self.now,
            kind=kind,
            actor=self.actor,
            role=self.role.value,
            edition=self.episode.edition,
            detail=detail,
            command_key=self.key,
            purpose=purpose,
        )


Act = Callable[[Writing], Awaitable[Answer | Refusal]]


class EpisodeHands:
    """Shared by every activity that writes to an episode; injected with its database and catalog."""

    def __init__(self, database: Database, catalog: Catalog, keyring: Keyring) -> None:
        self.database = database
        self.catalog = catalog
        self.keyring = keyring

    async def decide(self, command: Command, kind: str, act: Act) -> EpisodeOutcome:
        """Run `act` once per command key. Its writes and the answer land together; a refusal lands alone; a
        repeat gets what the first attempt got, with the record as it is now."""
        async with self.database.write() as session:
            stored = await memory.recall(session, command.key)
            episode = await lock_episode(session, command.episode_id)
            if episode is None:
                return EpisodeOutcome(
                    refusal=Refusal(code=ErrorType.NOT_FOUND, detail=f"no episode {command.episode_id} is on record")
                )
            writing = Writing(
                session=session,
                episode=episode,
                edition=self.catalog.edition(episode.edition),
                key=command.key,
                actor=command.actor,
                role=command.role,
                now=command.now,
                keyring=self.keyring,
            )
            if stored is not None and stored.status != memory.ACCEPTED:
                return await self._first_answer(writing, stored)
            answer = await self._guarded(writing, command, act)
            await memory.finish(
                session,
                key=command.key,
                kind=kind,
                actor=command.actor,
                now=command.now,
                status=memory.REFUSED if isinstance(answer, Refusal) else memory.DONE,
                answer=answer.model_dump(mode="json"),
                subject_id=episode.id,
            )
            record = await self.record(writing)
            if isinstance(answer, Refusal):
                return EpisodeOutcome(record=record, refusal=answer)
            return EpisodeOutcome(record=record, answer=answer)

    async def _guarded(self, writing: Writing, command: Command, act: Act) -> Answer | Refusal:
        """`act` inside a savepoint: a refusal, or a constraint of the database, leaves nothing half-written."""
        seen, now_at = command.expected_version, writing.episode.version
        if seen is not None and seen != now_at:
            return Refusal(
                code=ErrorType.STALE,
                detail=f"the episode changed since it was shown (version {seen}, now {now_at}); look again",
                current_version=now_at,
            )
        savepoint = await writing.session.begin_nested()
        try:
            answer = await act(writing)
            if isinstance(answer, Refusal):
                await savepoint.rollback()
                await writing.session.refresh(writing.episode)
                return answer
            writing.episode.version += 1
            await writing.session.flush()
            await writing.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            await savepoint.commit()
        except IntegrityError as error:
            refusal = refused_by_database(error)
            if refusal is None:
                raise
            await savepoint.rollback()
            await writing.session.refresh(writing.episode)
            return refusal
        return answer.model_copy(update={"version": writing.episode.version})

    async def _first_answer(self, writing: Writing, stored: memory.Remembered) -> EpisodeOutcome:
        record = await self.record(writing)
        if stored.status == memory.REFUSED:
            return EpisodeOutcome(record=record, refusal=Refusal.model_validate(stored.answer))
        return EpisodeOutcome(record=record, answer=Answer.model_validate(stored.answer))

    async def record(self, writing: Writing) -> EpisodeRecord:
        """The episode as its rows say, with its deadlines recomputed and replaced (D6, D13)."""
        episode = writing.episode
        facts, away = await read_clock_facts(writing.session, episode, writing.edition.consents)
        deadlines = deadlines_of(facts)
        await replace_due(writing.session, owner_kind=EPISODE, owner_id=episode.id, deadlines=deadlines)
        return EpisodeRecord(
            episode_id=episode.id,
            version=episode.version,
            facility=episode.facility,
            edition=episode.edition,
            phase=episode.phase,
            level=episode.level,
            program=episode.program,
            stay_id=episode.stay_id,
            away=away,
            deadlines=deadlines,
        )


def refused_by_database(error: IntegrityError) -> Refusal | None:
    """The refusal a named constraint stands for; None: a breach nobody planned for."""
    diagnosis = getattr(error.orig, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    if name not in CONSTRAINTS:
        return None
    code, detail = CONSTRAINTS[name]
    return Refusal(code=code, detail=detail)


def answer_for(writing: Writing, subject_id: UUID | None, status: str, **detail: Any) -> Answer:
    return Answer(
        episode_id=writing.episode.id,
        version=writing.episode.version,
        subject_id=subject_id,
        status=status,
        detail=detail,
    )
