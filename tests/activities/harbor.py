"""People of the shipped facility, admitted and moved by the product's own hands at moments of the past."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.authorization import AuthorizationActivities
from activities.case_record import CaseHands
from activities.consent import ConsentActivities
from activities.coverage import CoverageActivities
from activities.episode import EpisodeActivities
from activities.hands import EpisodeHands
from activities.midnight import MidnightActivities
from activities.movement import MovementActivities
from activities.transition import TransitionActivities
from definitions.authorization import RecordDecision
from definitions.episode import (
    Answer,
    ChangeCoverage,
    DecideTransition,
    Decision,
    Diagnosis,
    DischargeEpisode,
    EpisodeOutcome,
    FireDeadlines,
    OpenEpisode,
    RequestTransition,
    SignConsent,
    SignOffTransition,
)
from definitions.errors import ErrorType
from definitions.ids import derived, episode_id_of
from definitions.vocabulary import CoverageAct, CoverageKind, CoverageReason, DeviationReason, Disposition, Role
from runtime.catalog import Catalog, load_catalog
from runtime.keyring import Keyring
from storage.engine import Database
from storage.models import Assessment, Authorization, Person, Transition
from storage.repositories.coverage import add_coverage
from storage.repositories.facility import ensure_facilities
from tests.activities.nights import at

KEYRING = Keyring.parse(f"test:{'5a' * 32}", "a5" * 32)
FORMS = ("treatment", "part2_tpo", "financial", "privacy_notice")
OPENED = date(2026, 3, 1)


@dataclass(slots=True)
class Harbor:
    """The facility with every hand a command can reach."""

    database: Database
    catalog: Catalog = field(default_factory=load_catalog)

    def __post_init__(self) -> None:
        hands = EpisodeHands(self.database, self.catalog, KEYRING)
        self.episode = EpisodeActivities(hands)
        self.transition = TransitionActivities(hands)
        self.movement = MovementActivities(hands)
        self.consent = ConsentActivities(hands)
        self.coverage = CoverageActivities(hands)
        self.cases = AuthorizationActivities(CaseHands(self.database, self.catalog), KEYRING)
        self.nights = MidnightActivities(self.database, self.catalog)

    episode: EpisodeActivities = field(init=False)
    transition: TransitionActivities = field(init=False)
    movement: MovementActivities = field(init=False)
    consent: ConsentActivities = field(init=False)
    coverage: CoverageActivities = field(init=False)
    cases: AuthorizationActivities = field(init=False)
    nights: MidnightActivities = field(init=False)

    async def open(self) -> None:
        async with self.database.write() as session:
            await ensure_facilities(session, self.catalog.latest, OPENED)


@dataclass(slots=True)
class Patient:
    """One person's episode; every act is a command of its own key."""

    harbor: Harbor
    person: UUID
    episode: UUID
    coverage: UUID
    payer: str

    def said(self, now: datetime, role: Role = Role.CLINICIAN, key: str | None = None) -> dict[str, Any]:
        return {
            "key": key or f"test:{uuid4()}", "actor": f"{role.value}:test", "role": role, "now": now,
            "episode_id": self.episode,
        }  # fmt: skip

    async def sign(self, now: datetime, *forms: str, **more: Any) -> None:
        for form in forms:
            request = SignConsent(**self.said(now), form=form, signed_at=now, **more)
            answered(await self.harbor.consent.sign_consent(request))

    async def move(self, level: str, when: datetime, *, effective: datetime | None = None) -> str:
        """Rated, asked, signed off, ordered and approved."""
        async with self.harbor.database.write() as session:
            session.add(rating(self.episode, when - timedelta(minutes=5), level))
        asked = answered(
            await self.harbor.transition.request_transition(
                RequestTransition(
                    **self.said(when), to_level=level, effective_at=effective or when, rationale="criteria met",
                    deviation_reason=DeviationReason.SAME,
                )
            )
        )  # fmt: skip
        if asked.status == "needs_sign_off":
            order = SignOffTransition(**self.said(when), transition_id=found(asked.subject_id), order=True)
            answered(await self.harbor.transition.sign_off_transition(order))
        async with self.harbor.database.read() as session:
            row = await session.get_one(Transition, found(asked.subject_id))
        decide = DecideTransition(
            **self.said(when, Role.REVIEWER), transition_id=row.id, transition_version=row.version,
            decision=Decision.APPROVE,
        )  # fmt: skip
        return str(answered(await self.harbor.transition.decide_transition(decide)).status)

    async def change(self, now: datetime, **said: Any) -> Answer:
        return answered(await self.harbor.coverage.change_coverage(self.change_of(now, **said)))

    async def refused(self, now: datetime, **said: Any) -> ErrorType:
        outcome = await self.harbor.coverage.change_coverage(self.change_of(now, **said))
        assert outcome.refusal is not None, outcome.answer
        return outcome.refusal.code

    def change_of(self, now: datetime, key: str | None = None, **said: Any) -> ChangeCoverage:
        return ChangeCoverage(
            **self.said(now, Role.BILLER, key),
            **({"act": CoverageAct.SWITCH, "coverage_id": uuid4(), "reason": CoverageReason.PLAN_CHANGED} | said),
        )

    async def grant(self, case: UUID, first: date, last: date, now: datetime, units: int | None = None) -> None:
        done = await self.harbor.cases.record_decision(
            RecordDecision(
                key=f"grant:{uuid4()}", actor="reviewer:test", role=Role.REVIEWER, now=now, authorization_id=case,
                action="A1", number="N1", units=units or (last - first).days + 1, from_date=first, through_date=last,
                call_reference="call 1",
            )
        )  # fmt: skip
        assert done.refusal is None

    async def discharge(self, when: datetime) -> None:
        request = DischargeEpisode(
            **self.said(when), disposition=Disposition.COMPLETED, effective_at=when, reason="goals met"
        )
        answered(await self.harbor.movement.discharge_episode(request))

    async def clock(self, now: datetime) -> None:
        """What the episode's timer does when something has come."""
        await self.harbor.episode.fire_deadlines(
            FireDeadlines(key=f"fire:{uuid4()}", episode_id=self.episode, now=now, keys=())
        )

    async def all_cases(self) -> list[Authorization]:
        async with self.harbor.database.read() as session:
            rows = await session.execute(
                select(Authorization)
                .where(Authorization.episode_id == self.episode)
                .order_by(Authorization.from_date, Authorization.payer, Authorization.opened_at)
            )
            return list(rows.scalars())


