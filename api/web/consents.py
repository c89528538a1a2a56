"""The consents of an episode on a page: what stands and until when, what waits and for whose signature, and taking one back
at any hour (domain 3.4)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError

from api.commands import command_key, run_command
from api.consents import (
    Opened,
    consents_of_episode,
    guardian_names,
    letter_of,
    opened,
    seen,
    signers_of,
    towards_payer,
)
from api.errors import Problem, problem
from api.guardians import GuardianBody, Relationship, record_guardian
from api.routes.access import see_consent, see_episode
from api.web.forms import Form, outcome_of, read_form, refusal_of
from api.web.rendering import PageRoute, see_other
from api.web.rights import must
from api.web.visit import Visit, Visiting
from definitions.edition import Edition
from definitions.episode import Command, EndAuthority, EndConsent, RevokeConsent
from definitions.errors import ErrorType
from definitions.level import ConsentNeed
from definitions.signing import AuthorityEnd, SigningParty
from definitions.vocabulary import ConsentStatus, Role
from rules.authority import in_force
from rules.calendar import facility_date
from storage.models import Episode, Guardian
from storage.repositories import guardian as guardians

router = APIRouter(route_class=PageRoute, include_in_schema=False)
DONE: Final = {
    "signed": "The signature was recorded, with the text as it was shown.",
    "paper": "The signature was recorded. The paper is the evidence: file it.",
    "refused": "The refusal was recorded.",
    "unable": "Recorded: nothing was signed, and it is asked again.",
    "revoked": "The consent is taken back, from now on.",
    "ended": "The consent has ended.",
    "guardian": "Who may sign is on record.",
    "authority": "The authority has ended; what they signed follows, and what needs another signature is asked for.",
    "waiting": "Accepted and under way: the answer takes longer than usual. Load the page again in a moment.",
}
EVENTS: Final = {
    "discharge": "the treatment here ends", "condition": "what it names comes about",
}  # fmt: skip
ENDED_BY: Final = {
    "majority": "as the patient came of age", "discharge": "with the treatment", "condition": "as what it names came about",
    "authority": "with the authority of who signed it",
}  # fmt: skip
RELATIONSHIPS: Final = get_args(Relationship)
ACCEPTED: Final = 202
CHANNELS: Final = ("in person", "letter", "fax", "portal", "telephone")


@router.get("/episodes/{episode_id}/consents")
async def show(visit: Visiting, episode_id: UUID, done: str = "") -> Response:
    return await show_consents(visit, episode_id, done=done)


async def show_consents(
    visit: Visit, episode_id: UUID, *, done: str = "", refused: dict[str, Any] | None = None
) -> Response:
    must(visit.user, "see")
    held, now = visit.held, await visit.held.clock.now()
    async with held.write(visit.user) as session:
        episode = await see_episode(session, held, visit.user, episode_id)
        await seen(session, visit.user, now, episode.person_id, "consents", {"episode": str(episode_id)})
    async with held.read(visit.user) as session:
        known = await opened(held, session, episode.person_id)
        items = await consents_of_episode(held, session, episode, now)
        payer = await towards_payer(held, session, episode, now)
        authorities = await guardians.guardians_of(session, episode.person_id)
        names = await guardian_names(held, session, episode.person_id)
    edition = held.catalog.edition(episode.edition)
    place = edition.facilities[episode.facility]
    signers = signers_of(held, episode, known, now)
    shown = [_said(i, edition, signers.required) for i in items]
    on = facility_date(now, place.zone)
    return visit.page(
        "consents.html", (refused or {}).get("status", 200), now=now, zone=place.zone, place=place, episode=episode,
        known=known, signers=signers, payer=payer, refused=refused or {}, done=DONE.get(done, ""), channels=CHANNELS,
        payer_name=edition.payers[episode.payer].name if episode.payer in edition.payers else episode.payer,
        waiting=[i for i in shown if i["status"] is ConsentStatus.PRESENTED], standing=[i for i in shown if i["valid"]],
        past=[i for i in shown if not i["valid"] and i["status"] is not ConsentStatus.PRESENTED],
        owed=owed_forms(edition, episode, items), forms=sorted(edition.consents.values(), key=lambda f: f.title),
        relationships=RELATIONSHIPS, reasons=list(AuthorityEnd), today=on,
        guardians=[(g, names.get(str(g.id), "name erased"), in_force(g, on, now)) for g in authorities],
    )  # fmt: skip


def _said(item: dict[str, Any], edition: Edition, required: tuple[SigningParty, ...]) -> dict[str, Any]:
    """A consent with its title and who has signed and who must still."""
    form = edition.consents.get(item["form"])
    has = [s["party"] for s in item["signatures"]]
    done = {*has, *(["patient"] if "representative" in has else [])}
    return {
        **item, "title": form.title if form else item["form"], "signed": has,
        "until_event": _until(item), "ended_by": ENDED_BY.get(item["ends_by"] or "", ""),
        "missing": [p.value for p in required if p.value not in done],
    }  # fmt: skip


def _until(item: dict[str, Any]) -> str:
    """The event that ends it beside its term, while it has not come about."""
    if item["ends_on"] not in EVENTS or item["ends_by"] == item["ends_on"]:
        return ""
    days = item["ends_after_days"]
    return f"{f'{days} days after ' if days else 'until '}{EVENTS[item['ends_on']]}"


def owed_forms(edition: Edition, episode: Episode, items: list[dict[str, Any]]) -> list[str]:
    """Forms that the level asks for, the one wished for before admission, and that neither stand nor wait."""
    level = edition.levels.get(episode.level or episode.requested_level)
    if level is None or episode.closed_at is not None:
        return []
    here = {i["form"] for i in items if i["valid"] or i["status"] is ConsentStatus.PRESENTED}
    return [r.form for r in level.consents if r.need is ConsentNeed.REQUIRED and r.form not in here]


@router.get("/episodes/{episode_id}/consents/{consent_id}/print")
async def printed(visit: Visiting, episode_id: UUID, consent_id: UUID) -> Response:
    """The text as it was shown and who signed it, on record."""
    must(visit.user, "see")
    held, now = visit.held, await visit.held.clock.now()
    async with held.write(visit.user) as session:
        consent, episode = await see_consent(session, held, visit.user, consent_id)
        _same(episode, episode_id)
        await seen(session, visit.user, now, episode.person_id, "consent.pdf", {"consent": str(consent_id)})
    async with held.read(visit.user) as session:
        body = await letter_of(held, session, consent, None)
    headers = {"Content-Disposition": 'inline; filename="consent.pdf"', "Cache-Control": "no-store"}
    return Response(body, media_type="application/pdf", headers=headers)


def _same(episode: Episode, episode_id: UUID) -> None:
    if episode.id != episode_id:
        raise problem(ErrorType.NOT_FOUND, "no such consent of this episode is on record")


@router.post("/episodes/{episode_id}/consents/{consent_id}/revoke")
async def revoke(visit: Visiting, episode_id: UUID, consent_id: UUID) -> Response:
    """At any hour, by whoever may: it holds from the moment it is known here."""
    must(visit.user, "consent")

    async def fields(form: Form, zone: str) -> dict[str, Any]:
        await _of_episode(visit, episode_id, consent_id)
        return _revocation(form, consent_id, zone)

    act = PageAct("revoked", f"revoke-{consent_id}", "revoke_consent", RevokeConsent, fields)
    return await _run(visit, episode_id, act)


@router.post("/episodes/{episode_id}/consents/{consent_id}/condition")
async def condition(visit: Visiting, episode_id: UUID, consent_id: UUID) -> Response:
    """What the form names as its end has come about."""
    must(visit.user, "consent")

    async def fields(form: Form, zone: str) -> dict[str, Any]:
        await _of_episode(visit, episode_id, consent_id)
        return {"consent_id": consent_id, "happened_at": form.moment("happened_at", "When it came about", zone)}

    return await _run(visit, episode_id, PageAct("ended", f"revoke-{consent_id}", "end_consent", EndConsent, fields))


@router.post("/episodes/{episode_id}/guardians/{guardian_id}/end")
async def end_authority(visit: Visiting, episode_id: UUID, guardian_id: UUID) -> Response:
    """They may sign for the patient no more; what they signed follows the law."""
    must(visit.user, "guardian")

    async def fields(form: Form, zone: str) -> dict[str, Any]:
        try:
            reason = AuthorityEnd(form.needed("reason", "The reason"))
        except ValueError:
            raise problem(ErrorType.INVALID_REQUEST, "choose why it ended", field="reason") from None
        ended_at = form.moment("ended_at", "When it ended", zone)
        return {"guardian_id": guardian_id, "ended_at": ended_at, "reason": reason}

    act = PageAct("authority", f"authority-{guardian_id}", "end_authority", EndAuthority, fields)
    return await _run(visit, episode_id, act)


@router.post("/episodes/{episode_id}/guardians")
async def record(visit: Visiting, episode_id: UUID) -> Response:
    must(visit.user, "guardian")
    form = await read_form(visit.request)
    try:
        said = {name: form.maybe(name) for name in GuardianBody.model_fields}
        body = GuardianBody.model_validate({name: value for name, value in said.items() if value is not None})
        await record_guardian(visit.held, visit.user, form.key, episode_id, body)
    except ValidationError:
        wrong = problem(ErrorType.INVALID_REQUEST, "name them, their document and its dates, in order")
        return await _again(visit, episode_id, "guardian", form, outcome_of(wrong))
    except Problem as error:
        return await _again(visit, episode_id, "guardian", form, outcome_of(error))
    return see_other(f"/episodes/{episode_id}/consents?done=guardian#main")


@dataclass(frozen=True, slots=True)
class PageAct:
    """One act of this page: what it says when done, where its form stands, the command and how its fields are read."""

    done: str
    place: str
    update: str
    command: Callable[..., Command]
    fields: Callable[[Form, str], Awaitable[dict[str, Any]]]


async def _run(visit: Visit, episode_id: UUID, act: PageAct) -> Response:
    form = await read_form(visit.request)
    held, user = visit.held, visit.user
    try:
        async with held.read(user) as session:
            episode = await see_episode(session, held, user, episode_id)
        own = await act.fields(form, held.catalog.edition(episode.edition).facilities[episode.facility].zone)
        body = {"episode": str(episode_id), **{k: str(v) for k, v in own.items() if v is not None}}

        def build(now: datetime) -> Command:
            return act.command(
                key=command_key(user, form.key), actor=user.actor, role=Role(user.role), now=now, episode_id=episode_id,
                **own,
            )  # fmt: skip

        result = await run_command(held, user, form.key, act.update, body, build, act.update)
    except Problem as error:
        return await _again(visit, episode_id, act.place, form, outcome_of(error))
    if result.refused:
        return await _again(visit, episode_id, act.place, form, refusal_of(result))
    done = "waiting" if result.status_code == ACCEPTED else act.done
    return see_other(f"/episodes/{episode_id}/consents?done={done}#main")


async def _again(visit: Visit, episode_id: UUID, place: str, form: Form, why: dict[str, Any]) -> Response:
    return await show_consents(visit, episode_id, refused={"act": place, **why, "typed": form.typed})


async def _of_episode(visit: Visit, episode_id: UUID, consent_id: UUID) -> None:
    """Raises a problem: a consent of another episode is not on this page."""
    async with visit.held.read(visit.user) as session:
        _, episode = await see_consent(session, visit.held, visit.user, consent_id)
    _same(episode, episode_id)


def _revocation(form: Form, consent_id: UUID, zone: str) -> dict[str, Any]:
    party, guardian_id = who_acts(form, "revoked_by")
    return {
        "consent_id": consent_id,
        "received_at": form.moment("received_at", "When it was received", zone),
        "written_at": form.moment_or_none("written_at", "The date on the paper", zone),
        "channel": form.needed("channel", "How it came"),
        "recipient": form.maybe("recipient"),
        "revoked_by": party,
        "guardian_id": guardian_id,
    }


def who_acts(form: Form, name: str) -> tuple[SigningParty, UUID | None]:
    """`patient`, or a party with the id of its authority, as the page's choices say it."""
    party, _, authority = form.needed(name, "Who it is").partition(":")
    try:
        return SigningParty(party), UUID(authority) if authority else None
    except ValueError:
        raise problem(ErrorType.INVALID_REQUEST, "choose who it is from the list", field=name) from None


def parties_of(
    known: Opened, required: tuple[SigningParty, ...], minor: bool, authorities: list[tuple[Guardian, str]]
) -> list[tuple[str, str, SigningParty]]:
    """Who can sign now: the value of the choice, the name, and as what. A representative stands in for an adult (2.15)."""
    found = [("patient", known.name, SigningParty.PATIENT)] if SigningParty.PATIENT in required else []
    party = SigningParty.GUARDIAN if minor else SigningParty.REPRESENTATIVE
    if minor and SigningParty.GUARDIAN not in required:
        return found
    return found + [(f"{party.value}:{g.id}", name, party) for g, name in authorities]
