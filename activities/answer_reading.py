"""Reading what a payer answered: open the message, find what it says about our request, hand it to the case."""

from uuid import UUID

from activities.answers import apply_verdict
from activities.case_record import CaseWriting
from definitions.vocabulary import AuthorizationStatus
from interchange.x12.acknowledgement import rejected_by
from interchange.x12.envelope import read_interchanges
from interchange.x12.review_response import parse_answer
from interchange.x12.segments import X12Problem
from rules.payer_answer import AnswerVerdict, judge_answer
from runtime.keyring import Keyring
from runtime.people import open_message
from storage.models import AuthorizationRequest, ExchangeMessage, Person


async def read_answer(w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, keyring: Keyring) -> None:
    """Open an inbound message and apply what it says. What cannot be read becomes somebody's work."""
    person = await w.session.get(Person, w.case.person_id)
    if person is None or person.wrapped_key is None:
        return
    text = open_message(keyring, person.id, person.wrapped_key, message.sealed)
    await take_text(w, asked, text, fingerprint=message.fingerprint, message_id=message.id)
    message.status = "matched"


async def take_text(
    w: CaseWriting, asked: AuthorizationRequest, text: str, *, fingerprint: str, message_id: UUID | None
) -> None:
    try:
        for interchange in read_interchanges(text):
            if rejected_by(interchange):
                await _syntax_refused(w, asked, fingerprint, message_id)
                continue
            for group in interchange.groups:
                for transaction in group.transactions:
                    if transaction.kind != "278":
                        continue
                    answer = parse_answer(interchange, transaction)
                    if answer.trace not in (None, asked.trace):
                        continue
                    verdict = judge_answer(
                        answer, w.payer, asked.level, asked.unit, asked.units, asked.from_date, asked.through_date
                    )
                    await apply_verdict(w, asked, verdict, fingerprint=fingerprint, source="x12", message_id=message_id)
    except (X12Problem, ValueError) as problem:
        await w.owe(
            "answer_unreadable",
            f"{w.case.payer} sent an answer that cannot be read ({problem}); call and ask for it again",
            subject=fingerprint[:12],
        )


async def _syntax_refused(
    w: CaseWriting, asked: AuthorizationRequest, fingerprint: str, message_id: UUID | None
) -> None:
    verdict = AnswerVerdict(
        status=AuthorizationStatus.DATA_PROBLEM,
        action="999",
        why="the payer's gateway could not read the request (999); tell the administrator",
    )
    await apply_verdict(w, asked, verdict, fingerprint=fingerprint, source="x12", message_id=message_id)
