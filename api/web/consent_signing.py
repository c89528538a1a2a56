"""Signing on a page: the whole text as it will be kept, who signs it, and a button beside the name and birth date of whom it
is about (domain 3.2, 3.8; 42 CFR 2.31).

A word in the form binds it to the person, the text and the session it was shown in: a form that was made for somebody else,
or whose text is another one by now, signs nothing."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.commands import CommandResult, command_key, run_command
from api.consents import Opened, Presentation, form_of, guardian_names, opened, presentation_of, seen
from api.errors import Problem, problem
from api.routes.access import see_episode
from api.sessions import csrf_token
from api.web.consents import ACCEPTED, parties_of, who_acts
from api.web.forms import Form, outcome_of, read_form, refusal_of
from api.web.rendering import PageRoute, see_other
from api.web.rights import must
from api.web.visit import Visit, Visiting
from definitions.consent import ConsentForm, RecipientKind
from definitions.edition import Edition
from definitions.episode import SignConsent
from definitions.errors import ErrorType
from definitions.signing import Capacity, IdentityCheck, SignatureMethod, SigningParty
from definitions.vocabulary import CoverageKind, Role
from rules.authority import in_force
from rules.calendar import facility_date
from rules.consent_text import CONFIRMED, parts_of, what_changed, written_alike
from storage.models import Episode
from storage.repositories import guardian as guardians

router = APIRouter(route_class=PageRoute, include_in_schema=False)
RECIPIENTS_MAX: Final = 10
RECIPIENT_LENGTH: Final = 120
LANGUAGES: Final = {"en": "English", "es": "Español"}
CHECKS: Final = {
    IdentityCheck.TWO_IDENTIFIERS: "said their name and date of birth",
    IdentityCheck.PHOTO_ID: "showed photo identification",
    IdentityCheck.WRISTBAND: "wears the wristband",
    IdentityCheck.KNOWN: "is known to me",
}


@dataclass(frozen=True, slots=True)
class Table:
    """What lies on the table: whose episode, which form in which language, for whom, and who may sign it."""

    episode: Episode
    known: Opened
    made: Presentation | None
    """None: the form names its recipients, and nobody has said whom."""
    program: str | None
    recipients: tuple[str, ...]
    choices: list[tuple[str, str, SigningParty]]
    now: datetime

    def name_of(self, choice: str) -> str:
        return next((name for value, name, _ in self.choices if value == choice), "")


def bound(request: Request, table: Table, sha256: str, parts: str) -> str:
    """The word that ties a form to this session, person and text. Made anew from the record when the form comes back."""
    said = [
        str(table.episode.id), str(table.known.person.id), table.known.details.birth_date.isoformat(),
        table.program or "", list(table.recipients), sha256, parts,
    ]  # fmt: skip
    key = csrf_token(request).encode()
    return hmac.new(key, b"consent:" + json.dumps(said).encode(), hashlib.sha256).hexdigest()


async def lay_out(
    visit: Visit, episode_id: UUID, form: str, *, language: str, program: str | None, recipients: tuple[str, ...]
) -> Table:
    """Reads everything anew, on record. Raises a problem where there is nothing to show."""
    held, now = visit.held, await visit.held.clock.now()
    async with held.write(visit.user) as session:
        episode = await see_episode(session, held, visit.user, episode_id)
        await seen(session, visit.user, now, episode.person_id, "consent_signing", {"form": form})
    definition = form_of(held, episode, form)
    async with held.read(visit.user) as session:
        known = await opened(held, session, episode.person_id)
        authorities = await guardians.guardians_of(session, episode.person_id)
        names = await guardian_names(held, session, episode.person_id)
    made = presentation_of(
        held, episode, known, form, language=language, program=program, recipients=recipients, now=now
    )
    zone = held.catalog.edition(episode.edition).facilities[episode.facility].zone
    able = [
        (g, names[str(g.id)]) for g in authorities if in_force(g, facility_date(now, zone), now) and str(g.id) in names
    ]
    choices = parties_of(known, made.signers.required, made.signers.majority is not None, able)
    nameless = definition.names_recipients and not recipients
    return Table(episode, known, None if nameless else made, program, recipients, choices, now)


@router.get("/episodes/{episode_id}/consents/{form}")
async def show(visit: Visiting, episode_id: UUID, form: str, language: str = "en", program: str = "") -> Response:
    must(visit.user, "consent")
    table = await lay_out(visit, episode_id, form, language=language, program=program or None, recipients=())
    return _page(visit, table, form, language)


def _page(
    visit: Visit, table: Table, form: str, language: str, *, refused: dict[str, Any] | None = None,
    changed: tuple[str, ...] = (),
) -> Response:  # fmt: skip
    edition = visit.held.catalog.edition(table.episode.edition)
    place, definition = edition.facilities[table.episode.facility], edition.consents[form]
    on = facility_date(table.now, place.zone)
    sha256 = table.made.shown.sha256 if table.made else ""
    parts = json.dumps(parts_of(table.made.shown), ensure_ascii=False) if table.made else ""
    status = int((refused or {}).get("status", 200))
    return visit.page(
        "consent_signing.html", status, now=table.now, zone=place.zone, place=place, episode=table.episode,
        known=table.known, form=definition, made=table.made, choices=table.choices, language=language,
        languages=[(k, LANGUAGES.get(k, k)) for k in visit.held.catalog.languages(definition, on)],
        program=table.program or "", programs=place.programs, recipients=table.recipients, sha256=sha256, parts=parts,
        word=bound(visit.request, table, sha256, parts), confirmed=CONFIRMED.get(language, CONFIRMED["en"]),
        kinds=_named_by_key(edition, table.episode, definition), checks=CHECKS, changed=changed, refused=refused or {},
    )  # fmt: skip


def _named_by_key(edition: Edition, episode: Episode, form: ConsentForm) -> list[tuple[str, str]]:
    """Recipients to choose from, where the form names one by its key."""
    place = edition.facilities[episode.facility]
    if form.recipient_kind is RecipientKind.PAYER:
        asked = [edition.payers[p] for p in place.payers if edition.payers[p].kind is CoverageKind.INSURANCE]
        return [(f"payer/{p.key}", p.name) for p in asked]
    if form.recipient_kind is RecipientKind.INTERMEDIARY:
        return [(f"intermediary/{i.key}", i.name) for i in place.intermediaries]
    return []


@router.post("/episodes/{episode_id}/consents/{form}")
async def act(visit: Visiting, episode_id: UUID, form: str) -> Response:
    """Show it with these recipients, sign it, record paper or words, a refusal, or that somebody cannot sign now."""
    must(visit.user, "consent")
    said = await read_form(visit.request)
    language, name = said.text("language") or "en", said.text("act")
    table = await lay_out(
        visit, episode_id, form, language=language, program=said.maybe("program"), recipients=_recipients(said)
    )
    try:
        if name == "show":
            if table.made is None:
                raise problem(ErrorType.INVALID_REQUEST, "say who may be told: the form names its recipients")
            return _page(visit, table, form, language)
        stale = _stale(visit.request, table, said)
        if stale is not None:
            return _again(visit, table, form, language, said, stale)
        own = _fields(name, said, table, visit)
        result = await _run(visit, episode_id, form, said, own)
    except Problem as error:
        return _again(visit, table, form, language, said, outcome_of(error))
    if result.refused:
        return _again(visit, table, form, language, said, refusal_of(result))
    done = "waiting" if result.status_code == ACCEPTED else {"sign": "signed", "refuse": "refused"}.get(name, name)
    if own.get("capacity") is Capacity.LACKING and result.status_code != 202:  # accepted
        done = "unable"
    return see_other(f"/episodes/{episode_id}/consents?done={done}#main")


def _recipients(said: Form) -> tuple[str, ...]:
    lines = [line.strip() for text in said.many("recipients") for line in text.splitlines()]
    found = tuple(dict.fromkeys(line for line in lines if line))
    if len(found) > RECIPIENTS_MAX or any(len(line) > RECIPIENT_LENGTH for line in found):
        raise problem(
            ErrorType.INVALID_REQUEST,
            f"name at most {RECIPIENTS_MAX} recipients, each on a line of {RECIPIENT_LENGTH} characters at most",
        )
    return found


def _stale(request: Request, table: Table, said: Form) -> dict[str, Any] | None:
    """Why this form signs nothing any more. The word is made from the record of now: it fits no other person."""
    if not hmac.compare_digest(bound(request, table, said.text("shown"), said.text("parts")), said.text("word")):
        return {
            "code": ErrorType.STALE.value, "field": None, "status": 409,
            "detail": "this page was made for another person, or their record changed since; nothing was signed. Look who "
            "it is, and read the text again",
        }  # fmt: skip
    if table.made is not None and table.made.shown.sha256 != said.text("shown"):
        return {
            "code": ErrorType.STALE.value, "field": None, "status": 409,
            "detail": "the text changed since it was shown; nothing was signed. What changed is marked: read it again",
        }  # fmt: skip
    return None


def _again(
    visit: Visit, table: Table, form: str, language: str, said: Form, why: Mapping[str, Any]
) -> Response:  # fmt: skip
    changed: tuple[str, ...] = ()
    if why["code"] == ErrorType.STALE.value and table.made is not None:
        changed = what_changed(_parts(said.text("parts")), table.made.shown)
    typed = {k: v for k, v in said.typed.items() if k not in ("typed_name", "confirmed")}
    refused = {"act": said.text("act"), **why, "typed": typed}
    return _page(visit, table, form, language, refused=refused, changed=changed)


def _parts(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _fields(name: str, said: Form, table: Table, visit: Visit) -> dict[str, Any]:
    """The command's own fields. What the page shows is what is asked for: nothing is taken from the form twice."""
    common = {
        "program": table.program, "recipients": table.recipients, "language": said.text("language") or "en",
        "interpreter": said.maybe("interpreter"),
    }  # fmt: skip
    if name == "refuse":
        return {**common, "refused": True, "reason": said.needed("reason", "The reason for the refusal")}
    if name == "unable":
        return {**common, "capacity": Capacity.LACKING, "reason": said.needed("reason", "What you saw")}
    choice = said.needed("signer", "Who signs")
    party, authority = who_acts(said, "signer")
    if choice not in {value for value, _, _ in table.choices}:
        raise problem(ErrorType.INVALID_REQUEST, "this one may not sign it now; choose from the list", field="signer")
    own = {**common, "signed_by": party.value, "guardian_id": authority, "identity_check": _check(said)}
    if name == "paper":
        method = SignatureMethod.VERBAL_WITNESSED if said.text("method") == "spoken" else SignatureMethod.PAPER
        zone = visit.held.catalog.edition(table.episode.edition).facilities[table.episode.facility].zone
        return {
            **own, "method": method, "signed_at": said.moment("signed_at", "When it was signed", zone),
            "witnessed_by": said.maybe("witness") or visit.user.actor,
        }  # fmt: skip
    if name != "sign":
        raise problem(ErrorType.NOT_FOUND, "no such act; load the page again")
    return {**own, **_electronic(said, table, choice), "witnessed_by": said.maybe("witness") or visit.user.actor}


