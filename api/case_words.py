"""Opening the sealed words behind a case: a reviewer's right, and whoever opens them is on record first
(D15, AUTH-12)."""

from typing import Any
from uuid import UUID

from api.deps import Services
from api.errors import problem
from api.routes.access import see_case
from api.tokens import User
from api.viewing import purpose_of
from definitions.errors import ErrorType
from runtime.keyring import SealBroken
from runtime.people import open_message
from storage.models import CaseEvidence, Person
from storage.repositories.viewing import note_view


async def open_words(services: Services, user: User, case_id: UUID, evidence_id: UUID) -> dict[str, Any]:
    """Raises a problem when there are no such words, or the person was erased and nobody can read them any more."""
    now = await services.clock.now()
    async with services.write(user) as session:
        case = await see_case(session, services, user, case_id)
        kept = await session.get(CaseEvidence, evidence_id)
        if kept is None or kept.authorization_id != case.id:
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: evidence {evidence_id}")
        person = await session.get_one(Person, kept.person_id)
        if person.wrapped_key is None:
            raise problem(ErrorType.NOT_FOUND, "this person was erased; the words can no longer be opened")
        await note_view(
            session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role), page="evidence",
            people=[person.id], filters={"authorization": str(case.id), "evidence": str(kept.id)},
        )  # fmt: skip
        try:
            words = open_message(services.keyring, person.id, person.wrapped_key, kept.sealed)
        except SealBroken:
            raise problem(ErrorType.NOT_FOUND, "the key of these words is gone; they cannot be opened") from None
        return {
            "id": kept.id, "authorization_id": case.id, "kind": kept.kind, "at": kept.at,
            "recorded_by": kept.recorded_by, "words": words,
        }  # fmt: skip
