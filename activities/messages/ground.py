"""What every message of a case is made from: who asks whom about which person, under which terms."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import select

from activities.case_record import CaseWriting
from definitions.facility import Facility, Program
from definitions.payer import LevelTerms
from definitions.person import PersonDetails
from definitions.services_review import (
    AdmissionCodes,
    ReviewAddress,
    ReviewContact,
    ReviewDiagnosis,
    ReviewParty,
    ReviewPerson,
)
from interchange.x12.segments import X12Problem
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories.authorization import requests_of_case
from storage.repositories.exchange import SENT, UNKNOWN, request_message


@dataclass(frozen=True, slots=True)
class Ground:
    """`about`: the request that this one continues, when it does. `before`: those of the case that were made earlier
    and that the payer's system has, in the order of their asking."""

    w: CaseWriting
    asked: AuthorizationRequest
    about: AuthorizationRequest | None
    before: tuple[AuthorizationRequest, ...]
    facility: Facility
    program: Program
    terms: LevelTerms
    subscriber: ReviewPerson
    submitter_id: str

    @classmethod
    async def of(
        cls, w: CaseWriting, asked: AuthorizationRequest, details: PersonDetails, facility: Facility, submitter_id: str
    ) -> Self:
        """Raises X12Problem when the definitions say nothing about the level: somebody must correct them."""
        terms, program = w.payer.terms(asked.level), facility.program_for(asked.level)
        if terms is None or program is None:
            raise X12Problem(f"no terms or program for level {asked.level} in edition {w.episode.edition}; add them")
        about = await w.session.get(AuthorizationRequest, asked.about) if asked.about is not None else None
        subscriber = ReviewPerson(
            family=details.family,
            given=details.given[0] if details.given else "UNKNOWN",
            member_id=details.member_ids.get(w.case.coverage_id, "UNKNOWN"),
            birth_date=details.birth_date,
            gender=details.gender,
        )
        before = await _before(w, asked)
        return cls(w, asked, about, before, facility, program, terms, subscriber, submitter_id)

    @property
    def reviewer(self) -> ReviewParty:
        payer = self.w.payer
        return ReviewParty(name=payer.name, id=payer.reviewer_id or payer.payer_id)

    @property
    def requester(self) -> ReviewParty:
        return ReviewParty(name=self.program.name, id=self.program.npi)

    @property
    def address(self) -> ReviewAddress:
        place = self.facility
        return ReviewAddress(street=place.street, city=place.city, state=place.state, postal_code=place.postal_code)

    @property
    def contact(self) -> ReviewContact:
        return ReviewContact(name="UR DESK", telephone=self.facility.telephone)

    @property
    def originator(self) -> str:
        return f"9{self.program.tax_id}"[:10]

    @property
    def inpatient(self) -> bool:
        return self.terms.category == "AR"

    @property
    def diagnoses(self) -> tuple[ReviewDiagnosis, ...]:
        """Principal first (ABK), others after (ABF); codes without their dot (domain 6.6)."""
        ranked = sorted(self.w.episode.diagnoses, key=lambda d: int(d["rank"]))
        return tuple(
            ReviewDiagnosis(qualifier="ABK" if i == 0 else "ABF", code=str(d["code"]).replace(".", ""))
            for i, d in enumerate(ranked)
        )

    @property
    def admission_codes(self) -> AdmissionCodes:
        return AdmissionCodes(type="2" if self.asked.urgent else "3", source="1")


async def _before(w: CaseWriting, asked: AuthorizationRequest) -> tuple[AuthorizationRequest, ...]:
    """What went by hand, is held, or may have got lost is no claim that the payer's system could update."""
    earlier = [
        r
        for r in await requests_of_case(w.session, w.case.id)
        if r.id != asked.id and r.requested_at <= asked.requested_at
    ]
    if not earlier:
        return ()
    rows = await w.session.execute(
        select(ExchangeMessage.id, ExchangeMessage.status).where(
            ExchangeMessage.id.in_([request_message(r.id) for r in earlier])
        )
    )
    left = {row.id: row.status for row in rows}
    return tuple(r for r in earlier if _has_it(left.get(request_message(r.id)), r))


def _has_it(status: str | None, asked: AuthorizationRequest) -> bool:
    return status == SENT or (status == UNKNOWN and asked.answered_at is not None)