def _check(said: Form) -> IdentityCheck:
    try:
        return IdentityCheck(said.needed("identity_check", "How you made sure who it is"))
    except ValueError:
        raise problem(ErrorType.INVALID_REQUEST, "choose how you made sure who it is", field="identity_check") from None


def _electronic(said: Form, table: Table, choice: str) -> dict[str, Any]:
    capacity = said.text("capacity")
    if capacity not in ("present", "lacking"):
        raise problem(ErrorType.INVALID_REQUEST, "say whether they can decide now", field="capacity")
    if capacity == "lacking":
        return {"capacity": Capacity.LACKING, "reason": "no capacity at that hour"}
    if not said.ticked("confirmed"):
        raise problem(ErrorType.INVALID_REQUEST, "the one who signs ticks that the text was read", field="confirmed")
    if not written_alike(said.text("typed_name"), table.name_of(choice)):
        raise problem(
            ErrorType.INVALID_REQUEST,
            "the typed name is not the name of the one who signs; type it as it stands beside their choice",
            field="typed_name",
        )
    return {"method": SignatureMethod.ELECTRONIC, "shown_sha256": said.text("shown"), "name_typed": True}


async def _run(visit: Visit, episode_id: UUID, form: str, said: Form, own: dict[str, Any]) -> CommandResult:
    """Signed at the moment of the first acceptance, unless paper says another: a repeat is the same signature."""
    user = visit.user
    body = {"episode": str(episode_id), "form": form, **{k: _plain(v) for k, v in own.items() if v is not None}}

    def build(now: datetime) -> SignConsent:
        return SignConsent(
            key=command_key(user, said.key), actor=user.actor, role=Role(user.role), now=now, episode_id=episode_id,
            form=form, **{"signed_at": now, **own},
        )  # fmt: skip

    return await run_command(visit.held, user, said.key, "sign_consent", body, build, "sign_consent")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value if isinstance(value, bool) else str(value)
