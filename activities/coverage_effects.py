"""What follows from who pays: the episode's mirror, its cases, its accounts and the work of people (E38 to E41).

`settle` makes the episode agree with the coverages as of today. The command asks for it at once; a change recorded
ahead is settled by the episode's clock at the midnight it takes effect."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from activities.hands import Writing
from activities.per_diem_accounts import write_accounts
from activities.plan_execution import open_wanted_case
from activities.presenting import present_consent
from definitions.coverage import CoverageInterval
from definitions.disclosure import RecordPeriod
from definitions.episode import ChangeCoverage
from definitions.ids import derived
from definitions.movement import ProjectedStay
from definitions.payer import Payer
from definitions.plan_facts import CaseFact
from definitions.vocabulary import (
    OPEN_PHASES,
    ConsentStatus,
    CoverageKind,
    CoverageReason,
    Role,
)
from rules.calendar import facility_date, midnight_before
from rules.case_opening import CaseWish, case_for, outlived
from rules.coverage import Rows, entered, first_change, last_day_of, primary_on
from rules.disclosure import judge
from rules.grounds import authorization_ask, consents_on_file
from storage.models import Authorization, Consent, Stay
from storage.repositories import coverage, disclosure, work
from storage.repositories.case_end import end_date_case
from storage.repositories.episode import stays_of
from storage.repositories.exception import exceptions_of

CHECK_WITHIN = timedelta(hours=24)
"""Eligibility and benefits of a new payer are looked up within a day (ELG-01)."""
ELIGIBILITY_UNKNOWN = "1"
DELAY_REASON = {CoverageReason.RETRO_GRANTED: "8"}
"""UM10 of what is asked looking back (domain 4.5): 8, eligibility was decided late; 1, nobody knew of the coverage."""
BILLING = "billing"
"""Forms that hold the billing to a plan: financial responsibility and assignment of benefits (domain 3.7)."""


async def settle(writing: Writing, rows: Rows) -> list[UUID]:
    """The episode as the coverages say today. Answers the cases that ended. Safe to repeat."""
    today = facility_date(writing.now, writing.facility.zone)
    on = today
    if writing.episode.closed_at is not None:
        on = min(today, facility_date(writing.episode.closed_at, writing.facility.zone))
    ended = await _end_cases(writing, rows, today)
    await _mirror(writing, rows, on)
    await write_accounts(writing, rows)
    if writing.episode.phase in OPEN_PHASES:
        await _somebody_pays(writing, rows, on)
    writing.episode.coverage_on = today
    return ended


async def _end_cases(writing: Writing, rows: Rows, today: date) -> list[UUID]:
    """Cases of a payer that is out end on its last day; what it was asked for later days is cancelled, and its answer
    for the days it covers still counts (E38, E26)."""
    session = writing.session
    cases = list(
        (
            await session.execute(
                select(Authorization)
                .where(Authorization.episode_id == writing.episode.id)
                .order_by(Authorization.opened_at, Authorization.id)
            )
        ).scalars()
    )
    facts = [
        CaseFact(
            id=c.id, stay_id=c.stay_id, payer=c.payer, level=c.level, status=c.status, from_date=c.from_date,
            last_covered_day=c.last_covered_day, transition_id=c.transition_id, end_dated_on=c.end_dated_on,
        )
        for c in cases
    ]  # fmt: skip
    known = {c.id: c for c in cases}
    closed = outlived(facts, rows, today)
    for case in closed:
        row = known[case.authorization_id]
        await end_date_case(
            session, case_id=row.id, on=case.on, key=writing.key, now=writing.now,
            why=f"{row.payer} does not pay after {case.on.isoformat()}",
        )  # fmt: skip
    return [c.authorization_id for c in closed]


async def _mirror(writing: Writing, rows: Rows, on: date) -> None:
    """The episode and its open stays show who pays now; what that payer authorized is told apart from the level."""
    episode, paying = writing.episode, primary_on(rows, on)
    changes = paying is None or paying.payer != episode.payer
    episode.coverage_id = paying.id if paying else None
    if paying is not None:
        episode.payer = paying.payer
        await writing.session.execute(
            update(Stay)
            .where(Stay.episode_id == episode.id, func.upper_inf(Stay.period), ~func.isempty(Stay.period))
            .values(payer=paying.payer)
        )
    if changes and episode.stay_id is not None:
        granted = await writing.session.execute(
            select(Authorization.granted_level)
            .where(
                Authorization.episode_id == episode.id,
                Authorization.stay_id == episode.stay_id,
                Authorization.payer == (paying.payer if paying else None),
                Authorization.end_dated_on.is_(None),
            )
            .order_by(Authorization.opened_at.desc())
            .limit(1)
        )
        episode.authorized_level = granted.scalar_one_or_none()


async def _somebody_pays(writing: Writing, rows: Rows, on: date) -> None:
    if primary_on(rows, on) is None:
        await _owe(
            writing, "coverage_needed", Role.ADMISSIONS,
            f"no coverage is in force from {on.isoformat()} on: find one, or decide with the patient who pays",
            rule="E39",
        )  # fmt: skip
        return
    await work.close_items(
        writing.session, episode_id=writing.episode.id, now=writing.now, actor="system",
        resolution="a coverage is in force", kind="coverage_needed",
    )  # fmt: skip


async def ask_payers(writing: Writing, reason: CoverageReason, before: Rows, after: Rows) -> list[UUID]:
    """A case for every stay with days that a payer holds now and did not hold before: ahead, from today, or looking
    back (E26, E38, E41). A payer that wants nothing leaves its evidence (AUTH-10)."""
    opened: list[UUID] = []
    stays = await stays_of(writing.session, writing.episode.id)
    for span in entered(before, after):
        for stay in stays:
            case_id = await _ask(writing, reason, stay, span.coverage, span.first, span.last)
            if case_id is not None:
                opened.append(case_id)
    return opened


async def _ask(
    writing: Writing,
    reason: CoverageReason,
    stay: ProjectedStay,
    held: CoverageInterval,
    first: date,
    last: date | None,
) -> UUID | None:
    zone = writing.facility.zone
    begins = max(first, facility_date(stay.started_at, zone))
    left = facility_date(stay.ended_at, zone) if stay.ended_at is not None else None
    ends = min((d for d in (last, left) if d is not None), default=None)
    if ends is not None and ends < begins:
        return None
    wish = CaseWish(
        writing.levels[stay.level], begins, ends, looking_back=begins < facility_date(writing.now, zone),
        coverage_id=held.id, delay_reason=DELAY_REASON.get(reason, ELIGIBILITY_UNKNOWN),
    )  # fmt: skip
    wanted = case_for(writing.edition.payers[held.payer], wish)
    key = f"{writing.key}:{stay.id}:{begins.isoformat()}"
    case_id = await open_wanted_case(writing, wanted, key=key, stay_id=stay.id, transition_id=None)
    if case_id is not None and left is not None:
        await writing.session.execute(
            update(Authorization).where(Authorization.id == case_id).values(end_dated_on=ends)
        )
    return case_id


async def owe_for_change(writing: Writing, request: ChangeCoverage, before: Rows, after: Rows) -> None:
    """What people do about it: eligibility, benefits assigned anew, consents that name a payer, days taken back."""
    for span in entered(before, after):
        payer = writing.edition.payers[span.coverage.payer]
        due = max(writing.now, midnight_before(span.first, writing.facility.zone)) + CHECK_WITHIN
        if payer.kind is CoverageKind.INSURANCE:
            await _owe(
                writing, "eligibility_check", Role.BILLER,
                f"check eligibility and benefits of {payer.key} from {span.first.isoformat()}: order of payment, "
                "carve-out, days left", due_at=due, subject=str(span.coverage.id), rule="ELG-01",
            )  # fmt: skip
        await _assignment(writing, payer, due)
        await _consents(writing, payer)
    await _named_consents(writing, before, after)
    await _taken_back(writing, before, after)


async def _assignment(writing: Writing, payer: Payer, due: datetime) -> None:
    """Financial responsibility and assignment of benefits are signed again on a change of payer (domain 3.7)."""
    for form in writing.edition.consents.values():
        if form.blocks != BILLING:
            continue
        rows = (
            await writing.session.execute(
                select(Consent.id, Consent.status).where(
                    Consent.person_id == writing.episode.person_id,
                    Consent.form == form.key,
                    Consent.status.in_([ConsentStatus.SIGNED, ConsentStatus.PRESENTED]),
                )
            )
        ).all()
        why = f"{payer.key} pays from now on: sign it for this payer"
        if not any(r.status is ConsentStatus.PRESENTED for r in rows):
            renews = next((r.id for r in rows), None)
            present_consent(
                writing, form=form.key, program=None, due_at=due, renews=renews, transition_id=None, reason=why
            )
            await writing.session.flush()
        await _owe(
            writing, "consent_to_sign", Role.ADMISSIONS, f"present {form.title}: {why}", due_at=due, subject=form.key,
            rule="domain 3.7",
        )  # fmt: skip


async def _consents(writing: Writing, payer: Payer) -> None:
    """A class-wide consent speaks for the new payer too; without one nothing can be asked of it (E20)."""
    if payer.kind is not CoverageKind.INSURANCE:
        return
    today = facility_date(writing.now, writing.facility.zone)
    ask = authorization_ask(
        writing.episode, payer.key, payer.recipient_class, RecordPeriod(from_date=today, through_date=today)
    )
    consents = consents_on_file(await disclosure.consents_of(writing.session, writing.episode.person_id))
    exceptions = await exceptions_of(
        writing.session, person_id=writing.episode.person_id, facility=writing.episode.facility, recipient=ask.recipient
    )
    if not judge(ask, consents, writing.now, exceptions).allowed:
        await _owe(
            writing, "consent_needed", Role.ADMISSIONS,
            f"no consent on file covers {payer.key}: nothing is asked of it until one does", subject=payer.key,
            due_at=writing.now, rule="E20",
        )  # fmt: skip


async def _named_consents(writing: Writing, before: Rows, after: Rows) -> None:
    """A consent that names the payer that leaves does not speak for the one that comes (E20)."""
    first = first_change(before, after)
    come = sorted({s.coverage.payer for s in entered(before, after)})
    if first is None or not come:
        return
    paid = {b.payer for b in before if last_day_of(before, b.payer, first) >= first}
    gone = {p for p in paid if last_day_of(after, p, first) < date.max} - set(come)
    for consent in consents_on_file(await disclosure.consents_of(writing.session, writing.episode.person_id)):
        named = sorted(p for p in gone if {p, f"payer/{p}"} & set(consent.recipients))
        if named and consent.valid_at(writing.now):
            await _owe(
                writing, "consent_needed", Role.ADMISSIONS,
                f"consent {consent.form} names {', '.join(named)} and does not speak for {', '.join(come)}: present a "
                "new one, or have it taken back", subject=consent.consent_id, due_at=writing.now, rule="E20",
            )  # fmt: skip


async def _taken_back(writing: Writing, before: Rows, after: Rows) -> None:
    """A payer that ends looking back takes its days with it: they are billed again elsewhere, and the patient hears
    of it (E39)."""
    today = facility_date(writing.now, writing.facility.zone)
    first = first_change(before, after)
    for payer in sorted({b.payer for b in before if not b.voided}):
        if first is None or first >= today or last_day_of(before, payer, first) < first:
            continue
        last = last_day_of(after, payer, first)
        if last < today - timedelta(days=1):
            await _owe(
                writing, "coverage_taken_back", Role.BILLER,
                f"{payer} does not pay from {first.isoformat()} on: see what it has paid, bill these days to whoever "
                "covers them, and tell the patient", subject=payer, due_at=writing.now + CHECK_WITHIN, rule="E39",
            )  # fmt: skip


async def tell_elsewhere(writing: Writing, first: date | None) -> None:
    """Other open episodes of the person are priced by the same coverages; their people decide what to ask."""
    if first is None:
        return
    for episode_id, facility in await coverage.open_episodes_of(
        writing.session, writing.episode.person_id, but=writing.episode.id
    ):
        await work.open_item(
            writing.session, item_id=derived(writing.key, "elsewhere", str(episode_id)), episode_id=episode_id,
            facility=facility, kind="coverage_changed_elsewhere", owner_role=Role.BILLER.value,
            why=f"the person's coverages changed from {first.isoformat()} on in another episode: check who pays here",
            opened_at=writing.now, due_at=writing.now + CHECK_WITHIN, rule="E38",
        )  # fmt: skip


async def _owe(
    writing: Writing, kind: str, owner: Role, why: str, *, due_at: datetime | None = None, subject: str | None = None,
    rule: str,
) -> None:  # fmt: skip
    await work.open_item(
        writing.session, item_id=derived(writing.key, "item", kind, subject or ""), episode_id=writing.episode.id,
        facility=writing.episode.facility, kind=kind, owner_role=owner.value, why=why, opened_at=writing.now,
        due_at=due_at, subject_id=subject, rule=rule,
    )  # fmt: skip
