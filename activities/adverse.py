"""After an adverse answer: what may be contested, until when, and who must do something about it (domain 4.1, AUTH-07,
AUTH-09, AUTH-13)."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities import case_clocks
from activities.case_record import CaseWriting
from activities.payer_queue import left_queue
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus, DisputeKind, DisputeStatus
from rules.case_deadlines import UNSENT
from rules.disputes import FILING_CLOCK, LIVE, OPEN, DisputeFact, Step, after_upheld, opened_by_denial
from rules.payer_answer import AnswerVerdict
from storage.models import AuthorizationDispute, AuthorizationRequest
from storage.repositories.authorization import UNANSWERED, requests_of_case

WORDS = {
    DisputeKind.PEER_TO_PEER: "a peer-to-peer",
    DisputeKind.RECONSIDERATION: "a reconsideration",
    DisputeKind.APPEAL: "an appeal",
    DisputeKind.EXTERNAL_REVIEW: "an external review",
}
CONTEST_ITEMS = (
    "authorization_denied",
    "authorization_voided",
    "authorization_gap",
    "appeal_open",
    "peer_to_peer_half",
    "peer_to_peer_last",
    "peer_to_peer_outcome",
    "appeal_half",
    "appeal_last",
)
"""Items that ask for a contest; they go when there is nothing to contest any more."""


async def disputes_of(w: CaseWriting, request_id: UUID | None = None) -> list[AuthorizationDispute]:
    query = select(AuthorizationDispute).where(AuthorizationDispute.authorization_id == w.case.id)
    if request_id is not None:
        query = query.where(AuthorizationDispute.request_id == request_id)
    rows = await w.session.execute(
        query.order_by(AuthorizationDispute.opened_at, AuthorizationDispute.level, AuthorizationDispute.id)
    )
    return list(rows.scalars())


def fact_of(d: AuthorizationDispute) -> DisputeFact:
    return DisputeFact(id=d.id, kind=d.kind, level=d.level, status=d.status, file_by=d.file_by)


async def open_dispute(
    w: CaseWriting, root: AuthorizationRequest, step: Step, *, anew: bool = False
) -> AuthorizationDispute:
    """Open a way to contest with its clock; one that was given up because the payer changed its mind opens anew.
    `anew`: the payer determined again, so a way that was used up or missed against the earlier answer is open too."""
    kind, level = step
    dispute_id = derived(root.id, "dispute", kind.value, level)
    await w.session.execute(
        insert(AuthorizationDispute)
        .values(
            id=dispute_id, authorization_id=w.case.id, request_id=root.id, kind=kind, level=level,
            status=DisputeStatus.OPEN, expedited=False, opened_at=w.now, version=1,
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip
    made = await w.session.get_one(AuthorizationDispute, dispute_id)
    if made.file_by is None or made.status is DisputeStatus.WITHDRAWN or (anew and made.status not in LIVE):
        clock = await case_clocks.start_clock(w, FILING_CLOCK[kind], made.id)
        made.status, made.opened_at, made.decided_at = DisputeStatus.OPEN, w.now, None
        made.scheduled_at = made.filed_at = None
        made.file_by = clock.due_at if clock is not None else None
        made.version += 1
    return made


async def open_rights(w: CaseWriting, root: AuthorizationRequest, *, anew: bool = False) -> list[AuthorizationDispute]:
    """Every way to contest an answer, timed from the answer itself, however late somebody thinks of it (AUTH-13)."""
    since = replace(w, now=root.answered_at or w.now)
    return [await open_dispute(since, root, step, anew=anew) for step in opened_by_denial(w.regime)]


async def after_adverse(
    w: CaseWriting, root: AuthorizationRequest, verdict: AnswerVerdict, *, took_back: bool = False
) -> None:
    """A denial, a lower level, other dates or a rescission: the rights open, and the reviewer is told once. Fewer days
    of what was asked are every payer's habit: the gap is remembered and the next review asks for them (E28); who wants
    to contest it all the same opens the rights by doing so. `took_back`: it takes away what was granted before, which
    is a determination of its own (AUTH-09)."""
    habit = root.status is AuthorizationStatus.PARTIAL and verdict.level == root.level
    if habit and verdict.from_date is not None and verdict.from_date <= root.from_date:
        await w.owe(
            "authorization_gap",
            f"{verdict.why}: plan the next review, or contest the rest",
            subject=root.trace,
            rule="AUTH-07",
        )
        return
    opened = await open_rights(w, root, anew=took_back)
    due = min((d.file_by for d in opened if d.file_by is not None and d.status in OPEN), default=None)
    if root.status is AuthorizationStatus.DENIED:
        await w.owe(
            "authorization_denied",
            f"{w.case.level} denied ({verdict.why}): peer-to-peer, appeal, or another level",
            due_at=due,
            subject=root.trace,
            rule="AUTH-13",
        )
    elif root.status is AuthorizationStatus.VOIDED:
        await w.owe(
            "authorization_voided",
            f"{w.case.payer} took back what it had granted for {w.case.level}: contest it; the days it covered are open",
            due_at=due,
            subject=f"{root.trace}:{w.case.version}",
            rule="AUTH-09",
        )
    elif verdict.level is not None and verdict.level != root.level:
        await w.owe(
            "authorization_gap",
            f"{verdict.why}: accept and transfer, appeal and stay, or ask for a peer-to-peer",
            due_at=due,
            subject=root.trace,
            rule="AUTH-07",
        )
    else:
        await w.owe(
            "authorization_gap",
            f"{verdict.why}: the days before are nobody's; contest them, or ask for them again",
            due_at=due,
            subject=root.trace,
            rule="AUTH-07",
        )


async def after_contest(
    w: CaseWriting, asked: AuthorizationRequest, root: AuthorizationRequest, *, overturned: bool
) -> None:
    """An appeal was decided: closed with its evidence, and what follows a failed one opens (domain 4.4)."""
    dispute = await w.session.get(AuthorizationDispute, asked.dispute_id) if asked.dispute_id else None
    if dispute is None or dispute.status not in LIVE:
        return
    await conclude(w, root, dispute, DisputeStatus.OVERTURNED if overturned else DisputeStatus.UPHELD)


async def conclude(
    w: CaseWriting, root: AuthorizationRequest, dispute: AuthorizationDispute, status: DisputeStatus
) -> None:
    dispute.status, dispute.decided_at = status, w.now
    dispute.version += 1
    await case_clocks.stop(w, dispute.id)
    await w.note(
        f"authorization_{dispute.kind.value}_{status.value}",
        {"dispute": str(dispute.id), "level_of_appeal": dispute.level, "request": str(root.id)},
    )
    if status is DisputeStatus.OVERTURNED:
        await no_longer_contested(w, root)
        return
    if dispute.kind is DisputeKind.PEER_TO_PEER:
        await say_appeal_is_open(w, root)
        return
    following = after_upheld(dispute.kind, dispute.level, w.regime)
    if following is not None:
        await open_dispute(w, root, following, anew=True)
        await say_appeal_is_open(w, root)
        return
    if not any(d.status in LIVE for d in await disputes_of(w, root.id)):
        await w.owe(
            "denial_final",
            f"nothing is left to contest {w.case.payer}'s answer for {w.case.level}: decide who pays the days it leaves open",
            subject=root.trace,
            rule="AUTH-12",
            owner="biller",
        )


async def say_appeal_is_open(w: CaseWriting, root: AuthorizationRequest) -> None:
    """The item that follows a call that failed, or was never held (E46)."""
    for dispute in await disputes_of(w, root.id):
        if dispute.kind is not DisputeKind.PEER_TO_PEER and dispute.status is DisputeStatus.OPEN:
            await w.owe(
                "appeal_open",
                f"{WORDS[dispute.kind]} (level {dispute.level}) against {w.case.payer}'s answer may be filed",
                due_at=dispute.file_by,
                subject=str(dispute.id),
                rule="AUTH-13",
            )


async def _without_object(w: CaseWriting, dispute: AuthorizationDispute) -> None:
    """The request a contest was filed by: what has not left stays here, and who has it is told by a person."""
    for filed in await requests_of_case(w.session, w.case.id):
        if filed.dispute_id != dispute.id or filed.status not in UNANSWERED:
            continue
        left = filed.first_sent_at is not None or filed.attempts > 0
        filed.status = AuthorizationStatus.CANCELLED
        await case_clocks.stop(w, filed.id, cancelled=True)
        await left_queue(w, filed)
        if left:
            await w.owe(
                "appeal_without_object",
                f"{w.case.payer} granted {w.case.level} by itself: take {WORDS[dispute.kind]} back, so that it closes it too",
                subject=filed.trace,
                rule="AUTH-13",
            )


async def call_back(w: CaseWriting, dispute: AuthorizationDispute) -> None:
    """What was asked for and has not left stays here once nobody contests any more."""
    for asked in await requests_of_case(w.session, w.case.id):
        if asked.dispute_id == dispute.id and asked.status in UNSENT:
            asked.status = AuthorizationStatus.CANCELLED
            await left_queue(w, asked)


async def no_longer_contested(w: CaseWriting, root: AuthorizationRequest) -> None:
    """The payer granted what was asked: what is still open to contest it has no object."""
    live = [d for d in await disputes_of(w, root.id) if d.status in LIVE]
    for dispute in live:
        dispute.status, dispute.decided_at = DisputeStatus.WITHDRAWN, w.now
        dispute.version += 1
        await case_clocks.stop(w, dispute.id, cancelled=True)
        await _without_object(w, dispute)
    still = [d for d in await disputes_of(w) if d.status in LIVE]
    if not still:
        await w.done(CONTEST_ITEMS, "granted")
