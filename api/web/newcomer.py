"""Starting an episode from a form or from a FHIR bundle, and the list of episodes."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.bodies import StartEpisodeBody
from api.deps import Services
from api.errors import Problem, problem, where
from api.referrals import read_bundle, start_episode
from api.tokens import User
from api.web.forms import Form, outcome_of, read_form, refusal_of
from api.web.names import names_of
from api.web.places import facilities_of, facility_of
from api.web.rendering import Kept, PageRoute, see_other
from api.web.rights import must
from api.web.visit import Visit, Visiting
from definitions.errors import ErrorType
from definitions.identity import NotSameReason, Settled
from definitions.person import PersonDetails
from definitions.referral import CoverageDetails, Referral, ReferralDiagnosis
from definitions.vocabulary import Phase
from runtime.people import search_tokens
from storage.reads.episodes import episode_list
from storage.repositories.person import people_with

router = APIRouter(route_class=PageRoute, include_in_schema=False)
BUNDLE_MOST = 1_000_000
PAGE = 60


@router.post("/episodes")
async def listed(visit: Visiting) -> Response:
    """A search: by POST, so that what was searched for stands in no address and no log."""
    form = await read_form(visit.request)
    return await _list(visit, form.text("q")[:80], form.text("phase"))


@router.get("/episodes")
async def all_episodes(visit: Visiting, phase: str = "") -> Response:
    return await _list(visit, "", phase)


async def _list(visit: Visit, q: str, phase: str) -> Response:
    must(visit.user, "see")
    held, user = visit.held, visit.user
    wanted = phase if phase in set(Phase) else None
    async with held.read(user) as session:
        people = await people_with(session, search_tokens(held.keyring, q)) if q else None
        rows = await episode_list(session, visit.mine, phase=wanted, people=people, limit=PAGE)
    names = await names_of(
        visit, (r.person_id for r in rows), "episodes", facilities=list(visit.mine), phase=wanted, searched=bool(q)
    )
    return visit.page("episodes.html",  rows=rows, names=names, q=q, phase=phase, phases=list(Phase), most=PAGE,
        zones={f.key: f.zone for f in facilities_of(user, held)},
        places={f.key: f.name for f in facilities_of(user, held)}, levels=held.catalog.latest.levels,
    )  # fmt: skip


@router.get("/episodes/new")
async def new(visit: Visiting) -> Response:
    return await _form(visit, {}, {})


async def _form(visit: Visit, refused: dict[str, Any], typed: dict[str, str]) -> Response:
    """Beside a refusal stand the people on record who look alike, with their names: somebody has to compare."""
    must(visit.user, "start")
    alike = [{**c, "person_id": UUID(c["person_id"])} for c in refused.get("candidates", [])]
    names = await names_of(visit, (c["person_id"] for c in alike), "episodes/new", compared=True)
    facilities = facilities_of(visit.user, visit.held)
    edition = visit.held.catalog.latest
    payers = sorted({p for f in facilities for p in f.payers})
    return visit.page(
        "new.html",
        refused.get("status", 200),
        facilities=facilities,
        levels=edition.levels,
        refused=refused,
        typed=Kept(typed),
        alike=alike,
        names=names,
        not_same=list(NotSameReason),
        payers=[edition.payers[p] for p in payers if p in edition.payers],
    )


@router.post("/episodes/new")
async def start(visit: Visiting) -> Response:
    must(visit.user, "start")
    held, user = visit.held, visit.user
    form = await read_form(visit.request)
    how = "bundle" if form.text("how") == "bundle" else "fields"
    try:
        referral = await _from_bundle(held, user, form) if how == "bundle" else await _from_fields(held, form)
        kind = "import_episode" if how == "bundle" else "open_episode"
        result = await start_episode(held, user, form.key, referral, kind, settled=_settled(form))
    except Problem as error:
        return await _form(visit, {"act": how, **outcome_of(error)}, form.typed)
    if result.refused:
        return await _form(visit, {"act": how, **refusal_of(result)}, form.typed)
    episode_id = result.body.get("episode_id")
    return see_other(f"/episodes/{UUID(str(episode_id))}" if episode_id else "/episodes")


def _settled(form: Form) -> Settled:
    """The choice beside people who look alike: one of them, or none of them and why."""
    try:
        others = tuple(sorted(UUID(i) for i in form.many("alike")))
        if form.text("who") == "new" and others:
            return Settled(not_duplicates_of=others, reason=NotSameReason(form.text("not_same")))
        return Settled(existing_person=UUID(form.text("who"))) if form.text("who") not in ("", "new") else Settled()
    except ValueError:
        raise problem(ErrorType.INVALID_REQUEST, "say which person it is, or why it is none of them") from None


async def _from_fields(held: Services, form: Form) -> Referral:
    """Checked by the same closed body as the API's; the error names the field, never its value."""
    sent: dict[str, Any] = {
        "facility": form.needed("facility", "The facility"),
        "requested_level": form.needed("requested_level", "The level"),
        "source": form.needed("source", "The source"),
        "patient": {
            "family": form.needed("family", "The family name"),
            "given": form.needed("given", "The given name").split(),
            "birth_date": form.needed("birth_date", "The birth date"),
            "gender": form.text("gender") or "U",
            **{n: form.maybe(n) for n in ("preferred_name", "street", "city", "state", "postal_code", "telephone")},
        },
        "coverages": [{"payer": form.needed("payer", "The payer"), "member_id": form.text("member_id")}],
        "diagnoses": [{"code": c} for c in form.needed("diagnoses", "The diagnosis").upper().replace(",", " ").split()],
    }
    try:
        body = StartEpisodeBody.model_validate(sent)
    except ValidationError as error:
        path = where(error.errors())[0]["path"].split(".")
        name = next((part for part in reversed(path) if not part.isdigit()), "a field").replace("_", " ")
        raise problem(ErrorType.INVALID_REQUEST, f"{name}: this cannot be read; check how it is written") from None
    if body.patient.birth_date > (await held.clock.now()).date():
        raise problem(ErrorType.INVALID_REQUEST, "the birth date lies in the future; check the year")
    return Referral(
        facility=body.facility,
        requested_level=body.requested_level,
        source=body.source,
        person=PersonDetails(**body.patient.model_dump()),
        coverages=tuple(CoverageDetails(**c.model_dump()) for c in body.coverages),
        diagnoses=tuple(
            ReferralDiagnosis(code=d.code.replace(".", ""), rank=i) for i, d in enumerate(body.diagnoses, start=1)
        ),
    )


async def _from_bundle(held: Services, user: User, form: Form) -> Referral:
    upload = form.uploads.get("bundle")
    raw = await upload.read(BUNDLE_MOST + 1) if upload is not None else b""
    if not raw:
        raise problem(ErrorType.IMPORT_INVALID, "choose a file: a FHIR R4 bundle as JSON")
    if len(raw) > BUNDLE_MOST:
        raise problem(ErrorType.IMPORT_INVALID, "the file is larger than one megabyte; send one patient per bundle")
    place = facility_of(user, held, form.maybe("facility"))
    read = await read_bundle(held, raw, facility=place.key, level=form.maybe("requested_level"))
    if isinstance(read, tuple):
        raise problem(ErrorType.IMPORT_INVALID, "; ".join(p.told for p in read[:5]))
    return read
