"""Cases that look at their rows again because something they rest on changed: a consent, an approved move."""

from sqlalchemy import exists, or_, select

from activities.hands import Writing
from definitions.ids import authorization_workflow
from definitions.vocabulary import AuthorizationStatus
from storage.models import Authorization, AuthorizationRequest
from storage.repositories.authorization import AT_REST
from storage.repositories.outbox import AUTHORIZATION_CHANGED, announce
from storage.repositories.person import same_person


async def tell_cases(writing: Writing, what: str) -> None:
    """Cases of the person that are open, or that have something waiting for consent, look again, in every episode: a
    consent belongs to the person (domain 3.5). `what` changed is part of the message's key."""
    waits = exists().where(
        AuthorizationRequest.authorization_id == Authorization.id,
        AuthorizationRequest.status == AuthorizationStatus.WAITING_CONSENT,
    )
    rows = await writing.session.execute(
        select(Authorization.id)
        .where(
            Authorization.person_id.in_(same_person(writing.episode.person_id)),
            or_(Authorization.status.not_in(AT_REST), waits),
        )
        .order_by(Authorization.id)
    )
    for (case_id,) in rows.all():
        await announce(
            writing.session,
            kind=AUTHORIZATION_CHANGED,
            target=authorization_workflow(case_id),
            payload={
                "key": f"{writing.key}:{what}:{case_id}",
                "authorization_id": str(case_id),
                "at": writing.now.isoformat(),
            },
            at=writing.now,
        )
