"""Who stands in a review: payer, requester, subscriber, dependent, providers. NM1 and what belongs to it, both ways."""

from collections.abc import Sequence
from typing import Final

from definitions.review_parts import (
    AttendingProvider,
    EventProvider,
    OtherReviewer,
    ReviewAddress,
    ReviewContact,
    ReviewDependent,
    ReviewParty,
    ReviewPerson,
    ReviewReference,
)
from interchange.x12.guide import Loop
from interchange.x12.segments import Segment, X12Problem, code, first, free_text, write
from interchange.x12.values import day, need, optional, read_day

PERSON, ORGANISATION = "1", "2"
REVIEWER: Final = ("X3", "PI")
REQUESTER: Final = ("FA", "XX")
"""NM101 and NM108 when a party does not say otherwise."""
ATTENDING: Final = "71"
NUMBERS_IN_ONE_PER: Final = 3


def party_segment(party: ReviewParty, usual: tuple[str, str]) -> str:
    role, qualifier = party.role or usual[0], party.qualifier or usual[1]
    kind = ORGANISATION if party.given is None else PERSON
    return write("NM1", code(role), kind, free_text(party.name), _given(party.given), "", "", "", code(qualifier),
                 code(party.id))  # fmt: skip


def read_party(loop: Loop, usual: tuple[str, str]) -> ReviewParty:
    name = need(loop, "NM1")
    role, qualifier = optional(name.at(1)), optional(name.at(8))
    return ReviewParty(
        name=name.at(3), id=name.at(9), given=optional(name.at(4)),
        role=None if role == usual[0] else role, qualifier=None if qualifier == usual[1] else qualifier,
    )  # fmt: skip


def _given(name: str | None) -> str:
    return free_text(name, 35) if name else ""


def _name(name: str | None) -> str:
    return free_text(name) if name else ""


def contact_segment(contact: ReviewContact) -> str:
    numbers = [("TE", contact.telephone), ("EX", contact.extension), ("FX", contact.fax), ("EM", contact.email)]
    pairs = [(kind, value) for kind, value in numbers if value]
    if len(pairs) > NUMBERS_IN_ONE_PER:
        raise X12Problem("a contact takes three numbers at most; leave one out")
    name = free_text(contact.name) if contact.name else ""
    return write("PER", "IC", name, *(element for kind, value in pairs for element in (kind, code(value))))


def contact_segments(contact: ReviewContact | None) -> list[str]:
    return [contact_segment(contact)] if contact else []


def read_contact(loop: Loop) -> ReviewContact | None:
    per = first(loop.segments, "PER")
    if per is None:
        return None
    reached = {per.at(n): per.at(n + 1) for n in (3, 5, 7) if per.at(n) and per.at(n + 1)}
    return ReviewContact(
        name=optional(per.at(2)), telephone=reached.get("TE", ""), fax=reached.get("FX"), extension=reached.get("EX"),
        email=reached.get("EM"),
    )  # fmt: skip


def address_segments(address: ReviewAddress | None) -> list[str]:
    if address is None:
        return []
    segments = []
    if address.street:
        second = free_text(address.second_line, 55) if address.second_line else ""
        segments.append(write("N3", free_text(address.street, 55), second))
    if address.city:
        segments.append(write("N4", free_text(address.city, 30), code(address.state), code(address.postal_code)))
    return segments


def read_address(loop: Loop) -> ReviewAddress | None:
    street, town = first(loop.segments, "N3"), first(loop.segments, "N4")
    if street is None and town is None:
        return None
    street, town = street or Segment("N3", ()), town or Segment("N4", ())
    return ReviewAddress(
        street=street.at(1), second_line=optional(street.at(2)), city=town.at(1), state=town.at(2),
        postal_code=town.at(3),
    )  # fmt: skip


def reference_segments(references: Sequence[ReviewReference]) -> list[str]:
    return [write("REF", code(r.qualifier), code(r.number)) for r in references]


def read_references(loop: Loop, *, without: str = "") -> tuple[ReviewReference, ...]:
    return tuple(
        ReviewReference(qualifier=s.at(1), number=s.at(2))
        for s in loop.segments
        if s.tag == "REF" and s.at(1) != without
    )


def subscriber_segments(person: ReviewPerson) -> list[str]:
    return [
        write("NM1", "IL", PERSON, free_text(person.family), free_text(person.given, 35), "", "", "", "MI",
              code(person.member_id)),
        *reference_segments(person.references),
        *address_segments(person.address),
        write("DMG", "D8", day(person.birth_date), code(person.gender)),
        *_relation(person.relationship, "Y"),
    ]  # fmt: skip


