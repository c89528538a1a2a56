"""Whether something that came from a payer's system is applied by itself, and to which request; if not, why not, in a
sentence for the person who looks at it (E32 to E34, 6.12). The records' facts are the caller's."""

from typing import Final

from definitions.base import WireModel
from definitions.exchange import Arrival, ArrivalKind, Candidate, Found, MatchedBy
from definitions.payer import Payer
from definitions.vocabulary import AuthorizationStatus

UNREADABLE: Final = "unreadable"
WRONG_VERSION: Final = "wrong_version"
WRONG_RECEIVER: Final = "wrong_receiver"
WRONG_USAGE: Final = "wrong_usage"
UNKNOWN_CONTROL: Final = "unknown_control_number"
UNKNOWN_MEMBER: Final = "unknown_member"
UNKNOWN_TRACE: Final = "unknown_trace"
AMBIGUOUS: Final = "ambiguous"
OTHER_PAYER: Final = "other_payer"
NOT_ASKED: Final = "not_asked"
NUMBER_REUSED: Final = "control_number_reused"
NOT_APPLIED: Final = "not_applied"

SENTENCES: Final[dict[str, str]] = {
    UNREADABLE: "it does not follow its guide and was refused with a 999; ask the payer to correct and send it again",
    WRONG_VERSION: "it is a kind or version of message this house does not read; ask the payer for 278 of 005010",
    WRONG_RECEIVER: "its envelope names another receiver; find out whether it was meant for this house",
    WRONG_USAGE: "a test message came to production, or the other way round; ask the payer what was meant",
    UNKNOWN_CONTROL: "it acknowledges a control number this house never sent to that payer",
    UNKNOWN_MEMBER: "neither its trace nor its member id is known here; find the request or discard it",
    UNKNOWN_TRACE: "its trace is not ours, and nothing of that member fits its dates and numbers",
    AMBIGUOUS: "several requests of that member fit; choose the one it is about",
    OTHER_PAYER: "it answers a request that another payer was asked; nothing was changed",
    NOT_ASKED: "it answers a request that has not been sent yet; compare it with what the payer says",
    NUMBER_REUSED: "the payer used this control number before for other content; compare both",
    NOT_APPLIED: "it could be read, and says nothing that could be applied; read it and decide",
}
"""Every reason a message may stand in quarantine for."""

NEVER_SENT: Final = frozenset({AuthorizationStatus.READY, AuthorizationStatus.WAITING_CONSENT})


class InboundVerdict(WireModel):
    """`request` and `matched_by` when it is applied; `reason` when it is kept for a person. A reason may come with a
    request: the one a reviewer probably releases it to."""

    request: Candidate | None = None
    matched_by: MatchedBy | None = None
    reason: str | None = None


def judge(arrival: Arrival, found: Found, payer: Payer, receiver: str, usage: str) -> InboundVerdict:
    """`receiver`: our own id, `usage`: T or P, as the settings say. `payer`: whose credentials sent it."""
    broken = _broken(arrival, receiver, usage)
    if broken is not None:
        return InboundVerdict(reason=broken)
    if arrival.kind in (ArrivalKind.SYNTAX, ArrivalKind.ENVELOPE):
        if found.by_control is None:
            return InboundVerdict(reason=UNKNOWN_CONTROL)
        return InboundVerdict(request=found.by_control, matched_by=MatchedBy.CONTROL)
    request, by = (found.by_trace, MatchedBy.TRACE) if found.by_trace else (unique(arrival, found, payer), None)
    if request is None:
        return InboundVerdict(reason=_unmatched(arrival, found, payer))
    if request.payer != payer.key:
        return InboundVerdict(request=request, reason=OTHER_PAYER)
    reason = _not_applicable(request, found)
    if reason is not None:
        return InboundVerdict(request=request, reason=reason)
    return InboundVerdict(request=request, matched_by=by or MatchedBy.MEMBER)


def _broken(arrival: Arrival, receiver: str, usage: str) -> str | None:
    if not arrival.understood or arrival.kind is ArrivalKind.OTHER:
        return WRONG_VERSION
    if not arrival.whole:
        return UNREADABLE
    if arrival.kind is ArrivalKind.PAS:
        # A notification has no envelope: it came to our own address, with the payer's own credentials.
        return None
    if arrival.receiver != receiver:
        return WRONG_RECEIVER
    return WRONG_USAGE if arrival.usage != usage else None


def _not_applicable(request: Candidate, found: Found) -> str | None:
    """An answer to a request that was cancelled goes to its case, which knows what that means (E16)."""
    if not request.sent and request.status in NEVER_SENT:
        return NOT_ASKED
    return NUMBER_REUSED if found.number_reused else None


def _unmatched(arrival: Arrival, found: Found, payer: Payer) -> str:
    if not found.member_known:
        return UNKNOWN_MEMBER
    return AMBIGUOUS if len(fitting(arrival, found, payer)) > 1 else UNKNOWN_TRACE


def unique(arrival: Arrival, found: Found, payer: Payer) -> Candidate | None:
    """The one open request of the member that fits (E33); None when none or several do."""
    fits = fitting(arrival, found, payer)
    return fits[0] if len(fits) == 1 else None


def fitting(arrival: Arrival, found: Found, payer: Payer) -> list[Candidate]:
    """By payer and span, and by number when both sides have one; never by number alone, which payers use again for
    another level or span (E34). Where several fit, those fit better whose level has the code that the answer names."""
    fits = [c for c in found.by_member if c.payer == payer.key and c.sent and _fits(arrival, c)]
    closer = [c for c in fits if _same_code(arrival, c, payer)]
    return closer if len(fits) > 1 and closer else fits


def _same_code(arrival: Arrival, candidate: Candidate, payer: Payer) -> bool:
    terms = payer.terms(candidate.level)
    return arrival.procedure_code is not None and terms is not None and terms.procedure_code == arrival.procedure_code


def _fits(arrival: Arrival, candidate: Candidate) -> bool:
    """A new number may be given with every answer; the one it continues and the payer's own reference must be ours.
    An answer without dates needs one that agrees."""
    if candidate.status is AuthorizationStatus.CANCELLED:
        return False
    agreed = (_agree(arrival.previous_number, candidate.number), _agree(arrival.reference, candidate.reference))
    if False in agreed:
        return False
    if arrival.first is None:
        return True in agreed or _agree(arrival.number, candidate.number) is True
    return arrival.first <= candidate.through_date and (arrival.last or arrival.first) >= candidate.from_date


def _agree(said: str | None, known: str | None) -> bool | None:
    """None: one side does not say."""
    return None if said is None or known is None else said == known
