"""Commands to workflows: remembered before they are sent, answered once, looked up when they take long (D2)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from api.deps import Services
from api.errors import body_of, problem
from api.tokens import User
from definitions.authorization import AuthorizationStart
from definitions.episode import Command, EpisodeStart
from definitions.errors import ErrorType, Refusal, http_status
from definitions.ids import authorization_workflow, episode_workflow
from definitions.queues import CARE
from definitions.vocabulary import Role
from storage.repositories import command as memory

C = TypeVar("C", bound=Command)
Keep = Callable[[AsyncSession, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What the caller is told: a first answer, a refusal, or 202 with where to look."""

    status_code: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def refused(self) -> bool:
        return self.status_code >= 400


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command is about, found and visible to its caller: `name` and `id` stand in the remembered body, the
    episode's workflow takes the command."""

    name: str
    id: UUID
    episode_id: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, under which key: the frame of every command to an episode. A route adds only what differs."""

    held: Services
    user: User
    key: str

    async def run(
        self, kind: str, subject: Subject, body: BaseModel, command: type[C], update: str, *, ok_status: int = 200,
        **fields: Any,
    ) -> JSONResponse:  # fmt: skip
        """The body's own fields make the command; its `version` is the episode's, unless `fields` say otherwise."""
        said = {subject.name: str(subject.id), **body.model_dump(mode="json")}
        own = {
            "key": command_key(self.user, self.key), "actor": self.user.actor, "role": Role(self.user.role),
            "episode_id": subject.episode_id, "expected_version": getattr(body, "version", None),
            **body.model_dump(exclude={"version"}), **fields,
        }  # fmt: skip
        result = await run_command(
            self.held, self.user, self.key, kind, said, lambda now: command(**own, now=now), update, ok_status=ok_status
        )
        return respond(result)


def respond(result: CommandResult) -> JSONResponse:
    media = "application/problem+json" if result.refused else None
    return JSONResponse(result.body, result.status_code, result.headers, media_type=media)


def command_key(user: User, key: str) -> str:
    """Keys belong to their caller: two people's equal keys are different commands."""
    return f"{user.actor}:{key}"


async def accept(
    services: Services, session: AsyncSession, user: User, key: str, kind: str, body: dict[str, Any]
) -> memory.Remembered:
    """Remember the command with its business moment; a repeat with another body is refused."""
    body_hash = memory.body_fingerprint({"kind": kind, "body": body})
    now = await services.clock.now()
    stored = await memory.accept(
        session, key=command_key(user, key), kind=kind, body_hash=body_hash, actor=user.actor, now=now
    )
    if stored.body_hash != body_hash:
        raise problem(
            ErrorType.IDEMPOTENCY_KEY_REUSED, "this Idempotency-Key was used for another command; use a new key"
        )
    return stored


def answered(stored: memory.Remembered, ok_status: int = 200) -> CommandResult | None:
    """The first answer, if there is one."""
    if stored.status == memory.ACCEPTED or stored.answer is None:
        return None
    if stored.status == memory.REFUSED:
        refusal = Refusal.model_validate(stored.answer)
        status = http_status(refusal.code)
        return CommandResult(status, body_of(refusal, status), {})
    return CommandResult(ok_status, stored.answer, {})


async def run_command(
    services: Services,
    user: User,
    key: str,
    kind: str,
    body: dict[str, Any],
    build: Callable[[datetime], C],
    update: str,
    *,
    ok_status: int = 200,
) -> CommandResult:
    """Run update `update` of the episode's workflow with the command `build(now)` makes. The workflow is started
    from its rows when it is not running (D13)."""

    def prepare(now: datetime) -> Prepared:
        command = build(now)
        episode_id = command.episode_id
        start = EpisodeStart(episode_id=episode_id, drive=services.settings.drive, rehydrate=kind != "open_episode")
        return Prepared("EpisodeWorkflow", episode_workflow(episode_id), start, command)

    return await _sent_once(services, user, key, kind, body, prepare, update, ok_status)


