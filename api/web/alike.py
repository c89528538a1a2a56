"""Records that may be one person: the list with why they look alike, and two of them side by side, told apart or joined (E02,
E03, E13)."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api import identity, merging
from api.commands import CommandResult
from api.errors import Problem, problem
from api.identity_bodies import MergeBody
from api.web.forms import Form, outcome_of, read_form, refusal_of
from api.web.names import details_of, names_of
from api.web.rendering import PageRoute, see_other
from api.web.rights import may, must
from api.web.visit import Visit, Visiting
from definitions.errors import ErrorType
from definitions.identity import MergeReason, NotSameReason, PairStatus
from definitions.person import PersonDetails
from definitions.vocabulary import OPEN_PHASES
from storage.models import PersonPair
from storage.reads.identity import EpisodeOf, episodes_of, joined_lately, pair_of, proposed_pairs

router = APIRouter(route_class=PageRoute, include_in_schema=False)
MOST: Final = 50
LATELY: Final = 20
CODE: Final = 6
DONE: Final = {
    "looked": "Looked through everybody on record.",
    "more": "Looked through many records; look again for the rest.",
    "apart": "Recorded: these are two people. Nobody is asked about them again.",
}
MOVES: Final = {
    ("episode", "moved"): "episodes follow",
    ("stay", "moved"): "stays follow",
    ("stay", "kept"): "stays at the same time as another: counted once, and owed to somebody to correct",
    ("charge", "moved"): "charged days follow",
    ("charge", "voided"): "charged days are void: the same day is billed under the record that stands",
    ("coverage", "moved"): "coverages follow",
    ("coverage", "reranked"): "coverages take the next place: the biller says who pays first",
    ("consent", "moved"): "consents follow",
    ("consent", "superseded"): "signatures cover nothing more: the form was revoked since under the other record",
    ("access", "held"): "lines of who may not see the person hold for both",
}
"""What a merge does, as a reader is told before it."""


def code_of(person: UUID | str) -> str:
    """What a record is called on these pages, and what is typed to act on it: never on the wrong row."""
    return str(person)[:CODE]


@dataclass(frozen=True, slots=True)
class Line:
    """One field of both records. `same` None: neither says anything."""

    label: str
    one: str
    other: str

    @property
    def same(self) -> bool | None:
        if not self.one and not self.other:
            return None
        return self.one.casefold() == self.other.casefold()


@router.get("/people/duplicates")
async def listed(visit: Visiting, done: str = "") -> Response:
    return await _list(visit, done=done)


async def _list(visit: Visit, *, done: str = "", refused: dict[str, Any] | None = None) -> Response:
    must(visit.user, "tell_apart")
    now, joins = await visit.held.clock.now(), may(visit.user, "join")
    async with visit.held.read(visit.user) as session:
        rows = await proposed_pairs(session, visit.mine, after=None, limit=MOST + 1)
        lately = await joined_lately(session, visit.mine, LATELY) if joins else []
        people = {i for r in rows[:MOST] for i in (r.one_id, r.other_id)}
        episodes = await episodes_of(session, sorted(people), visit.mine)
    standing = {m.survivor_id for m in lately}
    names = await names_of(visit, people | standing, "people/duplicates")
    return visit.page(
        "alike.html", (refused or {}).get("status", 200), pairs=rows[:MOST], more=len(rows) > MOST, names=names,
        episodes=episodes, lately=lately, joins=joins, now=now, zone=visit.zone, done=DONE.get(done, ""),
        code_of=code_of, places=visit.places, refused=refused or {},
    )  # fmt: skip


@router.post("/people/duplicates")
async def look(visit: Visiting) -> Response:
    must(visit.user, "tell_apart")
    form = await read_form(visit.request)
    result = await identity.look_for_pairs(visit.held, visit.user, form.key)
    return see_other(f"/people/duplicates?done={'more' if result.body.get('more') else 'looked'}")


@router.get("/people/duplicates/{pair_id}")
async def compare(visit: Visiting, pair_id: UUID, stands: UUID | None = None) -> Response:
    return await _compare(visit, pair_id, stands)


async def _compare(
    visit: Visit, pair_id: UUID, stands: UUID | None, *, refused: dict[str, Any] | None = None
) -> Response:
    must(visit.user, "tell_apart")
    now = await visit.held.clock.now()
    async with visit.held.read(visit.user) as session:
        pair = await pair_of(session, pair_id, visit.mine)
        if pair is None:
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: pair {pair_id}")
        episodes = await episodes_of(session, [pair.one_id, pair.other_id], visit.mine)
    known = await details_of(visit, [pair.one_id, pair.other_id], "people/compare", pair=str(pair_id))
    survivor = stands if stands in (pair.one_id, pair.other_id) else _first(pair, episodes)
    merged = pair.other_id if survivor == pair.one_id else pair.one_id
    shown, refusal = await _shown(visit, pair, survivor, merged)
    return visit.page(
        "compare.html", (refused or {}).get("status", 200), pair=pair, known=known, episodes=episodes, now=now,
        lines=_lines(known.get(pair.one_id), known.get(pair.other_id)), survivor=survivor, merged=merged, shown=shown,
        cannot=refusal, zone=visit.zone, code_of=code_of, not_same=list(NotSameReason), reasons=list(MergeReason),
        refused=refused or {}, places=visit.places, waits=pair.status is PairStatus.PROPOSED, joins=may(visit.user, "join"),
        ending=_ending(shown, episodes), moves=_moves(shown),
    )  # fmt: skip


def _first(pair: PersonPair, episodes: dict[UUID, list[EpisodeOf]]) -> UUID:
    """Where care goes on stands, as long as nobody says otherwise."""
    runs = {i: any(e.phase in OPEN_PHASES for e in episodes[i]) for i in (pair.one_id, pair.other_id)}
    return pair.other_id if runs[pair.other_id] and not runs[pair.one_id] else pair.one_id


async def _shown(
    visit: Visit, pair: PersonPair, survivor: UUID, merged: UUID
) -> tuple[dict[str, Any] | None, str | None]:
    """What joining would do, or why it cannot be done now."""
    if not may(visit.user, "join") or pair.status is not PairStatus.PROPOSED:
        return None, None
    try:
        return await merging.preview(visit.held, visit.user, survivor, merged), None
    except Problem as refused:
        return None, refused.refusal.detail


def _moves(shown: dict[str, Any] | None) -> list[tuple[int, str]]:
    """Counts with what happens; acts without words of their own are told by their codes."""
    found = shown["moves"] if shown else []
    return [(m["count"], MOVES.get((m["kind"], m["act"]), f"{m['kind']}: {m['act']}")) for m in found]


def _ending(shown: dict[str, Any] | None, episodes: dict[UUID, list[EpisodeOf]]) -> list[EpisodeOf]:
    """The running episodes of which one has to end."""
    wanted = set(shown["must_end_one_of"]) if shown else set()
    return [e for of in episodes.values() for e in of if str(e.id) in wanted]


def _lines(one: PersonDetails | None, other: PersonDetails | None) -> list[Line]:
    if one is None or other is None:
        return []
    fields: list[tuple[str, str, str]] = [
        ("Family name", one.family, other.family),
        ("Given names", " ".join(one.given), " ".join(other.given)),
        ("Called", one.preferred_name or "", other.preferred_name or ""),
        ("Born", one.birth_date.isoformat(), other.birth_date.isoformat()),
        ("Gender on the payer's record", one.gender, other.gender),
        ("Member ids", _members(one), _members(other)),
        ("Telephone", one.telephone or "", other.telephone or ""),
        ("Street", one.street or "", other.street or ""),
        ("City", one.city or "", other.city or ""),
    ]
    return [Line(label, a, b) for label, a, b in fields if a or b]


def _members(details: PersonDetails) -> str:
    return ", ".join(sorted(set(details.member_ids.values())))


@router.post("/people/duplicates/{pair_id}/dismiss")
async def dismiss(visit: Visiting, pair_id: UUID) -> Response:
    must(visit.user, "tell_apart")
    form = await read_form(visit.request)
    try:
        reason = NotSameReason(form.needed("reason", "How you know"))
        result = await identity.dismiss(visit.held, visit.user, form.key, pair_id, reason)
    except ValueError:
        error = problem(ErrorType.INVALID_REQUEST, "choose how you know")
        return await _again(visit, pair_id, None, "dismiss", form, error)
    except Problem as error:
        return await _again(visit, pair_id, None, "dismiss", form, error)
    if result.refused:
        return await _refused(visit, pair_id, None, "dismiss", form, result)
    return see_other("/people/duplicates?done=apart")


@router.post("/people/duplicates/{pair_id}/join")
async def join(visit: Visiting, pair_id: UUID) -> Response:
    """By who typed the code of the record that is joined."""
    must(visit.user, "join")
    form = await read_form(visit.request)
    survivor = form.identifier("survivor")
    try:
        body = await _asked(visit, pair_id, survivor, form)
        result = await merging.join(visit.held, visit.user, form.key, survivor, body)
    except (ValidationError, ValueError):
        error = problem(ErrorType.INVALID_REQUEST, "choose how you know that they are one person")
        return await _again(visit, pair_id, survivor, "join", form, error)
    except Problem as error:
        return await _again(visit, pair_id, survivor, "join", form, error)
    if result.refused:
        return await _refused(visit, pair_id, survivor, "join", form, result)
    return see_other(f"/people/{survivor}/merges?done=joined")


async def _asked(visit: Visit, pair_id: UUID, survivor: UUID, form: Form) -> MergeBody:
    async with visit.held.read(visit.user) as session:
        pair = await pair_of(session, pair_id, visit.mine)
    if pair is None or survivor not in (pair.one_id, pair.other_id):
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: pair {pair_id}")
    merged = pair.other_id if survivor == pair.one_id else pair.one_id
    if form.text("typed_code").lower() != code_of(merged):
        raise problem(
            ErrorType.INVALID_REQUEST, f"type the code of the record that is joined, {code_of(merged)}, to confirm",
            field="typed_code",
        )  # fmt: skip
    ends = form.identifier("ends_episode") if form.text("ends_episode") else None
    return MergeBody(
        merged=merged, version=form.whole("version", "The version"), ends_episode=ends,
        merged_version=form.whole("merged_version", "The version"), reason=MergeReason(form.text("reason")),
    )  # fmt: skip


async def _again(
    visit: Visit, pair_id: UUID, stands: UUID | None, act: str, form: Form, error: Problem
) -> Response:  # fmt: skip
    return await _compare(visit, pair_id, stands, refused={"act": act, **outcome_of(error), "typed": form.typed})


async def _refused(
    visit: Visit, pair_id: UUID, stands: UUID | None, act: str, form: Form, result: CommandResult
) -> Response:  # fmt: skip
    return await _compare(visit, pair_id, stands, refused={"act": act, **refusal_of(result), "typed": form.typed})
