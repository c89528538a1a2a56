"""A payer's answer read back: the same values a 278 gives, and the paths of everything else (domain 4.4, 4.6)."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from definitions.pas_guide import PasGuide
from definitions.review_codes import Action
from definitions.review_parts import DateSpan, ReviewParty
from definitions.services_review import Answers, LineDecision, Rejection, ServicesReviewResponse
from interchange.fhir.pas.claim_reading import IMPLIED
from interchange.fhir.pas.parties import Resources, identifiers
from interchange.fhir.pas.reading import Node, loaded, modified
from interchange.fhir.pas.request_bundle import open_bundle
from interchange.fhir.pas.words import PasProblem

PREAUTHORIZATION: Final = "preauthorization"
CHANGING: Final = frozenset({"id", "meta", "text"})
"""Of a ClaimResponse: what a server changes without saying anything new."""


@dataclass(frozen=True, slots=True)
class PasAnswer:
    """`told` with all lines of the bundle; `sequences`: by index of a line the sequence of its item, None for one that was
    never asked. `unread`: paths. `substance`: the same for the same answer in another bundle."""

    told: ServicesReviewResponse
    sequences: tuple[int | None, ...]
    unread: tuple[str, ...]
    substance: str

    def about(self, own: dict[int, str | None]) -> ServicesReviewResponse:
        """As the answer to one request, whose items have these sequences (with their traces): an update's answer says all
        items of the case anew, and only what was asked now is answered now."""
        if not any(n in own for n in self.sequences):
            return self.told
        lines = tuple(
            line.model_copy(update={"trace": line.trace or own[n]})
            for line, n in zip(self.told.lines, self.sequences, strict=True)
            if n is not None and n in own
        )
        return self.told.model_copy(update={"lines": lines})


def parse_response(text: str, guide: PasGuide, *, inquiry: bool = False) -> PasAnswer:
    """Raises `PasProblem` when it is no answer: no ClaimResponse first, no trace, an action nobody knows."""
    return read_response(loaded(text), guide, inquiry=inquiry)


def read_response(value: dict[str, Any], guide: PasGuide, *, inquiry: bool = False) -> PasAnswer:
    root = Node.root(value, guide)
    sender = open_bundle(root)
    resources = Resources(root)
    first = resources.all[0] if resources.all else None
    if first is None or first.text("resourceType") != "ClaimResponse":
        raise PasProblem("the first entry of the bundle is no ClaimResponse")
    if (
        modified(first.value)
        or first.text("status") not in (None, "active")
        or first.text("use") not in (None, PREAUTHORIZATION)
    ):
        raise PasProblem(
            "the ClaimResponse is not in force, of another use, or modified in a way this house does not know"
        )
    try:
        told, sequences = _told(first, resources, sender, root.moment("timestamp"), inquiry=inquiry)
    except ValueError:
        raise PasProblem("the answer holds a code or a date that is none") from None
    return PasAnswer(told, sequences, root.unread(), substance_of(value))


def substance_of(value: dict[str, Any]) -> str:
    """A digest of what is answered: the ClaimResponse and what it wants, without what differs from bundle to bundle."""
    said = [e.get("resource") for e in value.get("entry", []) if isinstance(e, dict)]
    kept = [
        {k: v for k, v in r.items() if k not in CHANGING}
        for r in said
        if isinstance(r, dict) and r.get("resourceType") in ("ClaimResponse", "CommunicationRequest")
    ]
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _told(
    node: Node, resources: Resources, sender: str, stamped: datetime | None, *, inquiry: bool
) -> tuple[ServicesReviewResponse, tuple[int | None, ...]]:
    node.known(*IMPLIED, "outcome", "communicationRequest")
    certified = node.span("preAuthPeriod")
    node.code("type", "claim_type")
    trace, originator = _trace(node)
    notes = _notes(node)
    lines, sequences, tracking, previous = _lines(node, resources)
    whole = _action(node)
    created = node.moment("created") or stamped
    if created is None:
        raise PasProblem("the answer says no moment")
    wanted, wanted_by = _wanted_whole(resources)
    number = node.text("preAuthRef") or whole.number
    insurer = _party(resources.of(node, "insurer"), "payer")
    return (
        ServicesReviewResponse(
            answers=Answers.INQUIRY if inquiry else Answers.REQUEST, submitter_id=sender, receiver_id="",
            reviewer=insurer, requester=_party(resources.of(node, "requestor"), "npi"),
            member_id=_member(resources.of(node, "patient")), trace=trace, originator=originator, reference=trace,
            rejections=_rejections(node), action=whole.action, number=number, reason=whole.reason,
            second_opinion=whole.second_opinion, reference_number=tracking or node.said("reference_number"),
            previous_number=previous, message=notes[0] if notes else None, further_messages=notes[1:], lines=lines,
            wanted=wanted, wanted_by=wanted_by, from_date=certified.first if certified else None,
            through_date=certified.last if certified else None,
            more_to_come=any(line.action is Action.PENDED for line in lines) or whole.action is Action.PENDED,
            created_at=created,
        ),
        sequences,
    )  # fmt: skip


def _trace(node: Node) -> tuple[str, str]:
    """The request's own identifier: as the answer names what it answers (`request`), else as its own."""
    prefix = node.guide.systems["trace_prefix"]
    request = node.node("request")
    if request is not None:
        request.known("reference", "type", "display")
    named = request.node("identifier") if request else None
    found = []
    for one in [*([named] if named else []), *node.nodes("identifier")]:
        if (one.text("system") or "").startswith(prefix):
            one.known("type", "use", "assigner")
            found.append((one.need("value"), one.need("system").removeprefix(prefix)))
    if not found:
        raise PasProblem("the answer has no trace (identifier)")
    return found[0]


