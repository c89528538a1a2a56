"""What reviewers do with a question that is open, and prices agreed for one case (domain 4.4, AUTH-12, E43)."""

from uuid import UUID

from sqlalchemy import update

from activities import case_clocks
from activities.authorization import question_of
from activities.case_grants import matter_asked, root_of
from activities.case_record import CaseWriting
from activities.departed import WANTED, follow_departure
from activities.documents import in_words, kept_back, registry_problem
from activities.hand_departure import leaves_by_hand
from definitions.dispute import Attachment, CancelReview, RecordAgreement, SubmitInformation
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus, ContentClass, RequestKind
from rules.case_deadlines import UNSENT
from runtime.keyring import Keyring
from storage.models import AuthorizationRequest, SingleCaseAgreement
from storage.repositories import authorization as cases
from storage.repositories.authorization import UNANSWERED, requests_of_case

SENT = (
    AuthorizationStatus.SUBMITTED,
    AuthorizationStatus.PENDED,
    AuthorizationStatus.TIMED_OUT,
    AuthorizationStatus.INFORMATION_REQUESTED,
    AuthorizationStatus.INFORMATION_SENT,
)


def lines_of(attachments: tuple[Attachment, ...]) -> list[dict[str, str]] | None:
    """As the request keeps them; the usual class is not said."""
    usual = ContentClass.CLINICAL_ATTACHMENT
    lines = [a.model_dump(mode="json", exclude={"content"} if a.content is usual else None) for a in attachments]
    return lines or None


async def documents_refused(w: CaseWriting, request_id: UUID) -> Refusal | None:
    """A document that leaves by a consent of its own only, and has none, is not put into a request (E23). One that any
    consent may cover waits for it instead."""
    asked = await w.session.get_one(AuthorizationRequest, request_id)
    kept = await kept_back(w, asked)
    notes = {line["control_number"] for line in asked.attachments or () if "content" in line} & kept.keys()
    if not notes:
        return None
    return Refusal(
        code=ErrorType.DISCLOSURE_REFUSED,
        detail=f"take it out: {in_words({number: kept[number] for number in notes})}",
    )


async def submit_information(w: CaseWriting, keyring: Keyring, told: SubmitInformation) -> Refusal | None:
    """Documents for a pended request. Our duty is met and the payer's clock runs again when they have left, which by
    hand is now (AUTH-12)."""
    asked = await question_of(w, told.request_id)
    if isinstance(asked, Refusal):
        return asked
    root = await matter_asked(w, asked)
    wrong = await _may_not_be_given(w, root, told)
    if wrong is not None:
        return wrong
    request_id = derived(told.key, "information")
    await cases.add_request(
        w.session, request_id=request_id, case_id=w.case.id, episode_id=w.episode.id,
        kind=RequestKind.INFORMATION, level=root.level, unit=root.unit, units=root.units, from_date=root.from_date,
        through_date=root.through_date, urgent=root.urgent, now=w.now, about=root.id,
        attachments=lines_of(told.attachments),
        status=AuthorizationStatus.INFORMATION_SENT if told.by_hand else AuthorizationStatus.READY,
    )  # fmt: skip
    w.case.version += 1
    refused = await documents_refused(w, request_id)
    if refused is not None:
        return refused
    if not told.by_hand:
        await w.note("authorization_information_asked", {"request": str(root.id), "documents": len(told.attachments)})
        return None
    sent = await w.session.get_one(AuthorizationRequest, request_id)
    kept = await leaves_by_hand(
        w, keyring, sent, ContentClass.CLINICAL_ATTACHMENT, channel="by_hand", call_reference=told.call_reference
    )
    if kept is not None:
        return kept
    sent.sent_at = w.now
    sent.attempts += 1
    await follow_departure(w, sent, by_hand=True)
    return None


async def _may_not_be_given(w: CaseWriting, root: AuthorizationRequest, told: SubmitInformation) -> Refusal | None:
    if root.status not in WANTED:
        return Refusal(
            code=ErrorType.REQUEST_NOT_OPEN,
            detail=f"the request is {root.status.value}; documents go with one that the payer has pended",
        )
    if not told.attachments:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="name at least one document: kind and control_number")
    if told.by_hand and not told.call_reference:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="by hand needs its evidence: call_reference (AUTH-12)")
    going = await _documents_wait(w, root)
    if going is not None:
        return Refusal(
            code=ErrorType.REQUEST_NOT_OPEN,
            detail=f"documents for it were given already and are {going.status.value.replace('_', ' ')}; they go by "
            "themselves, or record that you sent them by hand",
        )
    return await registry_problem(w, told.attachments)


