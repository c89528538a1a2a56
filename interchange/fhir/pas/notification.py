"""Notifications of a PAS subscription: rest-hook with the full resource (Subscriptions R5 Backport for R4, domain 4.6).

A notification says which subscription it is of, and carries response bundles whole. It may come again while a request is still
pended, late, twice or out of order: what it carries is read like any answer, and the same answer is one answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from definitions.pas_guide import PasGuide
from interchange.fhir.pas.reading import Node, loaded
from interchange.fhir.pas.words import Json, PasProblem, Words, document, full_url, instant, present, reference

EVENT, HANDSHAKE, HEARTBEAT = "event-notification", "handshake", "heartbeat"
KINDS: Final = frozenset({EVENT, HANDSHAKE, HEARTBEAT, "query-event", "query-status"})
ENTRIES_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Notification:
    """`bundles`: response bundles, each by itself as text."""

    kind: str
    bundles: tuple[str, ...] = field(default=(), repr=False)


def encode_notification(
    bundles: Sequence[Json], guide: PasGuide, *, subscription: str, number: int, at: datetime, kind: str = EVENT
) -> str:
    status = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "subscription", "valueReference": reference(subscription)},
            {"name": "topic", "valueCanonical": guide.systems["topic"]},
            {"name": "status", "valueCode": "active"},
            {"name": "type", "valueCode": kind},
            {"name": "events-since-subscription-start", "valueString": str(number)},
            *([_event(number, at)] if kind == EVENT else []),
        ],
    }
    entries: list[Json] = [
        {
            "fullUrl": full_url(subscription, "status", str(number)),
            "resource": status,
            "request": {"method": "GET", "url": f"{subscription}/$status"},
            "response": {"status": "200"},
        }
    ]
    entries += [
        {
            "fullUrl": full_url(subscription, "event", str(number), str(n)),
            "resource": one,
            "request": {"method": "POST", "url": "Bundle"},
            "response": {"status": "201"},
        }
        for n, one in enumerate(bundles)
    ]
    return document(
        present(resourceType="Bundle", type="history", timestamp=instant(at), entry=entries)
    )  # fmt: skip


def _event(number: int, at: datetime) -> Json:
    part = [{"name": "event-number", "valueString": str(number)}, {"name": "timestamp", "valueInstant": instant(at)}]
    return {"name": "notification-event", "part": part}


def read_notification(text: str, guide: PasGuide) -> Notification:
    """Raises `PasProblem` for what is none: another kind of bundle, or one without its status."""
    root = Node.root(loaded(text), guide)
    if root.text("resourceType") != "Bundle" or root.text("type") not in ("history", "subscription-notification"):
        raise PasProblem("this is no notification: a Bundle of type history is wanted")
    entries = root.nodes("entry")
    if not entries or len(entries) > ENTRIES_MAX:
        raise PasProblem("the notification holds no entry, or too many")
    resources = [e.node("resource") for e in entries]
    kind = _kind(resources[0])
    found = [r for r in resources[1:] if r is not None]
    if any(r.text("resourceType") != "Bundle" for r in found):
        raise PasProblem("a notification with the full resource carries response bundles")
    return Notification(kind, tuple(document(r.value) for r in found))


def _kind(status: Node | None) -> str:
    if status is None:
        raise PasProblem("the first entry of a notification is the status of its subscription")
    if status.text("resourceType") == "SubscriptionStatus":
        kind = status.text("type")
    else:
        said = [p for p in status.nodes("parameter") if p.text("name") == "type"]
        kind = said[0].text("valueCode") if said else None
    if kind not in KINDS:
        raise PasProblem("the notification does not say of which kind it is")
    return kind or EVENT


def subscription(guide: PasGuide, *, organization: str, address: str, reason: str) -> str:
    """What asks a payer's system to tell us: one for each sending system, by its identifier, with the whole answer.

    It carries no secret: a payer's machine fetches its own token here, as for everything it sends."""
    words = Words(guide)
    criteria = words.extension("topic_filter", "String", f"Bundle?org-identifier={organization}")
    content = {"extension": [words.extension("payload_content", "Code", "full-resource")]}
    return document(
        {
            "resourceType": "Subscription",
            "meta": words.profile("subscription"),
            "status": "requested",
            "reason": reason,
            "criteria": guide.systems["topic"],
            "_criteria": {"extension": [criteria]},
            "channel": {
                "type": "rest-hook",
                "endpoint": address,
                "payload": "application/fhir+json",
                "_payload": content,
            },
        }
    )
