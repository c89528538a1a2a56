"""The letter: the same bytes each time, tagged, in words, naming nobody but the patient; nothing in it is markup."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from api.accounting import CONTENTS, EXCEPTIONS, NOTICES, PURPOSES, accounting_pdf, recipient_name
from definitions.disclosure import ExceptionKind, NoticeCode
from definitions.vocabulary import ContentClass, Purpose
from runtime.catalog import load_catalog
from storage.reads.disclosures import Accounted
from storage.repositories.disclosure import NO_GROUND

AT = datetime(2026, 3, 6, 18, 30, tzinfo=UTC)
EDITION = load_catalog().latest
ROW = Accounted(
    id=UUID(int=1), seq=1, at=AT, facility="harbor", episode_id=UUID(int=2), content="authorization_request",
    purpose="payment", recipient="payer/meridian", consent_id=UUID(int=3), consent_form="part2_tpo",
    consent_edition="2026-01", scope={"form": "part2_tpo", "contents": ["authorization_request", "claim"]},
    notice="trading_partner_agreement", exception=None, evidence=None, fingerprint="f", outcome="sent", outcome_at=AT,
    actor="worker",
)  # fmt: skip


def made(*rows: Accounted, name: str = "Testa Example", more: bool = False, as_of: datetime = AT) -> bytes:
    return accounting_pdf(
        EDITION, (name, date(1990, 1, 2)), rows, since=AT - timedelta(days=90), until=AT, as_of=as_of, more=more
    )


def test_the_same_content_is_the_same_bytes() -> None:
    assert made(ROW) == made(ROW)
    assert made(ROW) != made(replace(ROW, outcome=None))
    assert made(ROW) != made(ROW, as_of=AT + timedelta(days=1))


def test_it_is_tagged_titled_and_in_english() -> None:
    pdf = made(ROW)
    assert pdf.startswith(b"%PDF-")
    assert b"pdfuaid" in pdf
    assert re.search(rb"/Lang\s*\(en-US\)", pdf)
    assert re.search(rb"/MarkInfo\s*<<\s*/Marked true", pdf)
    assert b"Accounting of disclosures" in pdf


@pytest.mark.parametrize("name", ["#panic()", "*Te_sta* $x$ @ref", 'Quo"te\\n', "Zoë Łučić"])
def test_no_value_is_markup(name: str) -> None:
    assert made(replace(ROW, recipient=name), name=name).startswith(b"%PDF-")


def test_an_empty_and_a_long_list() -> None:
    assert made().startswith(b"%PDF-")
    many = made(*(replace(ROW, seq=n) for n in range(300)), more=True)
    assert len(re.findall(rb"/Type\s*/Page\b", many)) > 5


def test_every_word_of_the_vocabulary_has_its_words() -> None:
    assert set(CONTENTS) == set(ContentClass)
    assert set(PURPOSES) == set(Purpose)
    assert set(EXCEPTIONS) == {*ExceptionKind, NO_GROUND}
    assert set(NOTICES) == set(NoticeCode)


def test_recipients_are_called_by_their_own_names() -> None:
    assert recipient_name(EDITION, "payer/meridian") == EDITION.payers["meridian"].name
    assert recipient_name(EDITION, "payer/gone") == "payer/gone"
