"""What people do about an answer: calls, appeals, options, documents, cancellations, agreements (domain 4.1, AUTH-07)."""

from datetime import datetime
from uuid import UUID

from temporalio import activity

from activities import case_clocks
from activities.adverse import call_back, conclude, disputes_of, fact_of, open_dispute, open_rights
from activities.answers import Evidence, apply_verdict
from activities.authorization import by_hand_verdict, question_of
from activities.case_acts import cancel_review, documents_refused, lines_of, record_agreement, submit_information
from activities.case_grants import root_of
from activities.case_record import CaseAct, CaseHands, CaseWriting
from activities.departed import follow_departure
from activities.departure import Withheld, gate
from activities.documents import registry_problem
from activities.hand_departure import leaves_by_hand, spoken
from activities.staleness import perform
from definitions.authorization import CaseCommand, CaseOutcome, RecordDecision
from definitions.contracts import DisputeContract
from definitions.dispute import (
    REQUEST_KIND,
    AssignCase,
    CancelReview,
    ChooseOption,
    FileAppeal,
    GapOption,
    PeerToPeerOutcome,
    RecordAgreement,
    RecordPeerToPeer,
    Representative,
    SubmitInformation,
)
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.review_codes import Action
from definitions.vocabulary import AuthorizationStatus, ContentClass, DisputeKind, DisputeStatus, Role
from rules.disputes import LIVE, DisputeFact, to_file
from rules.grants import CONTINUING
from rules.sending import CALLED, ELECTRONIC, content_class
from runtime.keyring import Keyring
from storage.models import AuthorizationDispute, AuthorizationRequest
from storage.repositories import authorization as cases
from storage.repositories.authorization import UNANSWERED, requests_of_case

CONTESTABLE = (AuthorizationStatus.DENIED, AuthorizationStatus.PARTIAL, AuthorizationStatus.VOIDED)


class DisputeActivities(DisputeContract):
    def __init__(self, hands: CaseHands, keyring: Keyring) -> None:
        self._hands = hands
        self._keyring = keyring

    async def _act(self, command: CaseCommand, kind: str, act: CaseAct) -> CaseOutcome:
        return await perform(self._hands, command, kind, act)

    @activity.defn
    async def record_peer_to_peer(self, request: RecordPeerToPeer) -> CaseOutcome:
        return await self._act(request, "record_peer_to_peer", lambda w: _peer_to_peer(w, self._keyring, request))

    @activity.defn
    async def file_appeal(self, request: FileAppeal) -> CaseOutcome:
        return await self._act(request, "file_appeal", lambda w: _appeal(w, self._keyring, request))

    @activity.defn
    async def choose_option(self, request: ChooseOption) -> CaseOutcome:
        return await self._act(request, "choose_option", lambda w: _option(w, self._keyring, request))

    @activity.defn
    async def submit_information(self, request: SubmitInformation) -> CaseOutcome:
        return await self._act(request, "submit_information", lambda w: submit_information(w, self._keyring, request))

    @activity.defn
    async def cancel_review(self, request: CancelReview) -> CaseOutcome:
        return await self._act(request, "cancel_review", lambda w: cancel_review(w, request))

    @activity.defn
    async def record_agreement(self, request: RecordAgreement) -> CaseOutcome:
        return await self._act(request, "record_agreement", lambda w: record_agreement(w, request))

    @activity.defn
    async def assign_case(self, request: AssignCase) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            w.case.owner = request.owner
            w.case.version += 1
            await w.note("authorization_assigned", {"owner": request.owner})
            return None

        return await self._act(request, "assign_case", act)


async def _contested(w: CaseWriting, request_id: UUID | None) -> AuthorizationRequest | Refusal:
    """The root request whose answer is contested: the named one's, or the newest with an adverse answer."""
    if request_id is not None:
        named = await question_of(w, request_id)
        return named if isinstance(named, Refusal) else await root_of(w, named)
    asked = await requests_of_case(w.session, w.case.id)
    adverse = [r for r in asked if r.status in CONTESTABLE and r.kind not in CONTINUING]
    if not adverse:
        return Refusal(code=ErrorType.DISPUTE_NOT_OPEN, detail="no answer of the payer is open to contest in this case")
    return adverse[-1]


