"""What follows from a request's having left, by whatever road: an appeal is filed and documents are given when their bytes
leave, or a person says they did; never when somebody asks for it (AUTH-12, AUTH-13)."""

from activities import case_clocks
from activities.answers import documents_settled
from activities.case_grants import matter_asked
from activities.case_record import CaseWriting
from definitions.vocabulary import AuthorizationStatus, ClockName, DisputeStatus, RequestKind
from rules.disputes import OPEN
from storage.models import AuthorizationDispute, AuthorizationRequest

WANTED = (AuthorizationStatus.INFORMATION_REQUESTED, AuthorizationStatus.PENDED)
MAY_BE_FILED = OPEN | {DisputeStatus.MISSED}
"""One whose window closed while its bytes waited in a queue was filed all the same, late; its clock keeps the breach."""


async def follow_departure(w: CaseWriting, asked: AuthorizationRequest, *, by_hand: bool = False) -> None:
    """`w.now` is the moment at which it left. Safe to repeat: what was filed or given stays so."""
    if asked.dispute_id is not None:
        await _filed(w, asked)
    if asked.kind is RequestKind.INFORMATION:
        await _given(w, asked, by_hand)


async def _filed(w: CaseWriting, asked: AuthorizationRequest) -> None:
    dispute = await w.session.get(AuthorizationDispute, asked.dispute_id)
    if dispute is None or dispute.status not in MAY_BE_FILED:
        return
    dispute.status, dispute.filed_at, dispute.decided_at = DisputeStatus.FILED, w.now, None
    dispute.version += 1
    w.case.version += 1
    await case_clocks.stop(w, dispute.id, ClockName.APPEAL_FILING, ClockName.EXTERNAL_FILING)
    await w.done(("appeal_open", "appeal_half", "appeal_last"), "filed")
    await w.note(
        f"authorization_{dispute.kind.value}_filed",
        {
            "dispute": str(dispute.id),
            "level_of_appeal": dispute.level,
            "expedited": dispute.expedited,
            "channel": dispute.channel,
            "request": str(asked.id),
        },
    )


async def _given(w: CaseWriting, asked: AuthorizationRequest, by_hand: bool) -> None:
    """Ours is met and the payer's clock runs again, from now (AUTH-12)."""
    root = await matter_asked(w, asked)
    if root.status not in WANTED:
        return
    await documents_settled(w, root, "sent")
    w.follow(root, AuthorizationStatus.INFORMATION_SENT)
    await case_clocks.stop(w, root.id, ClockName.INFORMATION)
    await case_clocks.resume(w, root)
    await w.note(
        "authorization_information_sent",
        {"request": str(root.id), "documents": len(asked.attachments or ()), "by_hand": by_hand},
    )
