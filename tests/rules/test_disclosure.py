"""The gate denies by default; consents only add, revocations only take (domain 3.5, invariant 3)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.vocabulary import ConsentStatus, ContentClass, Purpose
from interchange.x12.envelope import Control
from interchange.x12.review_request import encode
from rules.disclosure import ConsentOnFile, Cover, DisclosureAsk, Released, judge, release

NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)

consents = st.builds(
    ConsentOnFile,
    consent_id=st.sampled_from(["a", "b", "c"]),
    form=st.just("part2_tpo"),
    status=st.sampled_from(list(ConsentStatus)),
    purposes=st.lists(st.sampled_from(list(Purpose)), max_size=3).map(tuple),
    contents=st.lists(st.sampled_from(list(ContentClass)), max_size=3).map(tuple),
    recipient_classes=st.lists(st.sampled_from(["health_plans", "treating_providers"]), max_size=2).map(tuple),
    signed_at=st.none() | st.just(NOW - timedelta(days=3)) | st.just(NOW + timedelta(days=1)),
    expires_at=st.none() | st.just(NOW) | st.just(NOW + timedelta(seconds=1)),
    revoked_at=st.none() | st.just(NOW) | st.just(NOW + timedelta(days=1)),
)
asks = st.builds(
    DisclosureAsk,
    person_id=st.just("p"),
    episode_id=st.just("e"),
    content=st.sampled_from(list(ContentClass)),
    purpose=st.sampled_from(list(Purpose)),
    recipient=st.just("payer/meridian"),
    recipient_class=st.sampled_from(["health_plans", "courts"]),
)


@given(asks)
def test_nothing_on_file_releases_nothing(ask: DisclosureAsk) -> None:
    verdict = judge(ask, (), NOW)
    assert not verdict.allowed
    assert verdict.reasons


@given(asks, st.lists(consents, max_size=4), consents)
def test_another_consent_never_removes_a_permission(
    ask: DisclosureAsk, held: list[ConsentOnFile], more: ConsentOnFile
) -> None:
    if judge(ask, tuple(held), NOW).allowed:
        assert judge(ask, (*held, more), NOW).allowed


@given(asks, st.lists(consents, min_size=1, max_size=4))
def test_revoking_never_adds_one(ask: DisclosureAsk, held: list[ConsentOnFile]) -> None:
    revoked = [c.model_copy(update={"revoked_at": NOW}) for c in held]
    assert not judge(ask, tuple(revoked), NOW).allowed
    assert not judge(ask, tuple(c.model_copy(update={"status": ConsentStatus.REVOKED}) for c in held), NOW).allowed


@given(asks, st.lists(consents, max_size=4))
def test_what_is_released_rides_on_a_consent_that_covers_it_now(ask: DisclosureAsk, held: list[ConsentOnFile]) -> None:
    made = release("content", ask, tuple(held), NOW)
    if isinstance(made, Released):
        riding = [c for c in held if c.consent_id == made.cover.consent_id]
        assert any(c.covers(ask) and c.valid_at(NOW) for c in riding)


def test_nobody_else_can_make_a_released_value() -> None:
    ask = DisclosureAsk(
        person_id="p",
        episode_id="e",
        content=ContentClass.CLAIM,
        purpose=Purpose.PAYMENT,
        recipient="x",
        recipient_class="y",
    )
    with pytest.raises(TypeError):
        Released(object(), "content", ask, Cover(consent_id="c", form="f"), NOW)


def test_encoders_do_not_take_bare_content() -> None:
    with pytest.raises(AttributeError):
        encode("plain text", Control("A", "B", 1, NOW))  # type: ignore[arg-type]  # the point of the test
