"""The documents of a request, judged one by one by their class: what may go goes, what may not stays here, and somebody is
told which (domain 3.1, 3.5, E23)."""

from uuid import UUID

from activities.case_record import CaseWriting
from activities.departure import Withheld, ask_of, grounds_of, recipient_of
from definitions.dispute import Attachment
from definitions.errors import ErrorType, Refusal
from definitions.vocabulary import ContentClass, RequestKind
from rules.disclosure import judge
from rules.sending import content_class
from storage.models import AuthorizationRequest
from storage.reads.documents import documents_by_id


async def kept_back(w: CaseWriting, asked: AuthorizationRequest) -> dict[str, str]:
    """Documents that may not leave, by control number, each with its reason."""
    lines = [Attachment.model_validate(line) for line in asked.attachments or ()]
    if not lines:
        return {}
    consents, exceptions = await grounds_of(w, recipient_of(w, asked))
    why: dict[ContentClass, str] = {}
    for kind in {line.content for line in lines}:
        verdict = judge(await ask_of(w, asked, kind), consents, w.now, exceptions)
        if not verdict.allowed:
            why[kind] = "; ".join(verdict.reasons)
    return {line.control_number: why[line.content] for line in lines if line.content in why}


async def leave_behind(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """Take out of a request what may not go, where its payer takes it without; raises Withheld where it does not. What
    was written already keeps its bytes: it goes whole or not at all."""
    kept = await kept_back(w, asked)
    if not kept:
        return
    going = [line for line in asked.attachments or () if line["control_number"] not in kept]
    empty = asked.kind is RequestKind.INFORMATION and not going
    if empty or not w.payer.takes_without_documents:
        raise Withheld(in_words(kept))
    rest = await _rest_may_go(w, asked, bool(going))
    if rest is not None:
        raise Withheld(rest)
    asked.attachments = going or None
    await w.owe(
        "documents_withheld",
        f"the {asked.kind.value} request to {w.payer.key} leaves without what may not go: {in_words(kept)}",
        subject=asked.trace,
        rule="domain 3.5",
    )
    await w.note("documents_withheld", {"request": str(asked.id), "documents": sorted(kept)})


def in_words(kept: dict[str, str]) -> str:
    return "; ".join(f"document {number}: {why}" for number, why in sorted(kept.items()))


async def _rest_may_go(w: CaseWriting, asked: AuthorizationRequest, documents: bool) -> str | None:
    """Why the request without them may not go either; None: it may."""
    consents, exceptions = await grounds_of(w, recipient_of(w, asked))
    kind = content_class(asked.kind, documents)
    verdict = judge(await ask_of(w, asked, kind), consents, w.now, exceptions)
    return None if verdict.allowed else "; ".join(verdict.reasons)


async def registry_problem(w: CaseWriting, attachments: tuple[Attachment, ...]) -> Refusal | None:
    """A control number that is the id of a registered document is judged by what the registry knows of it, whatever class
    the reviewer said: a counselling note never goes, nor what is unsigned, voided, amended or of somebody else (E23)."""
    named = {a.control_number: found for a in attachments if (found := _id_in(a.control_number)) is not None}
    for one in await documents_by_id(w.session, list(named.values())):
        row = one.row
        if row.episode_id != w.episode.id:
            return Refusal(code=ErrorType.NOT_FOUND, detail=f"no such thing is on record: document {row.id}")
        if row.content_class is ContentClass.COUNSELLING_NOTES:
            return Refusal(
                code=ErrorType.DISCLOSURE_REFUSED,
                detail=f"take it out: document {row.id} is a counselling note; it never goes with a request (E23)",
            )
        whole = row.signed_at is not None and (row.cosigned_at is not None or not row.needs_cosign)
        if not whole or row.voided_at is not None or one.superseded_by is not None or not one.opens:
            return Refusal(
                code=ErrorType.SIGN_OFF_MISSING,
                detail=f"document {row.id} is not signed, or counts no more; only signed ones that stand go",
            )
    return None


def _id_in(control_number: str) -> UUID | None:
    try:
        return UUID(control_number)
    except ValueError:
        return None
