"""Finding rows the caller may see; anything else is unknown."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see
from api.commands import Subject
from api.deps import Services
from api.tokens import User
from storage.models import Alert, Authorization, Consent, Episode, OpenItem, Transition


def about(row: Any) -> tuple[UUID | None, ...]:
    """Whom a row is about: its person and its episode, by whichever it names."""
    if row is None:
        return ()
    if isinstance(row, Episode):
        return (row.id, row.person_id)
    return (getattr(row, "episode_id", None), getattr(row, "person_id", None))


async def see_episode(session: AsyncSession, services: Services, user: User, episode_id: UUID) -> Episode:
    episode = await session.get(Episode, episode_id)
    must_see(user, services, episode.facility if episode else None, f"episode {episode_id}", *about(episode))
    assert episode is not None
    return episode


async def see_transition(session: AsyncSession, services: Services, user: User, transition_id: UUID) -> Transition:
    row = await session.get(Transition, transition_id)
    must_see(user, services, row.facility if row else None, f"transition {transition_id}", *about(row))
    assert row is not None
    return row


async def see_case(session: AsyncSession, services: Services, user: User, case_id: UUID) -> Authorization:
    row = await session.get(Authorization, case_id)
    must_see(user, services, row.facility if row else None, f"authorization {case_id}", *about(row))
    assert row is not None
    return row


async def see_item(session: AsyncSession, services: Services, user: User, item_id: UUID) -> OpenItem:
    row = await session.get(OpenItem, item_id)
    must_see(user, services, row.facility if row else None, f"item {item_id}", *about(row))
    assert row is not None
    return row


async def see_alert(session: AsyncSession, services: Services, user: User, alert_id: UUID) -> tuple[Alert, Episode]:
    """Hidden and unknown are told in the same words: those of an episode would say that there is one."""
    found = (
        await session.execute(
            select(Alert, Episode).join(Episode, Episode.id == Alert.episode_id).where(Alert.id == alert_id)
        )
    ).first()
    must_see(user, services, found[1].facility if found else None, f"alert {alert_id}", *about(found and found[1]))
    assert found is not None
    return found[0], found[1]


async def see_consent(
    session: AsyncSession, services: Services, user: User, consent_id: UUID
) -> tuple[Consent, Episode]:
    found = (
        await session.execute(
            select(Consent, Episode).join(Episode, Episode.id == Consent.episode_id).where(Consent.id == consent_id)
        )
    ).first()
    must_see(user, services, found[1].facility if found else None, f"consent {consent_id}", *about(found and found[1]))
    assert found is not None
    return found[0], found[1]


async def about_episode(services: Services, user: User, episode_id: UUID) -> Subject:
    async with services.read(user) as session:
        await see_episode(session, services, user, episode_id)
    return Subject("episode", episode_id, episode_id)


async def about_transition(services: Services, user: User, transition_id: UUID) -> Subject:
    async with services.read(user) as session:
        row = await see_transition(session, services, user, transition_id)
    return Subject("transition", transition_id, row.episode_id)


async def about_consent(services: Services, user: User, consent_id: UUID) -> Subject:
    async with services.read(user) as session:
        _, episode = await see_consent(session, services, user, consent_id)
    return Subject("consent", consent_id, episode.id)


async def about_item(services: Services, user: User, item_id: UUID) -> Subject:
    async with services.read(user) as session:
        item = await see_item(session, services, user, item_id)
    return Subject("item", item_id, item.episode_id)