def read_subscriber(loop: Loop) -> ReviewPerson:
    name, facts = need(loop, "NM1"), need(loop, "DMG")
    return ReviewPerson(
        family=name.at(3), given=name.at(4), member_id=name.at(9), birth_date=read_day(facts.at(2)),
        gender=facts.at(3) or "U", address=read_address(loop), references=read_references(loop),
        relationship=_read_relation(loop),
    )  # fmt: skip


def dependent_segments(person: ReviewDependent, rejected: Sequence[str] = ()) -> list[str]:
    member = ("MI", code(person.member_id)) if person.member_id else ()
    name = write("NM1", "QC", PERSON, _name(person.family), _given(person.given), "", "", "", *member)
    facts = []
    if person.birth_date is not None:
        facts.append(write("DMG", "D8", day(person.birth_date), code(person.gender or "")))
    return [
        name,
        *reference_segments(person.references),
        *address_segments(person.address),
        *rejected,
        *facts,
        *_relation(person.relationship, "N"),
    ]


def read_dependent(loop: Loop) -> ReviewDependent | None:
    name, facts = first(loop.segments, "NM1"), first(loop.segments, "DMG")
    if name is None:
        return None
    return ReviewDependent(
        family=optional(name.at(3)), given=optional(name.at(4)), member_id=optional(name.at(9)),
        birth_date=read_day(facts.at(2)) if facts else None, gender=optional(facts.at(3)) if facts else None,
        address=read_address(loop), references=read_references(loop), relationship=_read_relation(loop),
    )  # fmt: skip


def _relation(relationship: str | None, subscriber: str) -> list[str]:
    return [write("INS", subscriber, code(relationship))] if relationship else []


def _read_relation(loop: Loop) -> str | None:
    ins = first(loop.segments, "INS")
    return optional(ins.at(2)) if ins else None


def attending_segments(provider: AttendingProvider | None) -> list[str]:
    if provider is None:
        return []
    name = write("NM1", ATTENDING, PERSON, free_text(provider.family), free_text(provider.given, 35), "", "", "", "XX",
                 code(provider.npi))  # fmt: skip
    return [name, write("PRV", "AT", "PXC", code(provider.taxonomy))] if provider.taxonomy else [name]


def provider_segments(provider: EventProvider, rejected: Sequence[str] = ()) -> list[str]:
    kind = ORGANISATION if provider.given is None else PERSON
    number = (code(provider.qualifier), code(provider.id)) if provider.id else ()
    taxonomy = [write("PRV", code(provider.specialty), "PXC", code(provider.taxonomy))] if provider.taxonomy else []
    return [
        write("NM1", code(provider.role), kind, _name(provider.name), _given(provider.given), "", "", "", *number),
        *reference_segments(provider.references),
        *address_segments(provider.address),
        *contact_segments(provider.contact),
        *rejected,
        *taxonomy,
    ]


def read_provider(loop: Loop) -> EventProvider:
    name, specialty = need(loop, "NM1"), first(loop.segments, "PRV")
    return EventProvider(
        role=name.at(1), name=optional(name.at(3)), given=optional(name.at(4)), id=optional(name.at(9)),
        qualifier=name.at(8) or "XX", references=read_references(loop), address=read_address(loop),
        contact=read_contact(loop), specialty=(specialty.at(1) if specialty else "") or "PE",
        taxonomy=optional(specialty.at(3)) if specialty else None,
    )  # fmt: skip


def read_providers(
    loops: Sequence[Loop], *, attending: bool
) -> tuple[AttendingProvider | None, tuple[EventProvider, ...]]:
    """The attending clinician, and everybody else. One of whom more is said than name, NPI and taxonomy is among the
    others, so that nothing is lost. Not `attending`: all are among the others."""
    found: AttendingProvider | None = None
    others = []
    for loop in loops:
        who = read_provider(loop)
        plain = not (who.references or who.address or who.contact) and who.specialty in ("AT", "PE")
        if attending and found is None and plain and who.role == ATTENDING and who.qualifier == "XX" and who.given:
            found = AttendingProvider(family=who.name or "", given=who.given, npi=who.id or "", taxonomy=who.taxonomy)
        else:
            others.append(who)
    return found, tuple(others)


def other_reviewer_segments(other: OtherReviewer) -> list[str]:
    denied = [write("DTP", "598", "D8", day(other.denied_on))] if other.denied_on else []
    return [
        write("NM1", code(other.role), ORGANISATION, free_text(other.name)),
        *(write("REF", "ZZ", code(reason)) for reason in other.reasons),
        *denied,
    ]


def read_other_reviewer(loop: Loop) -> OtherReviewer:
    name, denied = need(loop, "NM1"), first(loop.segments, "DTP", "598")
    reasons = tuple(s.at(2) for s in loop.segments if s.tag == "REF" and s.at(1) == "ZZ")
    return OtherReviewer(
        name=name.at(3), role=name.at(1), reasons=reasons, denied_on=read_day(denied.at(3)) if denied else None
    )
