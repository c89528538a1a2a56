"""What other systems send as FHIR R4 resources by themselves; referral bundles come to /v1/episodes/import."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api import documents
from api.auth import must_see, require, scope
from api.commands import respond
from api.deps import EVERYWHERE, Key, Services, Wired
from api.documents import Filing, Sent, read_body
from api.errors import PROBLEMS, problem
from api.retention import see_person
from api.tokens import User
from definitions.document import ArrivedDocument, DocumentSource, DocumentType
from definitions.errors import ErrorType
from definitions.referral import ImportProblem
from definitions.vocabulary import OPEN_PHASES, Role
from interchange.fhir.document_reference import RESOURCE_BYTES, read_document_reference
from rules.documents import content_problem
from storage.models import AppUser, Episode, Stay
from storage.repositories.document import Service
from storage.repositories.user import SSO

router = APIRouter(prefix="/fhir", tags=["documents"])
CareStaff = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS))]
RESOURCE = {"requestBody": {"required": True, "content": {"application/fhir+json": {"schema": {"type": "object"}}}}}


@router.post("/DocumentReference", status_code=201, responses=PROBLEMS, openapi_extra=RESOURCE)
async def receive(request: Request, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    """One document with its bytes as data or in a contained Binary. Patient, EpisodeOfCare and Encounter are named by our
    ids, an author by `urn:stepdown:user`; without one who sends it is the author. It is unsigned until its author signs."""
    found = read_document_reference(await read_body(request, RESOURCE_BYTES))
    if not isinstance(found, ArrivedDocument):
        raise _invalid(found)
    refusal = content_problem(found.content_type, found.body)
    if refusal is not None:
        raise problem(refusal.code, refusal.detail)
    async with held.read(user) as session:
        episode_id, stay_id = await _about(session, held, user, found)
        author = await _author(session, held, user, found)
    filing = Filing(found.kind, Service(found.service_date, stay_id), author=author)
    kind = found.content_type.split(";", 1)[0].strip().lower()
    return respond(
        await documents.file_new(held, user, key, episode_id, filing, Sent(found.body, kind, DocumentSource.FHIR))
    )


def _invalid(problems: tuple[ImportProblem, ...]) -> Exception:
    return problem(ErrorType.IMPORT_INVALID, problems[0].told, problems=[p.model_dump() for p in problems])


async def _about(session: AsyncSession, held: Services, user: User, found: ArrivedDocument) -> tuple[UUID, UUID | None]:
    """The episode that is named, or the patient's open one, or else their newest; a patient or an episode of another
    house is as unknown as one that never was."""
    person = await see_person(session, held, user, _id(found.person, f"patient {found.person[:64]}"))
    stay_id = _id(found.stay, "that stay") if found.stay is not None else None
    stay = await session.get(Stay, stay_id) if stay_id is not None else None
    if stay_id is not None:
        must_see(user, held, stay.facility if stay and stay.person_id == person.id else None, f"stay {stay_id}")
    wanted = _id(found.episode, "that episode") if found.episode is not None else stay.episode_id if stay else None
    if wanted is not None:
        row = await session.get(Episode, wanted)
        must_see(user, held, row.facility if row and row.person_id == person.id else None, f"episode {wanted}")
        return wanted, stay_id
    rows = await session.execute(
        select(Episode.id)
        .where(Episode.person_id == person.id, Episode.facility.in_(scope(user, held)))
        .order_by(Episode.phase.in_(OPEN_PHASES).desc(), Episode.opened_at.desc())
        .limit(1)
    )
    return rows.scalar_one(), stay_id


def _id(text: str, what: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: {what}") from None


async def _author(session: AsyncSession, held: Services, user: User, found: ArrivedDocument) -> str | None:
    """A colleague's document waits for their signature; a counselling note comes from its author and nobody else."""
    if found.author in (None, user.username):
        return None
    names = (found.author, f"{SSO}{found.author}")
    rows = (await session.execute(select(AppUser).where(AppUser.username.in_(names)))).scalars().all()
    seen = [
        r for r in rows if not r.disabled and (EVERYWHERE in r.facilities or set(r.facilities) & set(scope(user, held)))
    ]
    if len(seen) != 1:
        unknown = ImportProblem(
            path="DocumentReference.author", code="unknown_author", detail="nobody of that name here"
        )
        raise _invalid((unknown,))
    if found.kind is DocumentType.COUNSELLING_NOTE:
        raise problem(ErrorType.FORBIDDEN, "a counselling note is filed by the clinician who wrote it and nobody else")
    return f"{seen[0].role}:{found.author}"