def _notes(node: Node) -> tuple[str, ...]:
    found = []
    for one in node.nodes("processNote"):
        one.known("number", "type", "language")
        text = one.text("text")
        if text:
            found.append(text)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Said:
    action: Action | None = None
    number: str | None = None
    reason: str | None = None
    second_opinion: bool | None = None


def _action(node: Node) -> _Said:
    """HCR as the review action of an adjudication."""
    for one in node.nodes("adjudication"):
        one.code("category", "adjudication")
        said = one.extension("review_action")
        if said is None:
            continue
        code = said.coded_extension("review_action_code", "action")
        opinion = said.extension("secondSurgicalOpinionFlag")
        return _Said(
            action=Action(code) if code else None, number=said.said("number"),
            reason=said.coded_extension("reasonCode", "reason"),
            second_opinion=opinion.flag("valueBoolean") if opinion else None,
        )  # fmt: skip
    return _Said()


def _lines(
    node: Node, resources: Resources
) -> tuple[tuple[LineDecision, ...], tuple[int | None, ...], str | None, str | None]:
    """Items with what was granted in place of them; last those nobody asked for."""
    granted: dict[int, LineDecision] = {}
    beyond: list[LineDecision] = []
    for one in node.nodes("addItem"):
        line, sequences = _added(one), one.numbers("itemSequence")
        for n in sequences:
            granted[n] = line
        if not sequences:
            beyond.append(line)
    lines: list[LineDecision] = []
    sequences_: list[int | None] = []
    tracking = previous = None
    asked = {one.whole("itemSequence") for one in node.nodes("item")}
    for one in node.nodes("item"):
        one.known("noteNumber")
        sequence = one.whole("itemSequence")
        if sequence is None:
            raise PasProblem("an item of the answer has no sequence")
        line = _item(one, resources, sequence)
        tracking, previous = tracking or line.reference_number, previous or line.previous_number
        if sequence in granted and line.action is Action.MODIFIED:
            line = _instead(line, granted[sequence])
        lines.append(line)
        sequences_.append(sequence)
    beyond += [line for n, line in granted.items() if n not in asked]
    return (*lines, *beyond), (*sequences_, *(None for _ in beyond)), tracking, previous


def _instead(asked: LineDecision, granted: LineDecision) -> LineDecision:
    """A6: the answer is the item's, what was granted is the added one's."""
    over = {
        k: v for k, v in granted.model_dump().items() if v not in (None, (), False) and k not in ("action", "trace")
    }
    return asked.model_copy(update=over)


