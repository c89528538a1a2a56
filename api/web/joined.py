"""Records that were joined, what was recorded since, and taking them apart again (E03)."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api import unmerging
from api.errors import Problem, problem
from api.identity_bodies import UnmergeBody
from api.web.alike import code_of
from api.web.forms import Form, outcome_of, read_form, refusal_of
from api.web.names import names_of
from api.web.rendering import PageRoute, see_other
from api.web.rights import must
from api.web.visit import Visit, Visiting
from definitions.errors import ErrorType
from definitions.identity import MergeReason

router = APIRouter(route_class=PageRoute, include_in_schema=False)
DONE: Final = {
    "joined": "The records are joined. What has to be looked at is owed on the episode where care goes on.",
    "apart": "The records stand apart again, each with what was its own.",
}


@router.get("/people/{person_id}/merges")
async def show(visit: Visiting, person_id: UUID, done: str = "") -> Response:
    return await _show(visit, person_id, done=done)


async def _show(visit: Visit, person_id: UUID, *, done: str = "", refused: dict[str, Any] | None = None) -> Response:
    must(visit.user, "join")
    now = await visit.held.clock.now()
    listed = await unmerging.merges_of(visit.held, visit.user, person_id)
    merges = [m for m in listed["items"] if m["survivor"] == str(person_id)]
    names = await names_of(visit, [person_id, *(UUID(m["merged"]) for m in merges)], "people/merges")
    return visit.page(
        "joined.html", (refused or {}).get("status", 200), person=person_id, merges=merges, version=listed["version"],
        merged_into=listed["merged_into"], names={str(i): n.name for i, n in names.items()}, now=now,
        zone=visit.zone, code_of=code_of,
        reasons=list(MergeReason), done=DONE.get(done, ""), refused=refused or {},
    )  # fmt: skip


@router.post("/people/{person_id}/unmerge")
async def take_apart(visit: Visiting, person_id: UUID) -> Response:
    """By who typed the code of the record that comes back."""
    must(visit.user, "join")
    form = await read_form(visit.request)
    try:
        result = await unmerging.take_apart(
            visit.held, visit.user, form.key, person_id, await _asked(visit, person_id, form)
        )
    except (ValidationError, ValueError):
        error = problem(ErrorType.INVALID_REQUEST, "choose how you know that they are two people")
        return await _again(visit, person_id, outcome_of(error), form)
    except Problem as error:
        return await _again(visit, person_id, outcome_of(error), form)
    if result.refused:
        return await _again(visit, person_id, refusal_of(result), form)
    return see_other(f"/people/{person_id}/merges?done=apart")


async def _asked(visit: Visit, person_id: UUID, form: Form) -> UnmergeBody:
    listed = await unmerging.merges_of(visit.held, visit.user, person_id)
    merge = form.identifier("merge")
    made = next((m for m in listed["items"] if m["id"] == str(merge)), None)
    if made is None:
        raise problem(ErrorType.STALE, "this was taken back already; look at what stands")
    if form.text("typed_code").lower() != code_of(made["merged"]):
        raise problem(
            ErrorType.INVALID_REQUEST, f"type the code of the record that comes back, {code_of(made['merged'])}, to confirm",
            field="typed_code",
        )  # fmt: skip
    return UnmergeBody(
        merge_id=merge, version=form.whole("version", "The version"), reason=MergeReason(form.text("reason")),
        gives_back=[UUID(i) for i in form.many("gives_back")],
    )  # fmt: skip


async def _again(visit: Visit, person_id: UUID, said: dict[str, Any], form: Form) -> Response:
    return await _show(visit, person_id, refused={"act": "apart", **said, "typed": form.typed})
