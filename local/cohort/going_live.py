"""Writes one life through the same hands and repositories the product uses, each act at its own moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from activities.consent import ConsentActivities
from activities.episode import EpisodeActivities
from activities.hands import EpisodeHands
from activities.movement import MovementActivities
from activities.transition import TransitionActivities
from api.bodies import AssessmentBody
from api.deps import Services
from api.facts import record_assessment
from api.tokens import User
from definitions.episode import (
    DecideTransition,
    Decision,
    Diagnosis,
    EpisodeOutcome,
    OpenEpisode,
    RequestTransition,
    SignConsent,
    SignOffTransition,
    StartLeave,
)
from definitions.ids import derived, episode_id_of
from definitions.instrument import Instrument, Method
from definitions.referral import Referral
from definitions.vocabulary import AssessmentStatus, DeviationReason, MovementKind, Role
from local.cohort.lives import Life, Step
from local.rehearsal.stage import INTAKE_FORMS, RATINGS
from runtime.people import seal_new, tokens_of
from storage.engine import Database
from storage.models import AssessmentDue, Transition
from storage.repositories import person as persons
from storage.repositories.coverage import add_coverage
from storage.repositories.work import close_items

ACTOR = "clinician:going_live"


class MovingClock:
    """The moment each act of the past is written at."""

    def __init__(self) -> None:
        self.moment: datetime | None = None

    async def now(self) -> datetime:
        if self.moment is None:
            raise RuntimeError("no moment was set")
        return self.moment


@dataclass(frozen=True, slots=True)
class Desk:
    services: Services
    records: Database
    clock: MovingClock
    episode: EpisodeActivities
    transition: TransitionActivities
    movement: MovementActivities
    consent: ConsentActivities

    @classmethod
    def over(cls, services: Services, records: Database, clock: MovingClock) -> "Desk":
        hands = EpisodeHands(records, services.catalog, services.keyring)
        return cls(
            services, records, clock, EpisodeActivities(hands), TransitionActivities(hands), MovementActivities(hands),
            ConsentActivities(hands),
        )  # fmt: skip


class GoingLive:
    """One person. `key` makes every row's id, so loading twice writes once."""

    def __init__(self, desk: Desk, key: str, referral: Referral, life: Life, now: datetime) -> None:
        self.desk = desk
        self.key = key
        self.referral = referral
        self.life = life
        self.now = now
        self.episode_id = episode_id_of(key)
        self._count = 0

    async def live(self) -> None:
        began = self.now - timedelta(days=self.life.steps[0].days_ago + 0.2 if self.life.steps else 0.15)
        await self._open(began)
        if not self.life.steps:
            return
        await self._forms(INTAKE_FORMS, began)
        for number, step in enumerate(self.life.steps):
            last = number == len(self.life.steps) - 1
            until = self.now if last else self.now - timedelta(days=self.life.steps[number + 1].days_ago)
            await self._step(step, until)
        if self.life.away:
            await self._leave()
        if self.life.wish is not None:
            await self._wish(self.life.wish)

    def _said(self, at: datetime, role: Role = Role.CLINICIAN) -> dict[str, object]:
        self._count += 1
        return {
            "key": f"{self.key}:{self._count}", "actor": ACTOR, "role": role, "now": at, "episode_id": self.episode_id,
        }  # fmt: skip

    async def _open(self, at: datetime) -> None:
        services = self.desk.services
        person_id = derived(self.key, "person")
        coverage = self.referral.coverages[0]
        coverage_id = derived(self.key, "coverage")
        details = self.referral.person.model_copy(
            update={"member_ids": {coverage_id: coverage.member_id} if coverage.member_id else {}}
        )
        sealed, wrapped = seal_new(services.keyring, person_id, details)
        async with self.desk.records.write() as session:
            await persons.add_person(
                session, person_id=person_id, sealed=sealed, wrapped=wrapped,
                tokens=tokens_of(services.keyring, details), now=at,
            )  # fmt: skip
            await add_coverage(
                session, coverage_id=coverage_id, person_id=person_id, payer=coverage.payer,
                kind=services.catalog.latest.payers[coverage.payer].kind, rank=1,
                from_date=coverage.from_date or at.date(), through_date=None,
                reaches_back=coverage.from_date is None,
            )  # fmt: skip
        done = await self.desk.episode.open_episode(
            OpenEpisode(
                key=self.key, actor=ACTOR, role=Role.ADMISSIONS, now=at, episode_id=self.episode_id,
                person_id=person_id, facility=self.referral.facility, coverage_id=coverage_id, payer=coverage.payer,
                requested_level=self.referral.requested_level, source="demo", edition=services.catalog.latest.name,
                diagnoses=tuple(Diagnosis(code=d.code, rank=d.rank) for d in self.referral.diagnoses),
            )
        )  # fmt: skip
        _must(done)

    async def _forms(self, forms: tuple[str, ...], at: datetime) -> None:
        for form in forms:
            _must(await self.desk.consent.sign_consent(SignConsent(**self._said(at), form=form, signed_at=at)))

    async def _step(self, step: Step, until: datetime) -> None:
        at = self.now - timedelta(days=step.days_ago)
        await self._rate(step.level, at - timedelta(minutes=20))
        outcome = await self._request(step.level, at, at)
        if outcome is not None:
            await self._approve(outcome, at)
        await self._complete(until)
        await self._sign_presented(at)

    async def _request(self, level: str, effective: datetime, at: datetime) -> UUID | None:
        request = RequestTransition(
            **self._said(at),
            to_level=level,
            effective_at=effective,
            rationale="criteria for this level met",
            deviation_reason=None if level in RATINGS else DeviationReason.CLINICAL_OVERRIDE,
        )
        done = await self.desk.transition.request_transition(request)
        _must(done)
        return done.answer.subject_id if done.answer else None

    async def _approve(self, transition_id: UUID, at: datetime) -> None:
        async with self.desk.records.read() as session:
            row = await session.get_one(Transition, transition_id)
        if row.status.value == "needs_sign_off":
            await self.desk.transition.sign_off_transition(
                SignOffTransition(**self._said(at), transition_id=transition_id, order=True)
            )
            async with self.desk.records.read() as session:
                row = await session.get_one(Transition, transition_id)
        _must(
            await self.desk.transition.decide_transition(
                DecideTransition(
                    **self._said(at, Role.REVIEWER),
                    transition_id=transition_id,
                    transition_version=row.version,
                    decision=Decision.APPROVE,
                )
            )
        )

    async def _rate(self, level: str, at: datetime) -> None:
        await self._chart("LOC_DIM", RATINGS.get(level, RATINGS["2.1"]), at)

    async def _chart(self, instrument: str, answers: dict[str, int], at: datetime) -> None:
        self._count += 1
        self.desk.clock.moment = at
        user = User("going_live", Role.CLINICIAN.value, ("*",))
        body = AssessmentBody(instrument=instrument, answers=answers, performed_at=at)
        await record_assessment(self.desk.services, user, f"{self.key}.{self._count}", self.episode_id, body)

    async def _complete(self, until: datetime) -> None:
        """Chart what came due in the past once; what repeats is next due within hours of now."""
        edition = self.desk.services.catalog.latest
        async with self.desk.records.read() as session:
            rows = await session.execute(
                select(AssessmentDue.instrument, AssessmentDue.due_at).where(
                    AssessmentDue.episode_id == self.episode_id,
                    AssessmentDue.status == AssessmentStatus.DUE,
                    AssessmentDue.due_at <= until,
                )
            )
            owed = sorted({(at, name) for name, at in rows})
        for at, name in owed:
            await self._chart(name, calm_answers(edition.instruments[name]), at - timedelta(minutes=10))
        async with self.desk.records.write() as session:
            await session.execute(
                text(
                    "UPDATE assessment_due SET due_at = CAST(:now AS timestamptz) + make_interval(mins => "
                    "(abs(hashtext(id::text)) % 900 + 20)), escalate_at = CAST(:now AS timestamptz) + interval '20 hours' "
                    "WHERE episode_id = :episode AND status = 'due' AND due_at <= :now"
                ),
                {"now": self.now, "episode": self.episode_id},
            )

    async def _sign_presented(self, at: datetime) -> None:
        async with self.desk.records.read() as session:
            rows = await session.execute(
                text("SELECT DISTINCT form FROM consent WHERE episode_id = :e AND status = 'presented'"),
                {"e": self.episode_id},
            )
            forms = tuple(row[0] for row in rows)
        await self._forms(forms, at)
        async with self.desk.records.write() as session:
            for kind in ("medication_reconciliation", "state_record", "first_attendance"):
                await close_items(
                    session, episode_id=self.episode_id, now=at, actor=ACTOR, resolution="done", kind=kind
                )

    async def _leave(self) -> None:
        left = self.now - timedelta(hours=20)
        _must(
            await self.desk.movement.start_leave(
                StartLeave(
                    **self._said(left),
                    kind=MovementKind.LEAVE,
                    left_at=left,
                    expected_return_at=self.now + timedelta(hours=26),
                    reason="family pass",
                )
            )
        )

    async def _wish(self, level: str) -> None:
        """A step-down that waits: with the clinician's sign-off for the reviewer, without it for the clinician."""
        at = self.now - timedelta(hours=3)
        await self._rate(level, at - timedelta(minutes=30))
        said = self._said(at, Role.CLINICIAN if self.life.signed else Role.ADMISSIONS)
        request = RequestTransition(
            **said,
            to_level=level,
            effective_at=self.now + timedelta(hours=20),
            rationale="stable, goals of this level met",
            deviation_reason=DeviationReason.CLINICAL_OVERRIDE,
        )
        _must(await self.desk.transition.request_transition(request))


def calm_answers(instrument: Instrument) -> dict[str, int]:
    """The least severe legal answers; forms are completed."""
    if instrument.method is Method.COMPLETION:
        return {"done": 1}
    return {
        i.key: (max(i.allowed) if i.reverse else min(i.allowed))
        for i in instrument.items
        if i.required and not i.text and i.allowed and i.asked_when is None
    }


def _must(outcome: EpisodeOutcome) -> None:
    if outcome.refusal is not None:
        raise RuntimeError(f"the demo facility was refused: {outcome.refusal.code.value}: {outcome.refusal.detail}")