async def _facts(w: CaseWriting, root: AuthorizationRequest) -> list[DisputeFact]:
    """What is open about this answer; the rights to contest fewer days open when somebody makes use of them (E28)."""
    found = await disputes_of(w, root.id)
    if not found and root.status in CONTESTABLE:
        found = await open_rights(w, root)
    return [fact_of(d) for d in found]


async def _peer_to_peer(w: CaseWriting, keyring: Keyring, said: RecordPeerToPeer) -> Refusal | None:
    root = await _contested(w, said.request_id)
    if isinstance(root, Refusal):
        return root
    found = to_file(await _facts(w, root), DisputeKind.PEER_TO_PEER, w.now)
    if isinstance(found, Refusal):
        return found
    dispute = await w.session.get_one(AuthorizationDispute, found.id)
    dispute.call_reference = said.call_reference or dispute.call_reference
    dispute.version += 1
    w.case.version += 1
    if said.outcome is PeerToPeerOutcome.SCHEDULED:
        return await _may_be_told(w, root) or await _schedule_call(w, dispute, said.at)
    if said.outcome in (PeerToPeerOutcome.UPHELD, PeerToPeerOutcome.OVERTURNED):
        await spoken(w, keyring, root, ContentClass.CLINICAL_ATTACHMENT, said.call_reference)
    if said.outcome is PeerToPeerOutcome.CLINICIAN_ABSENT:
        dispute.status, dispute.scheduled_at = DisputeStatus.OPEN, None
        await w.note("authorization_peer_to_peer_absent", {"dispute": str(dispute.id)})
        await w.owe(
            "peer_to_peer_again",
            f"the call with {w.case.payer} did not take place: set it anew before the window ends, or appeal",
            due_at=dispute.file_by,
            subject=f"{dispute.id}:{dispute.version}",
            rule="AUTH-13",
        )
        return None
    await _call_items_done(w, said.outcome.value)
    if said.outcome is PeerToPeerOutcome.WITHDRAWN:
        dispute.status, dispute.decided_at = DisputeStatus.WITHDRAWN, w.now
        await case_clocks.stop(w, dispute.id, cancelled=True)
        await w.note("authorization_peer_to_peer_withdrawn", {"dispute": str(dispute.id)})
        return None
    if said.outcome is PeerToPeerOutcome.UPHELD:
        await conclude(w, root, dispute, DisputeStatus.UPHELD)
        return None
    return await _overturned_by_call(w, root, dispute, said)


async def _may_be_told(w: CaseWriting, root: AuthorizationRequest) -> Refusal | None:
    """A call between physicians tells clinical things: none is set that may not be held (domain 3.5, E16)."""
    try:
        await gate(w, root, "", ContentClass.CLINICAL_ATTACHMENT)
    except Withheld as reasons:
        return Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail=str(reasons))
    return None


async def _schedule_call(w: CaseWriting, dispute: AuthorizationDispute, at: datetime | None) -> Refusal | None:
    if at is None:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="say when the call is: at")
    if dispute.file_by is not None and at > dispute.file_by:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail=f"the payer takes peer-to-peers until {dispute.file_by.isoformat()}; choose an earlier time",
        )
    dispute.status, dispute.scheduled_at = DisputeStatus.SCHEDULED, at
    await w.note("authorization_peer_to_peer_scheduled", {"dispute": str(dispute.id), "at": at.isoformat()})
    await _call_items_done(w, "scheduled")
    return None


async def _call_items_done(w: CaseWriting, why: str) -> None:
    await w.done(("peer_to_peer_half", "peer_to_peer_last", "peer_to_peer_again", "peer_to_peer_outcome"), why)


