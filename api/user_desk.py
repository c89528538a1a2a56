"""What an administrator does to who may sign in: each change on record with what was before (45 CFR 164.308(a)(4))."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.tokens import OURS, User
from api.user_bodies import NewUserBody, SignInReasonBody, UserChangesBody, UserSignOutBody
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.models import AppUser, PayerClient
from storage.repositories import command as memory
from storage.repositories import timeline
from storage.repositories.payer_client import add_client
from storage.repositories.user import SSO, cut_off, end_sessions, ensure_user

SECRET_BYTES: Final = 32
Act = Callable[[AsyncSession, datetime], Awaitable[tuple[dict[str, Any], dict[str, Any]]]]
"""Answers what is told once, and what is remembered for a repeat of the key: secrets are told once."""


async def once(services: Services, user: User, key: str, kind: str, body: dict[str, Any], act: Act) -> CommandResult:
    """Run `act` once per key, in one transaction with its audit entry."""
    async with services.write(user) as session:
        stored = await accept(services, session, user, key, kind, body)
        first = answered(stored)
        if first is not None:
            return first
        told, kept = await act(session, stored.accepted_at)
        await memory.finish(
            session,
            key=stored.key,
            kind=kind,
            actor=user.actor,
            now=stored.accepted_at,
            status=memory.DONE,
            answer=kept,
        )
    return CommandResult(200, told, {})


def _noted(session: AsyncSession, user: User, now: datetime, action: str, subject: str, **detail: Any) -> None:
    timeline.audit(
        session, chain=timeline.PERMISSIONS, at=now, actor=user.actor, role=user.role, action=action, subject=subject,
        purpose="operations", detail=detail,
    )  # fmt: skip


def shown(row: AppUser) -> dict[str, Any]:
    return {
        "username": row.username, "role": row.role, "facilities": list(row.facilities), "disabled": row.disabled,
        "locked_until": row.locked_until,
    }  # fmt: skip


def _known_houses(services: Services, facilities: list[str]) -> None:
    unknown = sorted(set(facilities) - {"*", *services.catalog.latest.facilities})
    if unknown:
        raise problem(ErrorType.UNKNOWN_FACILITY, f"no such facility: {', '.join(unknown)}")


async def add_user(services: Services, user: User, key: str, body: NewUserBody) -> CommandResult:
    """A local user with a password that is told once. Refused where people come from an issuer."""
    if not services.settings.local_users:
        raise problem(ErrorType.INVALID_REQUEST, "people of this installation come from its identity provider")
    _known_houses(services, body.facilities)
    password = secrets.token_urlsafe(18)

    async def act(session: AsyncSession, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        if await session.get(AppUser, body.username) is not None:
            raise problem(ErrorType.STALE, "a user of that name is there already; change it, or choose another name")
        digest = await services.users.hashed(password)
        await ensure_user(
            session, username=body.username, role=body.role.value, facilities=body.facilities, password_hash=digest
        )
        _noted(session, user, now, "user_added", f"user/{body.username}", role=body.role.value, at=body.facilities)
        made = {"username": body.username, "role": body.role.value, "facilities": body.facilities}
        return {**made, "password": password}, made

    return await once(services, user, key, "add_user", body.model_dump(mode="json"), act)


async def change_user(services: Services, user: User, key: str, username: str, body: UserChangesBody) -> CommandResult:
    """Other rights from now on: whoever lost one is signed out and their tokens count no more."""
    _known_houses(services, body.facilities or [])

    async def act(session: AsyncSession, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        row = await _row(session, username)
        before = shown(row) | {"locked_until": None}
        row.role = body.role.value if body.role is not None else row.role
        row.facilities = body.facilities if body.facilities is not None else row.facilities
        row.disabled = body.disabled if body.disabled is not None else row.disabled
        await session.flush()
        await _somebody_administers(session)
        after = shown(row) | {"locked_until": None}
        changed = {n: [before[n], after[n]] for n in after if after[n] != before[n]}
        if changed:
            await _taken_back(session, OURS, username, user, body.reason.value)
        _noted(session, user, now, "user_changed", f"user/{username}", changed=changed, reason=body.reason.value)
        return after, after

    made = await once(services, user, key, "change_user", {"user": username, **body.model_dump(mode="json")}, act)
    services.standing.forget(OURS, username)
    return made


async def new_password(
    services: Services, user: User, key: str, username: str, body: SignInReasonBody
) -> CommandResult:
    """A password that is told once; everything the old one opened is closed."""
    password = secrets.token_urlsafe(18)

    async def act(session: AsyncSession, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        row = await _row(session, username)
        row.password_hash = await services.users.hashed(password)
        row.failures, row.failed_at, row.locked_until = 0, None, None
        await _taken_back(session, OURS, username, user, body.reason.value)
        _noted(session, user, now, "password_reset", f"user/{username}", reason=body.reason.value)
        return {"username": username, "password": password}, {"username": username}

    made = await once(services, user, key, "new_password", {"user": username, **body.model_dump(mode="json")}, act)
    services.standing.forget(OURS, username)
    return made


async def sign_out_everywhere(
    services: Services, user: User, key: str, username: str, body: UserSignOutBody
) -> CommandResult:
    """Browsers are signed out and tokens made until now count no more; of an issuer's user too."""
    issuer = OURS if services.issuer is None or body.local else services.issuer.issuer
    if body.machine:
        issuer = f"{OURS}:{Role.PAYER.value}"

    async def act(session: AsyncSession, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        # Of an issuer's people we know nobody but by their tokens; a name that is nobody's here is not written down.
        if issuer == OURS:
            await _row(session, username)
        elif body.machine and username not in services.catalog.latest.payers:
            raise problem(ErrorType.NOT_FOUND, "no such user")
        ended = await _taken_back(session, issuer, username, user, body.reason.value)
        _noted(
            session, user, now, "signed_out_everywhere", f"user/{username}", reason=body.reason.value, browsers=ended
        )
        said = {"username": username, "browsers": ended}
        return said, said

    made = await once(services, user, key, "sign_out", {"user": username, **body.model_dump(mode="json")}, act)
    services.standing.forget(issuer.removesuffix(f":{Role.PAYER.value}"), username)
    return made


async def add_payer_client(
    services: Services, user: User, key: str, payer: str, body: SignInReasonBody
) -> CommandResult:
    """One more machine of a payer, with a secret that is told once: let it move over, then end the old one."""
    if payer not in services.catalog.latest.payers:
        raise problem(ErrorType.NOT_FOUND, "no such payer")
    client_id, secret = f"payer-{payer}-{secrets.token_hex(4)}", secrets.token_urlsafe(SECRET_BYTES)

    async def act(session: AsyncSession, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        await add_client(session, client_id=client_id, payer=payer, secret=secret, now=now, by=user.actor)
        _noted(
            session, user, now, "payer_client_added", f"payer_client/{client_id}", payer=payer, reason=body.reason.value
        )
        return {"client_id": client_id, "client_secret": secret}, {"client_id": client_id}

    return await once(services, user, key, "add_payer_client", {"payer": payer, "reason": body.reason.value}, act)


async def end_payer_client(
    services: Services, user: User, key: str, payer: str, client_id: str, body: SignInReasonBody
) -> CommandResult:
    """The machine gets no more tokens. Those it has live eight hours at most: sign the payer out to end them now."""

    async def act(session: AsyncSession, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        row = await session.get(PayerClient, client_id)
        if row is None or row.payer != payer:
            raise problem(ErrorType.NOT_FOUND, "no such machine of this payer")
        row.ended_at, row.ended_by = row.ended_at or now, row.ended_by or user.actor
        _noted(
            session, user, now, "payer_client_ended", f"payer_client/{client_id}", payer=payer, reason=body.reason.value
        )
        said = {"client_id": client_id, "ended_at": row.ended_at.isoformat()}
        return said, said

    body_said = {"client": client_id, **body.model_dump(mode="json")}
    return await once(services, user, key, "end_payer_client", body_said, act)


async def _row(session: AsyncSession, username: str) -> AppUser:
    found = await session.execute(select(AppUser).where(AppUser.username == username).with_for_update())
    row = found.scalar_one_or_none()
    if row is None:
        raise problem(ErrorType.NOT_FOUND, "no such user")
    return row


async def _somebody_administers(session: AsyncSession) -> None:
    left = await session.execute(
        select(func.count()).select_from(AppUser).where(AppUser.role == Role.ADMIN.value, AppUser.disabled.is_(False))
    )
    if not left.scalar_one():
        raise problem(ErrorType.STALE, "nobody would administer this house any more; make another administrator first")


async def _taken_back(session: AsyncSession, issuer: str, username: str, user: User, reason: str) -> int:
    """By the wall's clock: tokens bear it, also where business time is driven."""
    wall = datetime.now(UTC)
    await cut_off(session, issuer=issuer, username=username, before=wall, by=user.actor, reason=reason)
    row = username if issuer == OURS else f"{SSO}{username}"
    return await end_sessions(session, row, wall)
