"""The gate denies by default; consents only add, revocations only take (domain 3.5, invariant 3)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.disclosure import ContentPart, Evidence, ExceptionKind, ExceptionOnFile, NoticeCode, RecordPeriod
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose
from interchange.x12.envelope import Control
from interchange.x12.review_request import encode
from rules.disclosure import ConsentOnFile, Cover, DisclosureAsk, Released, judge, release
from rules.disclosure_terms import MINIMUM, TERMS, TPO
from runtime.catalog import load_catalog

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MARCH = RecordPeriod(from_date=date(2026, 3, 1), through_date=date(2026, 3, 31))
WEEK = RecordPeriod(from_date=date(2026, 3, 2), through_date=date(2026, 3, 8))

moments = st.none() | st.sampled_from([NOW - 3 * DAY, NOW, NOW + SECOND, NOW + DAY])
periods = st.none() | st.sampled_from([MARCH, WEEK])
programs = st.sampled_from(["north-35", "north-21"])
consents = st.builds(
    ConsentOnFile,
    consent_id=st.sampled_from(["a", "b", "c"]),
    form=st.just("part2_tpo"),
    status=st.sampled_from([ConsentStatus.SIGNED, *ConsentStatus]),
    purposes=st.lists(st.sampled_from(list(Purpose)), max_size=3).map(tuple),
    contents=st.lists(st.sampled_from(list(ContentClass)), max_size=3).map(tuple),
    recipients=st.lists(st.sampled_from(["payer/meridian", "court/7"]), max_size=2).map(tuple),
    recipient_classes=st.lists(st.sampled_from(["health_plans", "treating_providers"]), max_size=2).map(tuple),
    programs=st.lists(programs, max_size=2).map(tuple),
    period=periods,
    signed_at=st.none() | st.sampled_from([NOW - 3 * DAY, NOW, NOW + DAY]),
    expires_at=moments,
    revoked_at=moments,
)
asks = st.builds(
    DisclosureAsk,
    person_id=st.sampled_from(["p", "q"]),
    episode_id=st.just("e"),
    content=st.sampled_from(list(ContentClass)),
    purpose=st.sampled_from(list(Purpose)),
    recipient=st.sampled_from(["payer/meridian", "court/7"]),
    recipient_class=st.sampled_from(["health_plans", "courts"]),
    parts=st.lists(st.sampled_from(list(ContentPart)), max_size=2).map(tuple),
    program=st.none() | programs,
    period=periods,
)
evidences = st.dictionaries(st.sampled_from(list(Evidence)), st.sampled_from(["doc-1", "", "  "]), max_size=14)
exceptions = st.builds(
    ExceptionOnFile,
    exception_id=st.sampled_from(["x", "y"]),
    kind=st.sampled_from(list(ExceptionKind)),
    person_id=st.none() | st.just("p"),
    recipient=st.sampled_from(["payer/meridian", "court/7"]),
    contents=st.lists(st.sampled_from(list(ContentClass)), max_size=4).map(tuple),
    valid_from=st.sampled_from([NOW - DAY, NOW, NOW + SECOND]),
    valid_until=moments,
    evidence=evidences | st.just({e: "doc-1" for e in Evidence}),
)
held_consents = st.lists(consents, max_size=4).map(tuple)
held_exceptions = st.lists(exceptions, max_size=3).map(tuple)

TPO_FORM = ConsentOnFile(
    consent_id="tpo", form="part2_tpo", status=ConsentStatus.SIGNED,
    purposes=(Purpose.TREATMENT, Purpose.PAYMENT, Purpose.OPERATIONS),
    contents=(ContentClass.AUTHORIZATION_REQUEST, ContentClass.CLINICAL_ATTACHMENT, ContentClass.CLAIM),
    recipient_classes=("health_plans",), signed_at=NOW - DAY,
)  # fmt: skip
REQUEST = DisclosureAsk(
    person_id="p", episode_id="e", content=ContentClass.AUTHORIZATION_REQUEST, purpose=Purpose.PAYMENT,
    recipient="payer/meridian", recipient_class="health_plans", program="north-35", period=WEEK,
)  # fmt: skip


def asking(**changes: object) -> DisclosureAsk:
    return REQUEST.model_copy(update=changes)


def consent(**changes: object) -> ConsentOnFile:
    return TPO_FORM.model_copy(update=changes)


@given(asks)
def test_nothing_on_file_releases_nothing(ask: DisclosureAsk) -> None:
    verdict = judge(ask, (), NOW)
    assert not verdict.allowed
    assert verdict.reasons


@given(asks, held_consents, consents, held_exceptions)
def test_another_consent_never_removes_a_permission(
    ask: DisclosureAsk, held: tuple[ConsentOnFile, ...], more: ConsentOnFile, paths: tuple[ExceptionOnFile, ...]
) -> None:
    if judge(ask, held, NOW, paths).allowed:
        assert judge(ask, (*held, more), NOW, paths).allowed
        assert judge(ask, (more, *held), NOW, paths).allowed


@given(asks, held_consents.filter(bool))
def test_revoked_consents_cover_nothing(ask: DisclosureAsk, held: tuple[ConsentOnFile, ...]) -> None:
    revoked = [c.model_copy(update={"revoked_at": NOW}) for c in held]
    assert not judge(ask, tuple(revoked), NOW).allowed
    assert not judge(ask, tuple(c.model_copy(update={"status": ConsentStatus.REVOKED}) for c in held), NOW).allowed


def less(held: ConsentOnFile) -> list[ConsentOnFile]:
    """Every way in which the consent says less: revoked, expired, for one recipient, program, day or class fewer."""
    changes: list[dict[str, object]] = [
        {"revoked_at": NOW},
        {"expires_at": NOW},
        {"status": ConsentStatus.REVOKED},
        {"status": ConsentStatus.EXPIRED},
        {"recipients": held.recipients[1:]},
        {"recipient_classes": held.recipient_classes[1:]},
        {"programs": held.programs[:1] or ("north-21",)},
        {"period": WEEK},
    ]
    if held.period == WEEK:
        changes[-1] = {"period": RecordPeriod(from_date=WEEK.from_date, through_date=WEEK.from_date)}
    if ContentClass.COUNSELLING_NOTES not in held.contents:
        changes.append({"contents": held.contents[1:]})
    if TPO.issuperset(held.purposes):
        changes.append({"purposes": held.purposes[1:]})
    return [held.model_copy(update=change) for change in changes]


@given(asks, held_consents.filter(bool), held_exceptions)
def test_revoking_expiring_or_narrowing_never_adds_a_permission(
    ask: DisclosureAsk, held: tuple[ConsentOnFile, ...], paths: tuple[ExceptionOnFile, ...]
) -> None:
    if not judge(ask, held, NOW, paths).allowed:
        for narrower in less(held[0]):
            assert not judge(ask, (narrower, *held[1:]), NOW, paths).allowed


@given(asks, held_consents, held_exceptions)
def test_what_is_released_rides_on_one_cover_that_holds_now(
    ask: DisclosureAsk, held: tuple[ConsentOnFile, ...], paths: tuple[ExceptionOnFile, ...]
) -> None:
    made = release("content", ask, held, NOW, paths)
    if not isinstance(made, Released):
        assert made.reasons
        return
    cover = made.cover
    assert (cover.consent_id is None) != (cover.exception is None)
    if cover.consent_id is not None:
        assert any(c.covers(ask) and c.valid_at(NOW) for c in held if c.consent_id == cover.consent_id)
        assert cover.notice is not None
        assert cover.scope
    else:
        terms = TERMS[cover.exception or ExceptionKind.COURT_ORDER]
        assert ask.purpose in terms.purposes
        assert ask.content in terms.contents
        assert all(cover.evidence.get(e, "").strip() for e in terms.evidence)
        riding = [p for p in paths if (p.exception_id, p.kind) == (cover.exception_id, cover.exception)]
        assert any(
            p.valid_from <= NOW and (p.valid_until is None or p.valid_until > NOW) and p.recipient == ask.recipient
            for p in riding
        )


@given(asks, exceptions, st.data())
def test_an_exception_without_one_piece_of_its_evidence_covers_nothing(
    ask: DisclosureAsk, path: ExceptionOnFile, data: st.DataObject
) -> None:
    needed = data.draw(st.sampled_from(TERMS[path.kind].evidence))
    blank = data.draw(st.sampled_from([None, "", "   "]))
    rest = {e: said for e, said in path.evidence.items() if e is not needed}
    without = path.model_copy(update={"evidence": rest if blank is None else rest | {needed: blank}})
    assert not judge(ask, (), NOW, (without,)).allowed


@given(asks, held_consents, held_exceptions)
def test_counselling_notes_leave_by_a_consent_of_their_own_that_names_the_recipient_or_not_at_all(
    ask: DisclosureAsk, held: tuple[ConsentOnFile, ...], paths: tuple[ExceptionOnFile, ...]
) -> None:
    notes = ask.model_copy(update={"content": ContentClass.COUNSELLING_NOTES})
    cover = judge(notes, held, NOW, paths).cover
    if cover is not None:
        assert cover.consent_id is not None
        assert any(
            set(c.contents) == {ContentClass.COUNSELLING_NOTES} and ask.recipient in c.recipients
            for c in held
            if c.consent_id == cover.consent_id
        )


OPEN = {
    kind: ExceptionOnFile(
        exception_id=f"x-{kind.value}", kind=kind, person_id="p" if terms.about_one_person else None,
        recipient="somebody/1", contents=tuple(terms.contents), valid_from=NOW - DAY, valid_until=NOW + DAY,
        evidence={e: "doc-1" for e in terms.evidence},
    )
    for kind, terms in TERMS.items()
}  # fmt: skip
WISHES = {
    ExceptionKind.MEDICAL_EMERGENCY: (Purpose.TREATMENT, ContentClass.HANDOFF),
    ExceptionKind.AUDIT_EVALUATION: (Purpose.OPERATIONS, ContentClass.CLINICAL_ATTACHMENT),
    ExceptionKind.COURT_ORDER: (Purpose.LEGAL, ContentClass.CLINICAL_ATTACHMENT),
    ExceptionKind.CHILD_ABUSE_REPORT: (Purpose.PUBLIC_DUTY, ContentClass.MANDATED_REPORT),
    ExceptionKind.SERVICE_ORGANIZATION: (Purpose.PAYMENT, ContentClass.CLAIM),
}


def wish(kind: ExceptionKind) -> DisclosureAsk:
    purpose, content = WISHES[kind]
    return asking(purpose=purpose, content=content, recipient="somebody/1", recipient_class="others")


@pytest.mark.parametrize("kind", ExceptionKind)
def test_each_exception_opens_its_own_path_only(kind: ExceptionKind) -> None:
    path, ask = OPEN[kind], wish(kind)
    verdict = judge(ask, (), NOW, (path,))
    assert verdict.cover == Cover(exception=kind, exception_id=path.exception_id, evidence=path.evidence)
    assert TERMS[kind].section in verdict.reasons[0]
    for closed in (
        ask.model_copy(update={"recipient": "somebody/2"}),
        ask.model_copy(update={"purpose": Purpose.PATIENT_REQUEST}),
        ask.model_copy(update={"content": ContentClass.COUNSELLING_NOTES}),
    ):
        assert not judge(closed, (), NOW, (path,)).allowed
    for changes in (
        {"valid_from": NOW + SECOND}, {"valid_until": NOW}, {"person_id": "q"}, {"contents": ()},
    ):  # fmt: skip
        assert not judge(ask, (), NOW, (path.model_copy(update=changes),)).allowed, changes
    for needed in TERMS[kind].evidence:
        rest = {e: said for e, said in path.evidence.items() if e is not needed}
        refused = judge(ask, (), NOW, (path.model_copy(update={"evidence": rest}),))
        assert needed.value.replace("_", " ") in " ".join(refused.reasons)


@pytest.mark.parametrize("kind", ExceptionKind)
def test_only_a_service_agreement_may_have_no_end(kind: ExceptionKind) -> None:
    endless = OPEN[kind].model_copy(update={"valid_until": None})
    assert judge(wish(kind), (), NOW, (endless,)).allowed is (kind is ExceptionKind.SERVICE_ORGANIZATION)


def test_a_consent_comes_before_an_exception() -> None:
    path = OPEN[ExceptionKind.SERVICE_ORGANIZATION].model_copy(update={"recipient": "payer/meridian"})
    cover = judge(REQUEST, (TPO_FORM,), NOW, (path,)).cover
    assert cover is not None
    assert (cover.consent_id, cover.exception) == ("tpo", None)


SIGNED_ALONE = consent(
    form="legal_proceedings", purposes=(Purpose.LEGAL,), recipients=("court/7",), recipient_classes=("courts",)
)
IN_COURT = asking(
    purpose=Purpose.LEGAL, content=ContentClass.CLINICAL_ATTACHMENT, recipient="court/7", recipient_class="courts"
)
NOTES = asking(content=ContentClass.COUNSELLING_NOTES)
NOTES_FORM = consent(contents=(ContentClass.COUNSELLING_NOTES,), recipients=("payer/meridian",))


@pytest.mark.parametrize(
    ("ask", "held", "says"),
    [
        (REQUEST, TPO_FORM, None),
        (asking(purpose=Purpose.LEGAL), consent(purposes=(*TPO_FORM.purposes, Purpose.LEGAL)), "a form of its own"),
        (
            asking(purpose=Purpose.PATIENT_REQUEST),
            consent(purposes=(*TPO_FORM.purposes, Purpose.PATIENT_REQUEST)),
            "a form of its own",
        ),
        (REQUEST, consent(purposes=(*TPO_FORM.purposes, Purpose.LEGAL)), None),
        (IN_COURT, SIGNED_ALONE, None),
        (IN_COURT, consent(purposes=(Purpose.LEGAL,), recipient_classes=("courts",)), "needs court/7 by name"),
        (NOTES, NOTES_FORM, None),
        (NOTES, consent(contents=(*TPO_FORM.contents, ContentClass.COUNSELLING_NOTES)), "a form of their own"),
        (
            NOTES,
            consent(contents=(ContentClass.COUNSELLING_NOTES,)),
            "needs payer/meridian by name",
        ),
        (asking(program="north-21"), consent(programs=("north-35",)), "not for north-21"),
        (asking(program=None), consent(programs=("north-35",)), "a program that nobody named"),
        (REQUEST, consent(programs=("north-35",)), None),
        (REQUEST, consent(period=MARCH), None),
        (asking(period=MARCH), consent(period=WEEK), "2026-03-02 through 2026-03-08 only"),
        (asking(period=None), consent(period=WEEK), "2026-03-02 through 2026-03-08 only"),
        (REQUEST, consent(signed_at=NOW + DAY), "not yet"),
        (REQUEST, consent(expires_at=NOW), "renew it"),
        (REQUEST, consent(revoked_at=NOW), "was revoked"),
        (asking(recipient="payer/unity", recipient_class="others"), TPO_FORM, "does not name payer/unity"),
    ],
)
def test_what_a_consent_says_and_what_it_does_not(ask: DisclosureAsk, held: ConsentOnFile, says: str | None) -> None:
    verdict = judge(ask, (held,), NOW)
    assert verdict.allowed is (says is None)
    if says is not None:
        assert says in " ".join(verdict.reasons)


@pytest.mark.parametrize(
    ("purpose", "content", "parts", "says"),
    [
        (Purpose.PAYMENT, ContentClass.AUTHORIZATION_REQUEST, (ContentPart.DIAGNOSES,), None),
        (Purpose.PAYMENT, ContentClass.AUTHORIZATION_REQUEST, (ContentPart.CLINICAL_FINDINGS,), "no clinical_findings"),
        (Purpose.PAYMENT, ContentClass.CLAIM, (ContentPart.CHARGES,), None),
        (Purpose.PAYMENT, ContentClass.CLAIM, (ContentPart.DOCUMENTS,), "no documents"),
        (Purpose.PAYMENT, ContentClass.ELIGIBILITY_QUERY, (ContentPart.DIAGNOSES,), "no diagnoses"),
        (Purpose.PAYMENT, ContentClass.HANDOFF, (), "more than payment needs"),
        (Purpose.OPERATIONS, ContentClass.MANDATED_REPORT, (), "more than operations needs"),
        (Purpose.TREATMENT, ContentClass.HANDOFF, tuple(ContentPart), None),
    ],
)
def test_the_minimum_of_a_purpose(
    purpose: Purpose, content: ContentClass, parts: tuple[ContentPart, ...], says: str | None
) -> None:
    """45 CFR 164.502(b): payment and operations get what they need; treatment is not measured (domain 3.6)."""
    everything = consent(contents=(content,))
    verdict = judge(asking(purpose=purpose, content=content, parts=parts), (everything,), NOW)
    assert verdict.allowed is (says is None)
    assert says is None or says in verdict.reasons[0]


def test_no_minimum_knows_counselling_notes() -> None:
    assert all(ContentClass.COUNSELLING_NOTES not in contents for contents in MINIMUM.values())
    assert all(ContentClass.COUNSELLING_NOTES not in terms.contents for terms in TERMS.values())


@pytest.mark.parametrize(
    ("content", "notice"),
    [
        (ContentClass.AUTHORIZATION_REQUEST, NoticeCode.BY_AGREEMENT),
        (ContentClass.CLINICAL_ATTACHMENT, NoticeCode.LONG),
    ],
)
def test_a_cover_carries_scope_and_notice(content: ContentClass, notice: NoticeCode) -> None:
    """2.32: a notice, and an explanation of what the patient agreed to."""
    cover = judge(asking(content=content), (consent(period=MARCH),), NOW).cover
    assert cover is not None
    assert cover.notice is notice
    assert cover.scope == {
        "form": "part2_tpo",
        "purposes": ["treatment", "payment", "operations"],
        "contents": ["authorization_request", "clinical_attachment", "claim"],
        "recipient_classes": ["health_plans"],
        "period": {"from_date": "2026-03-01", "through_date": "2026-03-31"},
    }


def test_every_released_form_that_covers_anything_can_be_used_for_all_it_names() -> None:
    """A form that mixes what must stand alone would be signed and never work."""
    for form in load_catalog().latest.consents.values():
        for purpose in form.purposes:
            for content in form.contents:
                if purpose in MINIMUM and content not in MINIMUM[purpose]:
                    continue
                signed = ConsentOnFile(
                    consent_id="c", form=form.key, status=ConsentStatus.SIGNED, purposes=form.purposes,
                    contents=form.contents, recipients=("somebody",), signed_at=NOW - DAY,
                )  # fmt: skip
                ask = asking(purpose=purpose, content=content, recipient="somebody")
                assert judge(ask, (signed,), NOW).allowed, (form.key, purpose, content)


def test_nobody_else_can_make_a_released_value() -> None:
    with pytest.raises(TypeError):
        Released(object(), "content", REQUEST, Cover(consent_id="c", form="f"), NOW)


def test_encoders_do_not_take_bare_content() -> None:
    with pytest.raises(AttributeError):
        encode("plain text", Control("A", "B", 1, NOW))  # type: ignore[arg-type]  # the point of the test
