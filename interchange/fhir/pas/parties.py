"""Who a bundle is about and between: Patient, Organizations, Coverage, Practitioners (domain 4.5 loops 2010A to 2010E)."""

from collections.abc import Mapping
from typing import Final

from definitions.review_parts import (
    AttendingProvider,
    ReviewAddress,
    ReviewContact,
    ReviewParty,
    ReviewPerson,
)
from interchange.fhir.pas.reading import Node
from interchange.fhir.pas.words import Json, PasProblem, Words, full_url, present, reference

MEMBER_TYPE: Final = "MB"
NPI_TYPE: Final = "NPI"
ADDRESS_LINES: Final = 2
SELF: Final = "self"
REVIEWER_ROLES: Final = (None, "X3")
REQUESTER_ROLES: Final = (None, "FA", "1P")


def entry(url: str, resource: Json) -> Json:
    return {"fullUrl": url, "resource": resource}


def patient(words: Words, who: ReviewPerson, url: str) -> Json:
    if who.references or who.relationship not in (None, "18"):
        raise PasProblem("the subscriber has particulars that PAS has no place for; ask by hand")
    name = {"family": who.family, "given": [who.given]}
    member = words.identifier("member", who.member_id) | {"type": words.concept("identifier_type", MEMBER_TYPE)}
    made = present(
        resourceType="Patient", meta=words.profile("beneficiary"), identifier=[member], name=[name],
        gender=words.code("gender", who.gender), birthDate=who.birth_date.isoformat(), address=_addresses(who.address),
    )  # fmt: skip
    return entry(url, made)


def coverage(words: Words, who: ReviewPerson, insurer: str, patient_url: str, url: str) -> Json:
    made = present(
        resourceType="Coverage", meta=words.profile("coverage"), status="active", subscriberId=who.member_id,
        subscriber=reference(patient_url), beneficiary=reference(patient_url),
        relationship=words.concept("relationship", SELF), payor=[reference(insurer)],
    )  # fmt: skip
    return entry(url, made)


def insurer(words: Words, party: ReviewParty, payer_id: str, url: str) -> Json:
    """The utilization management organization; its own id and the payer's when they differ (ELG-04)."""
    _ordinary(party, REVIEWER_ROLES, "PI", "reviewer")
    numbers = [party.id] if party.id == payer_id else [party.id, payer_id]
    made = present(
        resourceType="Organization", meta=words.profile("insurer"), active=True,
        identifier=[words.identifier("payer", n) for n in numbers], type=[words.concept("organization_type", "X3")],
        name=party.name,
    )  # fmt: skip
    return entry(url, made)


def requester(
    words: Words, party: ReviewParty, url: str, *, tax_id: str | None = None, address: ReviewAddress | None = None,
    contact: ReviewContact | None = None,
) -> Json:  # fmt: skip
    _ordinary(party, REQUESTER_ROLES, "XX", "requester")
    own = words.identifier("npi", party.id) | {"type": words.concept("identifier_type", NPI_TYPE)}
    made = present(
        resourceType="Organization", meta=words.profile("requestor"), active=True,
        identifier=[own, *([words.identifier("tax_id", tax_id)] if tax_id else [])],
        type=[words.concept("organization_type", party.role or "FA")], name=party.name, address=_addresses(address),
        contact=_contact(contact),
    )  # fmt: skip
    return entry(url, made)


def practitioner(words: Words, who: AttendingProvider, url: str) -> Json:
    made = present(
        resourceType="Practitioner", meta=words.profile("practitioner"), identifier=[words.identifier("npi", who.npi)],
        name=[{"family": who.family, "given": [who.given]}],
    )  # fmt: skip
    return entry(url, made)


def _ordinary(party: ReviewParty, roles: tuple[str | None, ...], qualifier: str, which: str) -> None:
    if party.role not in roles or party.qualifier not in (None, qualifier) or party.given is not None:
        raise PasProblem(f"the {which} is named in a way that PAS has no place for; mend the payer's definition")


def _addresses(address: ReviewAddress | None) -> list[Json]:
    if address is None:
        return []
    lines = [line for line in (address.street, address.second_line) if line]
    return [{"line": lines, "city": address.city, "state": address.state, "postalCode": address.postal_code}]


def _contact(contact: ReviewContact | None) -> list[Json]:
    if contact is None:
        return []
    if contact.extension is not None:
        raise PasProblem("a telephone extension has no place of its own in PAS; write it into the number")
    ways = (("phone", contact.telephone), ("fax", contact.fax), ("email", contact.email))
    telecom = [{"system": system, "value": value} for system, value in ways if value]
    return [present(name={"text": contact.name} if contact.name else None, telecom=telecom)]


# --- reading ---------------------------------------------------------------------------------------------------------


