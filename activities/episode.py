"""Opening an episode, its clock, charted facts and open items."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.deadline_effects import fire
from activities.hands import EpisodeHands, Writing, answer_for, refused_by_database
from activities.plan_execution import raise_assessments
from activities.presenting import present_consent
from definitions.break_glass import REVIEW_ITEM
from definitions.contracts import EpisodeContract
from definitions.episode import (
    Answer,
    EpisodeOutcome,
    EpisodeRecord,
    FactRecorded,
    FireDeadlines,
    OpenEpisode,
    ReadEpisode,
    ResolveItem,
)
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.plan import AssessmentToRaise
from definitions.staff_words import Words
from definitions.vocabulary import ConsentStatus, OpenItemStatus, Phase, Role
from storage.models import Consent, Episode, OpenItem
from storage.repositories import command as memory
from storage.repositories import work
from storage.repositories.episode import lock_episode

INTAKE_HOURS = 24
"""Pre-admission screens and consents are wanted within this time of the referral (domain 2.4, 3.7)."""


class EpisodeActivities(EpisodeContract):
    def __init__(self, hands: EpisodeHands) -> None:
        self._hands = hands

    @activity.defn
    async def read_episode(self, request: ReadEpisode) -> EpisodeRecord | None:
        """The record from rows alone: how a lost workflow is started again (D13)."""
        async with self._hands.database.write() as session:
            episode = await lock_episode(session, request.episode_id)
            if episode is None:
                return None
            return await self._hands.record(self._writing(session, episode, "read", Role.SYSTEM, episode.opened_at))

    @activity.defn
    async def open_episode(self, request: OpenEpisode) -> EpisodeOutcome:
        async with self._hands.database.write() as session:
            stored = await memory.recall(session, request.key)
            if stored is not None and stored.status == memory.REFUSED:
                return EpisodeOutcome(refusal=Refusal.model_validate(stored.answer))
            episode = await lock_episode(session, request.episode_id)
            if episode is None:
                savepoint = await session.begin_nested()
                try:
                    episode = await self._insert(session, request)
                    await savepoint.commit()
                except IntegrityError as error:
                    await savepoint.rollback()
                    refusal = refused_by_database(error)
                    if refusal is None:
                        raise
                    await memory.finish(
                        session, key=request.key, kind="open_episode", actor=request.actor, now=request.now,
                        status=memory.REFUSED, answer=refusal.model_dump(mode="json"),
                    )  # fmt: skip
                    return EpisodeOutcome(refusal=refusal)
            writing = self._writing(session, episode, request.key, request.role, request.now, request.actor)
            record = await self._hands.record(writing)
            answer = Answer(episode_id=episode.id, version=1, subject_id=episode.id, status=Phase.INTAKE.value)
            await memory.finish(
                session, key=request.key, kind="open_episode", actor=request.actor, now=request.now,
                status=memory.DONE, answer=answer.model_dump(mode="json"), subject_id=episode.id,
            )  # fmt: skip
            return EpisodeOutcome(record=record, answer=answer)

    @activity.defn
    async def fire_deadlines(self, request: FireDeadlines) -> EpisodeOutcome:
        async with self._hands.database.write() as session:
            episode = await lock_episode(session, request.episode_id)
            if episode is None:
                return EpisodeOutcome()
            writing = self._writing(session, episode, request.key, Role.SYSTEM, request.now)
            await fire(writing, request.now)
            return EpisodeOutcome(record=await self._hands.record(writing))

    @activity.defn
    async def note_fact(self, request: FactRecorded) -> EpisodeOutcome:
        """A fact was charted elsewhere: its effects are rows already; only the clock has to look again."""
        async with self._hands.database.write() as session:
            episode = await lock_episode(session, request.episode_id)
            if episode is None:
                return EpisodeOutcome()
            writing = self._writing(session, episode, request.key, Role.SYSTEM, request.at)
            return EpisodeOutcome(record=await self._hands.record(writing))

    @activity.defn
    async def resolve_item(self, request: ResolveItem) -> EpisodeOutcome:
        return await self._hands.decide(request, "resolve_item", lambda w: _resolve(w, request))

    def _writing(
        self, session: AsyncSession, episode: Episode, key: str, role: Role, now: datetime, actor: str = "system"
    ) -> Writing:
        return Writing(
            session=session, episode=episode, edition=self._hands.catalog.edition(episode.edition), key=key,
            actor=actor, role=role, now=now, keyring=self._hands.keyring,
        )  # fmt: skip

    async def _insert(self, session: AsyncSession, request: OpenEpisode) -> Episode:
        """The referral's rows: episode, screens and consents of intake, timeline (domain 2.4, 3.7)."""
        prior = (
            await session.execute(
                select(Episode.id)
                .where(Episode.person_id == request.person_id, Episode.phase == Phase.CLOSED)
                .order_by(Episode.closed_at.desc())
                .limit(1)
            )
        ).scalar_one_or_none()
        episode = Episode(
            id=request.episode_id,
            person_id=request.person_id,
            facility=request.facility,
            coverage_id=request.coverage_id,
            payer=request.payer,
            edition=request.edition,
            phase=Phase.INTAKE,
            requested_level=request.requested_level,
            source=request.source,
            diagnoses=[d.model_dump() for d in request.diagnoses],
            prior_episode_id=prior,
            opened_at=request.now,
            last_contact_at=request.now,
            version=1,
        )
        session.add(episode)
        await session.flush()
        writing = self._writing(session, episode, request.key, request.role, request.now, request.actor)
        due = request.now + timedelta(hours=INTAKE_HOURS)
        await raise_assessments(
            writing,
            tuple(
                AssessmentToRaise(
                    instrument=key, due_at=due, escalate_at=due + timedelta(hours=INTAKE_HOURS),
                    owner_role=Role.ADMISSIONS.value, why=f"{key} is owed before admission",
                )
                for key in writing.facility.intake_assessments
            ),
            None, None, None,
        )  # fmt: skip
        await self._intake_consents(writing, due)
        await writing.note(
            "referral",
            {
                "requested_level": request.requested_level,
                "payer": request.payer,
                "source": request.source,
                "prior_episode": str(prior) if prior else None,
            },
        )
        return episode

    async def _intake_consents(self, writing: Writing, due: datetime) -> None:
        rows = await writing.session.execute(
            select(Consent.form).where(
                Consent.person_id == writing.episode.person_id,
                Consent.status == ConsentStatus.SIGNED,
                (Consent.expires_at.is_(None)) | (Consent.expires_at > writing.now),
            )
        )
        standing = {form for (form,) in rows}
        for form in writing.facility.intake_consents:
            if form in standing:
                continue
            present_consent(
                writing, form=form, program=None, due_at=due, renews=None, transition_id=None,
                reason="owed before admission",
            )  # fmt: skip
            await work.open_item(
                writing.session,
                item_id=derived(writing.key, "consent-item", form),
                episode_id=writing.episode.id,
                facility=writing.episode.facility,
                kind="consent_to_sign",
                owner_role=Role.ADMISSIONS.value,
                why=f"present {writing.edition.consents[form].title}: owed before admission",
                opened_at=writing.now,
                due_at=due,
                subject_id=form,
                rule="domain 3.7",
            )


async def _resolve(writing: Writing, request: ResolveItem) -> Answer | Refusal:
    item = await writing.session.get(OpenItem, request.item_id)
    if item is None or item.episode_id != writing.episode.id:
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no open item {request.item_id} in this episode")
    if item.status is not OpenItemStatus.OPEN:
        return Refusal(
            code=ErrorType.ALREADY_DECIDED,
            detail=f"the item is {item.status.value} already",
            changed_by=item.resolved_by,
        )
    if item.kind == REVIEW_ITEM:
        # Only somebody else than who looked may close it, and only with a finding (api/break_glass.py).
        return Refusal(code=ErrorType.FORBIDDEN, detail="this item closes by its review, under /v1/break-glass")
    item.status = OpenItemStatus.CANCELLED if request.cancelled else OpenItemStatus.DONE
    item.resolved_at, item.resolved_by, item.resolution = writing.now, writing.actor, None
    item.sealed_resolution = await writing.sealed(Words.RESOLUTION, item.id, request.resolution)
    await writing.note("item_resolved", {"item": str(item.id), "kind": item.kind})
    return answer_for(writing, item.id, item.status.value)
