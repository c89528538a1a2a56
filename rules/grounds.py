"""What a disclosure may ride on, as rows say it: one reading for everybody who asks the gate (domain 3.5)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypedDict
from uuid import UUID

from definitions.disclosure import RecordPeriod
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose
from rules.disclosure import ConsentOnFile, Cover, DisclosureAsk


class ConsentRow(Protocol):
    """A consent as the record keeps it."""

    @property
    def id(self) -> UUID: ...
    @property
    def form(self) -> str: ...
    @property
    def status(self) -> ConsentStatus: ...
    @property
    def scope(self) -> Mapping[str, Any]: ...
    @property
    def signed_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def revoked_at(self) -> datetime | None: ...


class AskedAbout(Protocol):
    """An episode as the record keeps it."""

    @property
    def id(self) -> UUID: ...
    @property
    def person_id(self) -> UUID: ...
    @property
    def program(self) -> str | None: ...


def authorization_ask(
    episode: AskedAbout, payer: str, recipient_class: str, period: RecordPeriod | None = None
) -> DisclosureAsk:
    """The wish to ask a payer for days of this episode, before there is a request that says more."""
    return DisclosureAsk(
        person_id=str(episode.person_id), episode_id=str(episode.id), content=ContentClass.AUTHORIZATION_REQUEST,
        purpose=Purpose.PAYMENT, recipient=f"payer/{payer}", recipient_class=recipient_class, program=episode.program,
        period=period,
    )  # fmt: skip


def consents_on_file(rows: Iterable[ConsentRow]) -> tuple[ConsentOnFile, ...]:
    """What the gate needs of each consent: the scope as signed, never the form's newer edition."""
    return tuple(
        ConsentOnFile(
            consent_id=str(c.id),
            form=c.form,
            status=ConsentStatus(c.status),
            purposes=tuple(Purpose(p) for p in c.scope.get("purposes", [])),
            contents=tuple(ContentClass(k) for k in c.scope.get("contents", [])),
            recipients=tuple(c.scope.get("recipients", [])),
            recipient_classes=tuple(c.scope.get("recipient_classes", [])),
            programs=tuple(c.scope.get("programs", [])),
            period=RecordPeriod.model_validate(c.scope["period"]) if c.scope.get("period") else None,
            taken_back=tuple(c.scope.get("taken_back", [])),
            lacks=tuple(c.scope.get("lacks", [])),
            signed_at=c.signed_at,
            expires_at=c.expires_at,
            ends_by=str(c.scope.get("ends_by") or ""),
            revoked_at=c.revoked_at,
        )
        for c in rows
    )


class Recorded(TypedDict):
    """What the ledger keeps of a cover: the consent with its scope and notice, or the exception with its evidence."""

    consent_id: UUID | None
    notice: str | None
    scope: Mapping[str, Any] | None
    exception: str | None
    evidence: Mapping[str, Any] | None


def recorded(cover: Cover) -> Recorded:
    evidence = {"exception": cover.exception_id, **{e.value: said for e, said in cover.evidence.items()}}
    return Recorded(
        consent_id=UUID(cover.consent_id) if cover.consent_id is not None else None,
        notice=cover.notice.value if cover.notice is not None else None,
        scope=cover.scope or None,
        exception=cover.exception.value if cover.exception is not None else None,
        evidence=evidence if cover.exception is not None else None,
    )