class Resources:
    """The entries of a bundle by what references call them."""

    def __init__(self, bundle: Node) -> None:
        self._by_url: dict[str, Node] = {}
        self.all: list[Node] = []
        for one in bundle.nodes("entry"):
            resource = one.node("resource")
            url = one.text("fullUrl")
            if resource is None:
                raise PasProblem("an entry holds no resource")
            resource.known("id", "meta", "text", "language", "implicitRules")
            kind = resource.need("resourceType")
            self.all.append(resource)
            for name in (url, f"{kind}/{resource.text('id')}"):
                if name:
                    self._by_url.setdefault(name, resource)

    def of(self, holder: Node, name: str) -> Node | None:
        """What the reference leads to in this bundle; None when it leads elsewhere or says nothing."""
        said = holder.node(name)
        if said is None:
            return None
        said.known("type", "display", "identifier")
        return self._by_url.get(said.text("reference") or "")

    def kind(self, kind: str) -> list[Node]:
        return [r for r in self.all if r.text("resourceType") == kind]


def identifiers(node: Node, system: str) -> list[str]:
    wanted = node.guide.systems[system]
    found = []
    for one in node.nodes("identifier"):
        if one.text("system") == wanted:
            one.known("type", "use", "period", "assigner")
            found.append(one.need("value"))
    return found


def read_reviewer(node: Node | None) -> tuple[ReviewParty, str]:
    """The reviewer and the payer's id."""
    if node is None:
        raise PasProblem("the insurer is not in the bundle")
    node.known("active", "type", "telecom", "address", "contact")
    numbers = identifiers(node, "payer")
    if not numbers:
        raise PasProblem("the insurer has no identifier")
    return ReviewParty(name=node.text("name") or "", id=numbers[0]), numbers[-1]


def read_requester(node: Node | None) -> tuple[ReviewParty, str | None, ReviewAddress | None, ReviewContact | None]:
    if node is None:
        raise PasProblem("the requestor is not in the bundle")
    node.known("active")
    role = next((c for one in node.nodes("type") for c in [_coding(one, "organization_type")] if c), None)
    npi, tax = identifiers(node, "npi"), identifiers(node, "tax_id")
    if not npi:
        raise PasProblem("the requestor has no NPI")
    party = ReviewParty(name=node.text("name") or "", id=npi[0], role=None if role == "FA" else role)
    return party, next(iter(tax), None), _read_address(node), _read_contact(node)


def _coding(concept: Node, system: str) -> str | None:
    for one in concept.nodes("coding"):
        if one.text("system") == concept.guide.systems[system]:
            one.known("display")
            return one.text("code")
    return None


def _read_address(node: Node) -> ReviewAddress | None:
    for one in node.nodes("address"):
        lines = one.texts("line")
        one.known("use", "country")
        return ReviewAddress(
            street=lines[0] if lines else "", second_line=lines[1] if len(lines) >= ADDRESS_LINES else None,
            city=one.text("city") or "", state=one.text("state") or "", postal_code=one.text("postalCode") or "",
        )  # fmt: skip
    return None


def _read_contact(node: Node) -> ReviewContact | None:
    for one in node.nodes("contact"):
        name = one.node("name")
        ways: dict[str, str] = {}
        for way in one.nodes("telecom"):
            way.known("use", "rank")
            ways.setdefault(way.text("system") or "", way.text("value") or "")
        if ways.get("phone"):
            return ReviewContact(
                name=name.text("text") if name else None, telephone=ways["phone"], fax=ways.get("fax"),
                email=ways.get("email"),
            )  # fmt: skip
    return None


def read_person(node: Node | None, genders: Mapping[str, str]) -> ReviewPerson:
    if node is None:
        raise PasProblem("the patient is not in the bundle")
    names = node.nodes("name")
    born = node.day("birthDate")
    member = identifiers(node, "member")
    if not names or born is None or not member:
        raise PasProblem("the patient has no name, birth date or member id")
    names[0].known("use", "text")
    given = names[0].texts("given")
    said = node.text("gender") or "unknown"
    return ReviewPerson(
        family=names[0].need("family"), given=given[0] if given else "UNKNOWN", member_id=member[0], birth_date=born,
        gender=next((ours for ours, theirs in genders.items() if theirs == said), "U"), address=_read_address(node),
    )  # fmt: skip


def read_attending(node: Node, taxonomy: str | None) -> AttendingProvider:
    names, npi = node.nodes("name"), identifiers(node, "npi")
    given = names[0].texts("given") if names else ()
    return AttendingProvider(
        family=(names[0].text("family") if names else None) or "", given=given[0] if given else "",
        npi=npi[0] if npi else "", taxonomy=taxonomy,
    )  # fmt: skip


def urls(*key: str) -> dict[str, str]:
    """Addresses of what one bundle holds."""
    return {
        kind: full_url(*key, kind) for kind in ("Patient", "Insurer", "Requestor", "Coverage", "Encounter", "Service")
    }