async def patient(
    harbor: Harbor, payer: str = "meridian", admitted: datetime | None = None, level: str | None = "3.5",
    reaches_back: bool = False,
) -> Patient:  # fmt: skip
    """Referred the day before, admitted on 2 March unless said otherwise."""
    when = admitted or at("2026-03-02 10:00")
    key, person, coverage = f"test:{uuid4()}", uuid4(), uuid4()
    referred = when - timedelta(days=1)
    async with harbor.database.write() as session:
        await known(session, harbor, person, coverage, payer, referred, reaches_back)
    one = Patient(harbor, person, episode_id_of(key), coverage, payer)
    answered(
        await harbor.episode.open_episode(
            OpenEpisode(
                key=key, actor="admissions:test", role=Role.ADMISSIONS, now=referred, episode_id=one.episode,
                person_id=person, facility="harbor", coverage_id=coverage, payer=payer, requested_level=level or "3.5",
                source="test", edition=harbor.catalog.latest.name, diagnoses=(Diagnosis(code="F1020", rank=1),),
            )
        )
    )  # fmt: skip
    await one.sign(referred, *FORMS)
    if level is not None:
        assert await one.move(level, when) == "executed"
    return one


async def known(
    session: AsyncSession, harbor: Harbor, person: UUID, coverage: UUID, payer: str, now: datetime, reaches_back: bool
) -> None:
    session.add(Person(id=person, sealed=b"sealed", wrapped_key=None, created_at=now))
    await session.flush()
    kind: CoverageKind = harbor.catalog.latest.payers[payer].kind
    await add_coverage(
        session, coverage_id=coverage, person_id=person, payer=payer, kind=kind, rank=1,
        from_date=now.date() + timedelta(days=30) if reaches_back else date(2026, 1, 1), through_date=None,
        reaches_back=reaches_back,
    )  # fmt: skip


def rating(episode: UUID, when: datetime, level: str) -> Assessment:
    return Assessment(
        id=derived(episode, "rating", when.isoformat()), episode_id=episode, instrument="LOC_DIM", edition="2026-01",
        answers={}, score=None, severity=None, detail={}, recommended_level=level, outcome="completed",
        performed_at=when, recorded_at=when, recorded_by="clinician:test", supersedes=None,
        command_key=f"rating:{uuid4()}",
    )  # fmt: skip


def answered(outcome: EpisodeOutcome) -> Answer:
    assert outcome.refusal is None, outcome.refusal
    assert outcome.answer is not None
    return outcome.answer


def found(subject: UUID | None) -> UUID:
    assert subject is not None
    return subject
