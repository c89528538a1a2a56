"""Who may sign for a patient: put on record with the document that gives the authority (2.14, 2.15)."""

from typing import Literal
from uuid import UUID

from pydantic import model_validator

from api.bodies import AuthorityEndBody, Body, Day, Short
from api.commands import CommandResult, accept, answered
from api.consents import opened
from api.deps import Services
from api.routes.access import see_episode
from api.tokens import User
from definitions.ids import derived
from runtime.people import seal_guardian
from storage.repositories import command as memory
from storage.repositories import guardian as guardians
from storage.repositories import timeline

Relationship = Literal["parent", "legal_guardian", "agency", "power_of_attorney", "personal_representative"]


class GuardianBody(Body):
    """`document`: the id of the document of authority, as the house files it. Both dates are the facility's, and included."""

    family: Short
    given: Short
    relationship: Relationship
    document: Short
    from_date: Day
    until_date: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "GuardianBody":
        if self.until_date is not None and self.until_date < self.from_date:
            raise ValueError("the authority ends before it begins")
        return self


class GuardianEnd(AuthorityEndBody):
    """With whose authority it is: part of the command that a key stands for."""

    guardian_id: UUID


async def record_guardian(held: Services, user: User, key: str, episode_id: UUID, body: GuardianBody) -> CommandResult:
    """One transaction; the name is sealed, the answer and the timeline hold ids."""
    said = {"episode": str(episode_id), **body.model_dump(mode="json")}
    async with held.write(user) as session:
        episode = await see_episode(session, held, user, episode_id)
        stored = await accept(held, session, user, key, "record_guardian", said)
        first = answered(stored, 201)
        if first is not None:
            return first
        known = await opened(held, session, episode.person_id)
        wrapped, made = known.person.wrapped_key, derived(stored.key, "guardian")
        assert wrapped is not None
        await guardians.add_guardian(
            session, guardian_id=made, person_id=episode.person_id, relationship=body.relationship,
            document=body.document, from_date=body.from_date, until_date=body.until_date,
            sealed=seal_guardian(held.keyring, known.person.id, wrapped, made, f"{body.given} {body.family}"),
            now=stored.accepted_at, actor=user.actor,
        )  # fmt: skip
        await timeline.record(
            session, episode_id=episode.id, facility=episode.facility, at=stored.accepted_at,
            recorded_at=stored.accepted_at, kind="guardian_recorded", actor=user.actor, role=user.role,
            edition=episode.edition, detail={"guardian": str(made), "relationship": body.relationship},
            command_key=stored.key,
        )  # fmt: skip
        answer = {"id": str(made), "relationship": body.relationship, "document": body.document}
        await memory.finish(
            session, key=stored.key, kind="record_guardian", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=answer, subject_id=episode.id,
        )  # fmt: skip
    return CommandResult(201, answer, {})