async def _overturned_by_call(
    w: CaseWriting, root: AuthorizationRequest, dispute: AuthorizationDispute, said: RecordPeerToPeer
) -> Refusal | None:
    """What the payer's physician granted is a decision on the request, heard by telephone (AUTH-12)."""
    heard = RecordDecision(
        key=said.key, actor=said.actor, role=said.role, now=said.now, authorization_id=said.authorization_id,
        action=Action.CERTIFIED.value, number=said.number, level=said.level, units=said.units,
        from_date=said.from_date, through_date=said.through_date, call_reference=said.call_reference,
    )  # fmt: skip
    verdict = by_hand_verdict(w, root, heard)
    if isinstance(verdict, Refusal):
        return verdict
    evidence = Evidence(
        call_reference=said.call_reference, criteria=said.criteria, reviewer_credentials=said.reviewer_credentials,
        evidence_id=said.evidence_id, recorded_by=said.actor,
    )  # fmt: skip
    dispute.status, dispute.decided_at = DisputeStatus.OVERTURNED, w.now
    await case_clocks.stop(w, dispute.id)
    await w.note("authorization_peer_to_peer_overturned", {"dispute": str(dispute.id), "request": str(root.id)})
    await apply_verdict(
        w, root, verdict, fingerprint=said.key, source="peer_to_peer", message_id=None, evidence=evidence
    )
    return None


async def _appeal(w: CaseWriting, keyring: Keyring, said: FileAppeal) -> Refusal | None:
    """File what is open next: a request of its own, electronic where the payer takes it so, by hand where not."""
    if said.kind is DisputeKind.PEER_TO_PEER:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="a peer-to-peer is recorded, not filed; use its route")
    root = await _contested(w, said.request_id)
    if isinstance(root, Refusal):
        return root
    if said.kind is DisputeKind.RECONSIDERATION and root.status in CONTESTABLE:
        await open_dispute(w, root, (DisputeKind.RECONSIDERATION, 0))
    await _take_back_unreadable(w, root, said.kind)
    found = to_file(await _facts(w, root), said.kind, w.now)
    if isinstance(found, Refusal):
        return found
    if said.representative is Representative.CLINICIAN and not said.expedited and said.kind is DisputeKind.APPEAL:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail="a standard appeal for the patient needs the signed representative form; say representative form, "
            "or expedited when the matter is urgent (AUTH-14)",
        )
    going = await _on_its_way(w, found.id)
    if going is not None:
        return Refusal(
            code=ErrorType.DISPUTE_NOT_OPEN,
            detail=f"the {said.kind.value} was asked for already and is {going.status.value.replace('_', ' ')}; it counts "
            "as filed once it has left, or once you record that you sent it by hand",
        )
    return await _file(w, keyring, root, await w.session.get_one(AuthorizationDispute, found.id), said)


async def _on_its_way(w: CaseWriting, dispute_id: UUID) -> AuthorizationRequest | None:
    """What was asked for and has not left: a second one would be a duplicate."""
    asked = await requests_of_case(w.session, w.case.id)
    return next((r for r in asked if r.dispute_id == dispute_id and r.status in UNANSWERED), None)


async def _take_back_unreadable(w: CaseWriting, root: AuthorizationRequest, kind: DisputeKind) -> None:
    """An appeal that the payer could not process was never heard: the corrected one is filed in its place (AAA)."""
    for dispute in await disputes_of(w, root.id):
        if dispute.kind is not kind or dispute.status not in (DisputeStatus.OPEN, DisputeStatus.FILED):
            continue
        for asked in await requests_of_case(w.session, w.case.id):
            if asked.dispute_id == dispute.id and asked.status is AuthorizationStatus.DATA_PROBLEM:
                asked.status, dispute.status = AuthorizationStatus.CANCELLED, DisputeStatus.OPEN
                await w.done("authorization_data_problem", "filed again")