async def run_case_command(
    services: Services, user: User, key: str, kind: str, body: dict[str, Any], case_id: Any,
    build: Callable[[datetime], BaseModel], update: str,
    keep: Keep | None = None,
) -> CommandResult:  # fmt: skip
    """The same for an authorization case. `keep` writes what must not travel, in the transaction that accepts."""

    def prepare(now: datetime) -> Prepared:
        start = AuthorizationStart(authorization_id=case_id, drive=services.settings.drive, at=now)
        return Prepared("AuthorizationWorkflow", authorization_workflow(case_id), start, build(now))

    return await _sent_once(services, user, key, kind, body, prepare, update, 200, keep)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command with the workflow it goes to, and what starts that when it is not running."""

    workflow: str
    workflow_id: str
    start: BaseModel
    command: BaseModel


async def _sent_once(
    services: Services, user: User, key: str, kind: str, body: dict[str, Any],
    prepare: Callable[[datetime], Prepared], update: str, ok_status: int, keep: Keep | None = None,
) -> CommandResult:  # fmt: skip
    """Remember the command, give its first answer if there is one, else send it under its own key (D2)."""
    async with services.write(user) as session:
        stored = await accept(services, session, user, key, kind, body)
        if keep is not None and stored.status == memory.ACCEPTED:
            await keep(session, stored.accepted_at)
    first = answered(stored, ok_status)
    if first is not None:
        return first
    made = prepare(stored.accepted_at)

    async def send() -> dict[str, Any]:
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            made.workflow,
            made.start,
            id=made.workflow_id,
            task_queue=CARE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )
        answer: dict[str, Any] = await services.client.execute_update_with_start_workflow(
            update, made.command, id=stored.key, start_workflow_operation=operation
        )
        return answer

    return await settle(services, user, stored, send, ok_status)


async def settle(
    services: Services,
    user: User,
    stored: memory.Remembered,
    send: Callable[[], Awaitable[dict[str, Any]]],
    ok_status: int,
) -> CommandResult:
    """Wait a little for the answer. A refusal is the answer; patience running out is a 202, never a bare time-out."""
    try:
        async with asyncio.timeout(services.settings.update_wait_seconds):
            body = await send()
    except WorkflowUpdateFailedError as error:
        return await _refused(services, user, stored, error)
    except (TimeoutError, RPCError, RPCTimeoutOrCancelledError, WorkflowUpdateRPCTimeoutOrCancelledError, RuntimeError):
        return await look_up(services, user, stored.key, ok_status)
    return CommandResult(ok_status, body, {})


async def _refused(
    services: Services, user: User, stored: memory.Remembered, error: WorkflowUpdateFailedError
) -> CommandResult:
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type not in {t.value for t in ErrorType}:
        raise error
    refusal = Refusal(code=ErrorType(cause.type), detail=cause.message)
    if cause.details:
        refusal = Refusal.model_validate(cause.details[0])
    async with services.write(user) as session:
        await memory.finish(
            session, key=stored.key, kind=stored.kind, actor=stored.actor, now=stored.accepted_at,
            status=memory.REFUSED, answer=refusal.model_dump(mode="json"),
        )  # fmt: skip
    status = http_status(refusal.code)
    return CommandResult(status, body_of(refusal, status), {})


async def look_up(services: Services, user: User, key: str, ok_status: int = 200) -> CommandResult:
    """The command as it stands: answered, or accepted and still under way."""
    async with services.read(user) as session:
        stored = await memory.recall(session, key)
    if stored is None:
        raise problem(ErrorType.NOT_FOUND, "no such command")
    done = answered(stored, ok_status)
    if done is not None:
        return done
    name = key.split(":", 2)[-1]
    return CommandResult(
        202,
        {
            "key": name,
            "status": "accepted",
            "accepted_at": stored.accepted_at.isoformat(),
            "look_up": f"/v1/commands/{name}",
        },
        {"Location": f"/v1/commands/{name}", "Retry-After": "2"},
    )
