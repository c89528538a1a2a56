"""Every value this house can write as X12, with every optional part there and not there."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from definitions.admission_notification import AdmissionNotification, NotificationKind
from definitions.review_codes import Action, Certification, LevelOfService
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import (
    AdmissionCodes,
    Answers,
    AttendingProvider,
    DateSpan,
    EventProvider,
    LineDecision,
    LineReview,
    OtherReviewer,
    Rejection,
    ReviewAddress,
    ReviewAttachment,
    ReviewCondition,
    ReviewContact,
    ReviewDependent,
    ReviewDiagnosis,
    ReviewParty,
    ReviewPerson,
    ReviewReference,
    ServiceDelivery,
    ServiceLine,
    ServicesReviewRequest,
    ServicesReviewResponse,
)
from tests.interchange.x12.samples import NOW

CODE = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=1, max_size=12)
LONG_CODE = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", min_size=2, max_size=12)
WORD = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ'-.,", min_size=1, max_size=12)
NAME = st.lists(WORD, min_size=1, max_size=2).map(" ".join)
DIGITS = st.text("0123456789", min_size=10, max_size=10)
DAY = st.dates(date(1930, 1, 1), date(2060, 12, 31))
SPAN = st.tuples(DAY, DAY).map(lambda d: DateSpan(first=min(d), last=max(d)))
COUNT = st.integers(0, 999)


def maybe(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | inner


def some(inner: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=most).map(tuple)


def pick(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


ADDRESSES = st.builds(
    ReviewAddress, street=NAME, second_line=maybe(NAME), city=NAME.filter(lambda n: len(n) > 1),
    state=pick("TX", "NY"), postal_code=pick("78701", "787010001"),
)  # fmt: skip
CONTACTS = st.builds(
    ReviewContact, name=maybe(NAME), telephone=DIGITS, fax=maybe(DIGITS), extension=maybe(CODE), email=maybe(CODE)
).filter(lambda c: not (c.fax and c.extension and c.email))
REVIEWERS = st.builds(
    ReviewParty, name=NAME, id=LONG_CODE, role=maybe(pick("2B", "36", "PR")), qualifier=maybe(pick("XV", "46")),
    given=maybe(NAME),
)  # fmt: skip
REQUESTERS = st.builds(
    ReviewParty, name=NAME, id=DIGITS, role=maybe(st.just("1P")), qualifier=maybe(pick("24", "34")), given=maybe(NAME)
)
REFERENCES = st.builds(ReviewReference, qualifier=pick("1G", "1J", "ZH"), number=CODE)
MEMBER_REFERENCES = st.builds(ReviewReference, qualifier=pick("EJ", "SY"), number=CODE)
SUBSCRIBERS = st.builds(
    ReviewPerson, family=NAME, given=NAME, member_id=LONG_CODE, birth_date=DAY, gender=pick("F", "M", "U"),
    address=maybe(ADDRESSES), references=some(MEMBER_REFERENCES), relationship=maybe(st.just("18")),
)  # fmt: skip


def _born(person: ReviewDependent) -> ReviewDependent:
    """A gender is said together with a birth date only (DMG)."""
    return person if person.birth_date else person.model_copy(update={"gender": None})


DEPENDENTS = st.builds(
    ReviewDependent, family=NAME, given=maybe(NAME), member_id=maybe(LONG_CODE), birth_date=maybe(DAY),
    gender=maybe(pick("F", "M", "U")), address=maybe(ADDRESSES), references=some(MEMBER_REFERENCES),
    relationship=maybe(pick("01", "19", "G8")),
).map(_born)  # fmt: skip
DIAGNOSES = st.builds(ReviewDiagnosis, qualifier=pick("ABK", "ABJ", "ABF"), code=CODE)
DELIVERIES = st.builds(
    ServiceDelivery, kind=pick("DY", "VS"), quantity=COUNT, period=maybe(st.just("WK")),
    every=maybe(st.integers(1, 9)), span=st.just("34"), span_count=maybe(st.integers(1, 12)),
    days=maybe(st.just("1")), time_of_day=maybe(st.just("A")),
)  # fmt: skip
ADMISSIONS = st.builds(
    AdmissionCodes, type=st.just("3"), source=maybe(st.just("D")), patient_status=maybe(st.just("30"))
)
ATTACHMENTS = st.builds(
    ReviewAttachment, kind=pick("06", "09"), transmission=pick("EL", "FX"), control_number=LONG_CODE,
    description=maybe(NAME),
)  # fmt: skip
CONDITIONS = st.builds(
    ReviewCondition, category=pick("07", "75"), applies=st.booleans(),
    codes=st.lists(pick("01", "9D", "60"), min_size=1, max_size=5).map(tuple),
)  # fmt: skip
ATTENDING = st.builds(AttendingProvider, family=NAME, given=NAME, npi=DIGITS, taxonomy=maybe(CODE))
_ROLES = ("FA", "SJ", "DK", "DN", "AAJ", "77")
PROVIDERS = st.builds(
    EventProvider, role=pick(*_ROLES), name=maybe(NAME), given=maybe(NAME), id=LONG_CODE, qualifier=pick("XX", "24"),
    references=some(REFERENCES), address=maybe(ADDRESSES), contact=maybe(CONTACTS), specialty=pick("PE", "AT"),
    taxonomy=CODE,
) | st.builds(
    EventProvider, role=pick(*_ROLES), name=maybe(NAME), given=maybe(NAME), references=some(REFERENCES),
    address=maybe(ADDRESSES), contact=maybe(CONTACTS),
) | st.builds(EventProvider, role=st.just("71"), name=NAME, given=NAME, id=DIGITS, contact=CONTACTS)  # fmt: skip
OTHERS = st.builds(OtherReviewer, name=NAME, role=pick("PR", "2B"), reasons=some(CODE, 3), denied_on=maybe(DAY))
PLACES = st.fixed_dictionaries(
    {"facility_type": pick("86", "11"), "location_qualifier": pick("A", "B")}
) | st.fixed_dictionaries({"facility_type": st.none(), "location_qualifier": st.none()})
LINE_REVIEWS = PLACES.flatmap(
    lambda place: st.builds(
        LineReview, category=pick("HS", "SC", "IN"), certification=pick("I", "4"), service_type=maybe(st.just("AI")),
        level_of_service=maybe(st.just("U")), **{k: st.just(v) for k, v in place.items()},
    )
)  # fmt: skip
MODIFIERS = some(pick("HG", "U1", "TG"), 4)
AMOUNTS = st.decimals(Decimal(0), Decimal("99999.99"), places=2)
_LINE_PARTS: dict[str, Any] = {
    "trace": maybe(CODE), "dates": SPAN, "quantity": COUNT, "modifiers": MODIFIERS, "amount": maybe(AMOUNTS),
    "review": maybe(LINE_REVIEWS), "previous_number": maybe(CODE), "reference_number": maybe(CODE),
    "diagnoses": some(DIAGNOSES), "delivery": maybe(DELIVERIES), "attachments": some(ATTACHMENTS),
    "message": maybe(NAME), "providers": some(PROVIDERS),
}  # fmt: skip
ASKED_LINES = st.builds(
    ServiceLine, revenue_code=CODE, procedure_code=CODE, unit=pick("DA", "UN"), **_LINE_PARTS
) | st.builds(
    ServiceLine, revenue_code=st.just(""), procedure_code=CODE, unit=pick("UN", "MJ"), professional=st.just(True),
    **_LINE_PARTS,
)  # fmt: skip

REQUESTS = st.builds(
    ServicesReviewRequest,
    submitter_id=st.just("HARBORREC"), receiver_id=st.just("SAMPLECH"), reviewer=REVIEWERS, requester=REQUESTERS,
    requester_tax_id=maybe(DIGITS), requester_references=some(REFERENCES), requester_address=maybe(ADDRESSES),
    requester_contact=maybe(CONTACTS), requester_taxonomy=maybe(CODE), subscriber=SUBSCRIBERS,
    dependent=maybe(DEPENDENTS), trace=CODE, originator=DIGITS, category=pick("AR", "HS", "SC"),
    certification=st.sampled_from(Certification), service_type=pick("AI", "A4", "MH"),
    facility_type=pick("86", "57", "11"), location_qualifier=pick("A", "B"),
    level_of_service=maybe(st.sampled_from(LevelOfService)), release_code=pick("Y", "I"),
    delay_reason=maybe(pick("1", "11")), previous_number=maybe(CODE), reference_number=maybe(CODE),
    admission_date=maybe(DAY), discharge_date=maybe(DAY), event_dates=maybe(SPAN), diagnoses=some(DIAGNOSES, 12),
    delivery=st.just(ServiceDelivery()) | DELIVERIES, conditions=some(CONDITIONS), admission_codes=maybe(ADMISSIONS),
    attachments=some(ATTACHMENTS, 3), attending=maybe(ATTENDING), providers=some(PROVIDERS),
    other_reviewers=some(OTHERS), message=maybe(NAME), lines=some(ASKED_LINES, 3), created_at=st.just(NOW),
)  # fmt: skip
INQUIRIES = PLACES.flatmap(
    lambda place: st.builds(
        ReviewInquiry, submitter_id=st.just("HARBORREC"), receiver_id=st.just("SAMPLECH"), reviewer=REVIEWERS,
        requester=REQUESTERS, subscriber=SUBSCRIBERS, dependent=maybe(DEPENDENTS), trace=CODE, originator=DIGITS,
        about_trace=maybe(CODE), category=pick("AR", "HS", "SC"), service_type=maybe(st.just("AI")),
        previous_number=maybe(CODE), reference_number=maybe(CODE), admission_date=maybe(DAY), event_dates=maybe(SPAN),
        created_at=st.just(NOW), **{k: st.just(v) for k, v in place.items()},
    )
)  # fmt: skip


def _notices(kind: NotificationKind, discharged: st.SearchStrategy[Any]) -> st.SearchStrategy[AdmissionNotification]:
    return st.builds(
        AdmissionNotification, submitter_id=st.just("HARBORREC"), receiver_id=st.just("SAMPLECH"), kind=st.just(kind),
        cancels=st.booleans(), reviewer=REVIEWERS, requester=REQUESTERS, requester_address=maybe(ADDRESSES),
        requester_contact=maybe(CONTACTS), subscriber=SUBSCRIBERS, dependent=maybe(DEPENDENTS), trace=CODE,
        originator=DIGITS, service_type=pick("AI", "MH"), facility_type=pick("86", "21"), location_qualifier=pick("A", "B"),
        previous_number=maybe(CODE), admission_date=DAY, discharge_date=discharged, diagnoses=some(DIAGNOSES, 12),
        admission_codes=maybe(ADMISSIONS), attending=maybe(ATTENDING), message=maybe(NAME), created_at=st.just(NOW),
    )  # fmt: skip


NOTICES = _notices(NotificationKind.ADMISSION, st.none()) | _notices(NotificationKind.DISCHARGE, DAY)

LINE_ACTIONS = st.sampled_from([a for a in Action if a is not Action.PARTIAL])


@st.composite
def amounts(draw: st.DrawFn) -> dict[str, Any]:
    delivery = draw(maybe(DELIVERIES))
    if delivery is not None:
        return {"delivery": delivery, "units": delivery.quantity, "unit": delivery.kind}
    if draw(st.booleans()):
        return {"units": None, "unit": None}
    return {"units": draw(COUNT), "unit": draw(pick("DY", "VS"))}


@st.composite
def decided_lines(draw: st.DrawFn) -> LineDecision:
    professional = draw(st.booleans())
    procedure = draw(CODE if professional else maybe(CODE))
    asked = draw(maybe(SPAN))
    return draw(
        st.builds(
            LineDecision, trace=maybe(CODE), action=maybe(LINE_ACTIONS), review=maybe(LINE_REVIEWS),
            reference_number=maybe(CODE), previous_number=maybe(CODE),
            from_date=st.just(asked.first if asked else None), through_date=st.just(asked.last if asked else None),
            issued_on=maybe(DAY), certified=maybe(SPAN), expires_on=maybe(DAY), professional=st.just(professional),
            revenue_code=st.none() if professional else CODE, procedure_code=st.just(procedure),
            modifiers=MODIFIERS if procedure else st.just(()), attachments=some(ATTACHMENTS), wanted=some(CODE),
            message=NAME, further_messages=some(NAME), providers=some(PROVIDERS),
            **{k: st.just(v) for k, v in draw(amounts()).items()},
        ).flatmap(_decided)
    )  # fmt: skip


def _decided(value: Any) -> st.SearchStrategy[Any]:
    """Number, reason and second opinion come with an action only."""
    if value.action is None:
        return st.just(value)
    return st.builds(
        lambda number, reason, opinion: value.model_copy(
            update={"number": number, "reason": reason, "second_opinion": opinion}
        ),
        maybe(CODE), maybe(pick("10", "0F")), maybe(st.booleans()),
    )  # fmt: skip


@st.composite
def reviews(draw: st.DrawFn, *, certification: bool) -> dict[str, Any]:
    if not draw(st.booleans()):
        return {}
    kinds = pick("I", "4", "S")
    return {
        "category": draw(pick("AR", "HS")), "certification": draw(kinds if certification else maybe(kinds)),
        "service_type": draw(maybe(st.just("AI"))), "level_of_service": draw(maybe(st.just("U"))), **draw(PLACES),
    }  # fmt: skip


@st.composite
def events(draw: st.DrawFn, answers: Answers) -> dict[str, Any]:
    """The event part of an answer."""
    parts: dict[str, Any] = {
        "trace": draw(maybe(CODE) if answers is Answers.INQUIRY else CODE), "originator": draw(DIGITS),
        "inquiry_trace": draw(CODE) if answers is Answers.INQUIRY else None,
        **draw(reviews(certification=answers is Answers.REQUEST)), "action": draw(maybe(st.sampled_from(Action))),
        "reference_number": draw(maybe(CODE)), "previous_number": draw(maybe(CODE)),
        "admission_date": draw(maybe(DAY)), "discharge_date": draw(maybe(DAY)), "event_dates": draw(maybe(SPAN)),
        "issued_on": draw(maybe(DAY)), "message": draw(NAME), "further_messages": draw(some(NAME)),
    }  # fmt: skip
    if answers is Answers.NOTIFICATION:
        return parts
    certified = draw(maybe(SPAN))
    return parts | {
        "from_date": certified.first if certified else None, "through_date": certified.last if certified else None,
        "expires_on": draw(maybe(DAY)), "diagnoses": draw(some(DIAGNOSES, 6)), "wanted": draw(some(CODE, 6)),
        **draw(amounts()), "admission_codes": draw(maybe(ADMISSIONS)), "attachments": draw(some(ATTACHMENTS)),
        "providers": draw(some(PROVIDERS)), "lines": draw(some(decided_lines(), 3)),
        "information_contact": draw(maybe(st.builds(
            EventProvider, role=st.just("L5"), name=maybe(NAME), address=maybe(ADDRESSES), contact=maybe(CONTACTS)
        ))),
    }  # fmt: skip


@st.composite
def answers_to(draw: st.DrawFn, answers: Answers) -> ServicesReviewResponse:
    born = draw(maybe(DAY))
    event = draw(events(answers)) if draw(st.booleans()) else {}
    answer = ServicesReviewResponse(
        answers=answers, submitter_id="SAMPLECH", receiver_id="HARBORREC", reviewer=draw(REVIEWERS),
        reviewer_contact=draw(maybe(CONTACTS)), requester=draw(REQUESTERS), member_id=draw(maybe(LONG_CODE)),
        member_family=draw(maybe(NAME)), member_given=draw(maybe(NAME)), member_birth_date=born,
        member_gender=draw(maybe(pick("F", "M", "U"))) if born else None, member_address=draw(maybe(ADDRESSES)),
        dependent=draw(maybe(DEPENDENTS)), reference=draw(CODE), more_to_come=draw(st.booleans()), created_at=NOW,
        **event,
    )  # fmt: skip
    if answer.action is not None:
        answer = draw(_decided(answer))
    return answer.model_copy(update={"rejections": draw(rejections(answer))})


@st.composite
def rejections(draw: st.DrawFn, answer: ServicesReviewResponse) -> tuple[Rejection, ...]:
    """At any of the places the answer has, in their order; a line without a decision has one at least."""
    payer_first = answer.answers is not Answers.NOTIFICATION
    head = [("2000A", 1), ("2010A", 1), ("2010B", 1), ("2010C", 1), *([("2010D", 1)] if answer.dependent else [])]
    places: list[tuple[str, int, int]] = [(loop, n, 0) for loop, n in head]
    if answer.trace is not None or answer.inquiry_trace is not None:
        places.append(("2000E", 1, 0))
        places += [("2010EA", n, 0) for n in range(1, len(answer.providers) + 1)] if payer_first else []
        providers = 0
        for count, line in enumerate(answer.lines, start=1):
            places.append(("2000F", count, 1 if line.action is None else 0))
            for _ in line.providers:
                providers += 1
                places.append(("2010F", providers, 0))
    found: list[Rejection] = []
    for loop, occurrence, least in places:
        count = max(least, draw(pick(0, 0, 0, 1, 2)))
        found += [
            Rejection(
                loop=loop, occurrence=occurrence, code=draw(pick("42", "75", "AA")), follow_up=draw(pick(*"CNRY")),
                understood=draw(st.booleans()),
            )
            for _ in range(count)
        ]  # fmt: skip
    return tuple(found)