async def _file(
    w: CaseWriting, keyring: Keyring, root: AuthorizationRequest, dispute: AuthorizationDispute, said: FileAppeal
) -> Refusal | None:
    """By hand it is filed as it is recorded; electronically once its bytes have left, and its window runs till then."""
    unfit = await registry_problem(w, said.attachments)
    if unfit is not None:
        return unfit
    by_hand = said.by_hand if said.by_hand is not None else not w.payer.electronic_appeals
    by_hand = by_hand or said.kind is DisputeKind.EXTERNAL_REVIEW or w.payer.channel not in ELECTRONIC
    request_id = derived(said.key, "appeal")
    dispute.expedited, dispute.representative = said.expedited, said.representative.value
    dispute.channel, dispute.filed_by = "by_hand" if by_hand else CALLED[w.payer.channel], w.actor
    dispute.call_reference = said.call_reference
    dispute.version += 1
    w.case.version += 1
    await cases.add_request(
        w.session, request_id=request_id, case_id=w.case.id, episode_id=w.episode.id,
        kind=REQUEST_KIND[said.kind], level=root.level, unit=root.unit, units=root.units, from_date=root.from_date,
        through_date=root.through_date, urgent=said.expedited, now=w.now, about=root.id, dispute_id=dispute.id,
        attachments=lines_of(said.attachments),
        status=AuthorizationStatus.SUBMITTED if by_hand else AuthorizationStatus.READY,
    )  # fmt: skip
    refused = await documents_refused(w, request_id)
    if refused is not None:
        return refused
    if not by_hand:
        await w.note("authorization_appeal_asked", {"dispute": str(dispute.id), "request": str(request_id)})
        return None
    asked = await w.session.get_one(AuthorizationRequest, request_id)
    kept = await leaves_by_hand(
        w, keyring, asked, content_class(asked.kind, bool(asked.attachments)), channel="by_hand",
        call_reference=said.call_reference,
    )  # fmt: skip
    if kept is not None:
        return kept
    await case_clocks.start_decision(w, asked)
    asked.sent_at = w.now
    asked.attempts += 1
    await follow_departure(w, asked, by_hand=True)
    return None


async def _option(w: CaseWriting, keyring: Keyring, said: ChooseOption) -> Refusal | None:
    """AUTH-07: the clinical level never changes by itself (E27); the choice makes the work it needs."""
    root = await _contested(w, said.request_id)
    if isinstance(root, Refusal):
        return root
    if root.status is not AuthorizationStatus.PARTIAL:
        return Refusal(
            code=ErrorType.DISPUTE_NOT_OPEN,
            detail=f"there is nothing to choose: the payer's answer is {root.status.value}, not a part or a lower level",
        )
    lower = w.case.granted_level is not None and w.case.granted_level != root.level
    if said.option is GapOption.ACCEPT_AND_TRANSFER and not lower:
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail="the level asked for was granted; accept_gap takes fewer days, appeal_and_stay contests them",
        )
    w.case.version += 1
    await w.note("authorization_option_chosen", {"option": said.option.value, "granted_level": w.case.granted_level})
    await w.done("authorization_gap", said.option.value)
    if said.option is GapOption.PEER_TO_PEER:
        await w.owe(
            "peer_to_peer_wanted", f"ask {w.case.payer} for a peer-to-peer and record its hour", subject=str(root.id)
        )
    elif said.option is GapOption.APPEAL_AND_STAY:
        await w.owe(
            "financial_notice",
            f"the patient stays at {root.level} while the appeal runs: give the financial notice and record it",
            subject=str(root.id),
            rule="AUTH-07",
            owner=Role.ADMISSIONS.value,
        )
        return await _appeal(
            w, keyring,
            FileAppeal(**said.model_dump(include=set(CaseCommand.model_fields)), request_id=root.id,
                          expedited=said.expedited, representative=Representative.CLINICIAN)
        )  # fmt: skip
    else:
        await _accept(w, root)
    return None


async def _accept(w: CaseWriting, root: AuthorizationRequest) -> None:
    """What is still open to contest is given up, and a move to the granted level is the clinician's to ask for."""
    for dispute in await disputes_of(w, root.id):
        if dispute.status in LIVE and dispute.status is not DisputeStatus.FILED:
            dispute.status, dispute.decided_at = DisputeStatus.WITHDRAWN, w.now
            dispute.version += 1
            await case_clocks.stop(w, dispute.id, cancelled=True)
            await call_back(w, dispute)
    if w.case.granted_level is not None and w.case.granted_level != root.level:
        await w.owe(
            "transition_wanted",
            f"{w.case.payer} covers {w.case.granted_level} from {root.from_date.isoformat()}: ask for the move from "
            f"{root.level}, or say why not",
            subject=str(root.id),
            rule="AUTH-07",
            owner=Role.CLINICIAN.value,
        )