def _item(node: Node, resources: Resources, sequence: int) -> LineDecision:
    said = _action(node)
    trace = node.extension("item_trace")
    named = trace.node("valueIdentifier") if trace else None
    if named is not None:
        named.known("system")
    issued = node.extension("issued_on")
    certified = _span(node, "certified")
    dates = _span(node, "service_dates")
    detail = node.extension("authorized_detail")
    amount = detail.extension("quantity") if detail else None
    units, unit = _amount(amount.node("valueQuantity") if amount else None)
    span = dates or certified
    return LineDecision(
        trace=named.text("value") if named else None, action=said.action, number=said.number, reason=said.reason,
        second_opinion=said.second_opinion, reference_number=node.said("reference_number"),
        previous_number=node.said("authorization_number"), from_date=span.first if span else None,
        through_date=span.last if span else None, issued_on=issued.day("valueDate") if issued else None,
        certified=certified, units=units, unit=unit,
        revenue_code=detail.coded_extension("revenue", "revenue") if detail else None,
        procedure_code=_procedure(detail), wanted=_wanted(resources, sequence),
    )  # fmt: skip


def _procedure(detail: Node | None) -> str | None:
    return detail.coded_extension("productOrServiceCode", "procedure") if detail else None


def _added(node: Node) -> LineDecision:
    said = _action(node)
    node.known("noteNumber")
    dates = node.span("servicedPeriod")
    on = node.day("servicedDate")
    units, unit = _amount(node.node("quantity"))
    procedure = node.code("productOrService", "procedure")
    if procedure is None:
        node.code("productOrService", "data_absent")
    return LineDecision(
        action=said.action, number=said.number, reason=said.reason, from_date=dates.first if dates else on,
        through_date=dates.last if dates else on, units=units, unit=unit,
        revenue_code=node.coded_extension("item_revenue", "revenue"), procedure_code=procedure,
    )  # fmt: skip


def _amount(node: Node | None) -> tuple[int | None, str | None]:
    if node is None:
        return None, None
    node.known("system", "unit")
    return node.whole("value"), node.text("code")


def _span(node: Node, name: str) -> DateSpan | None:
    said = node.extension(name)
    on: date | None = said.day("valueDate") if said else None
    return (said.span("valuePeriod") if said else None) or (DateSpan(first=on, last=on) if on else None)


def _rejections(node: Node) -> tuple[Rejection, ...]:
    """Business errors: an AAA as PAS says it."""
    found = []
    for one in node.nodes("error"):
        one.known("itemSequence", "detailSequence", "subDetailSequence")
        element = one.extension("error_element")
        inner = element.said("error") if element else None
        place = (element.text("valueString") if element else None) or inner or "2000E"
        found.append(
            Rejection(
                loop=place.split("-", 1)[0], code=one.code("code", "reject") or "42",
                follow_up=one.coded_extension("error_follow_up", "follow_up") or "C",
            )
        )  # fmt: skip
    return tuple(found)


def _wanted(resources: Resources, sequence: int) -> tuple[str, ...]:
    found = []
    for request in resources.kind("CommunicationRequest"):
        for payload in request.nodes("payload"):
            line = payload.extension("service_line")
            if line is not None and line.whole("valuePositiveInt") == sequence:
                found.append(payload.need("contentString"))
    return tuple(found)


def _wanted_whole(resources: Resources) -> tuple[tuple[str, ...], datetime | None]:
    """All documents that are asked for, and by when."""
    codes: list[str] = []
    until = None
    for request in resources.kind("CommunicationRequest"):
        request.known(
            "status", "requester", "recipient", "sender", "subject", "about", "priority", "identifier", "medium"
        )
        codes += [p.need("contentString") for p in request.nodes("payload")]
        span = request.node("occurrencePeriod")
        if span is not None:
            until = span.moment("end") or until
        until = request.moment("occurrenceDateTime") or until
    return tuple(codes), until


def _party(node: Node | None, system: str) -> ReviewParty:
    if node is None:
        return ReviewParty(name="", id="")
    node.known("active", "type", "telecom", "address", "contact")
    numbers = identifiers(node, system)
    return ReviewParty(name=node.text("name") or "", id=numbers[0] if numbers else "")


def _member(node: Node | None) -> str | None:
    """By member id only: what else the answer says of the person is theirs to know, and ours already."""
    if node is None:
        return None
    node.known("name", "gender", "birthDate", "address", "telecom", "active")
    found = identifiers(node, "member")
    return found[0] if found else None