async def _documents_wait(w: CaseWriting, root: AuthorizationRequest) -> AuthorizationRequest | None:
    """Documents that were given and have not left yet."""
    return next(
        (
            r
            for r in await requests_of_case(w.session, w.case.id)
            if r.about == root.id and r.kind is RequestKind.INFORMATION and r.status in UNSENT
        ),
        None,
    )


async def cancel_review(w: CaseWriting, said: CancelReview) -> Refusal | None:
    """Take back an undecided question. What the payer may have is cancelled there too (UM02 3)."""
    asked = await question_of(w, said.request_id)
    if isinstance(asked, Refusal):
        return asked
    root = await root_of(w, asked)
    if root.status not in UNANSWERED:
        return Refusal(
            code=ErrorType.REQUEST_NOT_OPEN,
            detail=f"the request is {root.status.value}; only an open one is taken back",
        )
    had_it = root.status in SENT or root.attempts > 0
    await w.session.execute(
        update(AuthorizationRequest)
        .where(AuthorizationRequest.about == root.id, AuthorizationRequest.status.in_(UNANSWERED))
        .values(status=AuthorizationStatus.CANCELLED)
    )
    root.status = AuthorizationStatus.CANCELLED
    w.case.version += 1
    w.case.review_status = root.status
    if w.case.last_covered_day is None and w.case.status is not AuthorizationStatus.END_DATED:
        w.case.status = AuthorizationStatus.CONTACT_PAYER
        w.case.why = "the request was taken back; ask again or close the case"
    await case_clocks.stop(w, root.id, cancelled=True)
    if had_it:
        await cases.add_request(
            w.session, request_id=derived(said.key, "cancel"), case_id=w.case.id, episode_id=w.episode.id,
            kind=RequestKind.CANCEL, level=root.level, unit=root.unit, units=root.units, from_date=root.from_date,
            through_date=root.through_date, urgent=False, now=w.now, about=root.id,
        )  # fmt: skip
    await w.note("authorization_request_cancelled", {"request": str(root.id), "told_payer": had_it})
    return None


async def record_agreement(w: CaseWriting, said: RecordAgreement) -> Refusal | None:
    """A proposed or signed price; a newer one for the same level and dates replaces it, nothing is edited."""
    if said.through_date < said.from_date:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="the agreement must end on or after the day it begins")
    if said.amount <= 0:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="the agreed amount must be above zero")
    if said.level not in {t.level for t in w.payer.levels}:
        return Refusal(code=ErrorType.UNKNOWN_LEVEL, detail=f"{w.payer.key} has no terms for {said.level}")
    await w.session.execute(
        update(SingleCaseAgreement)
        .where(
            SingleCaseAgreement.authorization_id == w.case.id, SingleCaseAgreement.level == said.level,
            SingleCaseAgreement.ended_at.is_(None), SingleCaseAgreement.from_date <= said.through_date,
            SingleCaseAgreement.through_date >= said.from_date,
        )
        .values(ended_at=w.now)
    )  # fmt: skip
    w.session.add(
        SingleCaseAgreement(
            id=derived(said.key, "agreement"), authorization_id=w.case.id, episode_id=w.episode.id,
            facility=w.episode.facility, payer=w.case.payer, level=said.level, amount=said.amount,
            from_date=said.from_date, through_date=said.through_date, number=said.number, proposed_at=w.now,
            signed_at=said.signed_at, recorded_by=w.actor,
        )
    )  # fmt: skip
    w.case.version += 1
    await w.session.flush()
    await w.reprice(said.from_date, said.through_date, "a single-case agreement changed")
    await w.note(
        "single_case_agreement",
        {"level": said.level, "from": said.from_date.isoformat(), "through": said.through_date.isoformat(),
         "signed": said.signed_at is not None, "number": said.number},
    )  # fmt: skip
    return None
