"""A change of coverage in mid-stay: rows, cases, consents, work and the days to price again, in one transaction
(E38 to E41, D9)."""

from datetime import date

from temporalio import activity

from activities.coverage_effects import ask_payers, owe_for_change, settle, tell_elsewhere
from activities.hands import EpisodeHands, Writing, answer_for
from definitions.contracts import CoverageContract
from definitions.coverage import CoverageWish
from definitions.episode import Answer, ChangeCoverage, EpisodeOutcome
from definitions.errors import ErrorType, Refusal
from definitions.vocabulary import CoverageAct, Phase
from rules.calendar import facility_date
from rules.coverage import SAID_BY_PAYERS, Rows, begun, changed, date_problem, first_change, primary_on
from storage.repositories import coverage
from storage.repositories.episode import stays_of
from storage.repositories.facility_day import mark_stale
from storage.repositories.person import lock_person

DONE = {
    CoverageAct.SWITCH: "switched",
    CoverageAct.ADD: "added",
    CoverageAct.END: "ended",
    CoverageAct.CORRECT: "corrected",
}


class CoverageActivities(CoverageContract):
    def __init__(self, hands: EpisodeHands) -> None:
        self._hands = hands

    @activity.defn
    async def change_coverage(self, request: ChangeCoverage) -> EpisodeOutcome:
        return await self._hands.decide(request, "change_coverage", lambda w: _change(w, request))


async def _change(writing: Writing, request: ChangeCoverage) -> Answer | Refusal:
    wish = CoverageWish(
        coverage_id=request.coverage_id, payer=request.payer, rank=request.rank, from_date=request.from_date,
        through_date=request.through_date, reason=request.reason,
    )  # fmt: skip
    admitted_on = await _admitted_on(writing)
    problem = _not_allowed(writing, request) or date_problem(
        wish, request.act, writing.facility.policy, writing.facility.zone, admitted_on, request.now
    )
    if problem is not None:
        return problem
    await lock_person(writing.session, writing.episode.person_id)
    standing = await coverage.coverages_of(writing.session, writing.episode.person_id)
    before = begun(standing, admitted_on)
    after = changed(before, wish, request.act)
    if isinstance(after, Refusal):
        return after
    await coverage.write_coverages(
        writing.session, writing.episode.person_id, standing, after,
        {p.key: p.kind for p in writing.edition.payers.values()}, reason=request.reason, actor=request.actor,
        now=request.now,
    )  # fmt: skip
    return await _follow(writing, request, before, after)


async def _follow(writing: Writing, request: ChangeCoverage, before: Rows, after: Rows) -> Answer:
    """Everything the changed rows entail for this episode, and word to whoever else counts on them."""
    first = first_change(before, after)
    opened = await ask_payers(writing, request.reason, before, after)
    settled = await settle(writing, after)
    await owe_for_change(writing, request, before, after)
    days = await _price_again(writing, first) if first is not None else 0
    await tell_elsewhere(writing, first)
    today = facility_date(writing.now, writing.facility.zone)
    paying = primary_on(after, today)
    detail = {
        "act": request.act.value,
        "coverage": str(request.coverage_id),
        "reason": request.reason.value,
        "first_day": first.isoformat() if first else None,
        "payer": paying.payer if paying else None,
        "cases_ended": [str(c) for c in settled],
        "cases_opened": [str(c) for c in opened],
        "days_to_price_again": days,
    }
    changes = [
        {
            "coverage": str(row.id), "payer": row.payer, "rank": row.rank, "from": row.from_date.isoformat(),
            "through": row.through_date.isoformat() if row.through_date else None, "voided": row.voided,
        }
        for row in after
        if row not in before
    ]  # fmt: skip
    await writing.note("coverage_changed", {**detail, "coverages": changes}, purpose="payment")
    return answer_for(writing, request.coverage_id, DONE[request.act], **detail)


def _not_allowed(writing: Writing, request: ChangeCoverage) -> Refusal | None:
    ended = writing.episode.phase in (Phase.CLOSED, Phase.NOT_ADMITTED)
    if ended and request.reason not in SAID_BY_PAYERS:
        return Refusal(
            code=ErrorType.EPISODE_CLOSED,
            detail="the episode has ended; only what a payer says looking back changes its coverages",
        )
    if request.payer is not None and request.payer not in writing.facility.payers:
        known = ", ".join(writing.facility.payers)
        return Refusal(
            code=ErrorType.UNKNOWN_PAYER,
            detail=f"{writing.facility.key} has no contract with that payer; choose from {known}",
        )
    return None


async def _admitted_on(writing: Writing) -> date | None:
    stays = await stays_of(writing.session, writing.episode.id)
    return facility_date(min(s.started_at for s in stays), writing.facility.zone) if stays else None


async def _price_again(writing: Writing, first: date) -> int:
    """Closed days from `first` are closed again, wherever the person stayed (AUTH-08, E39)."""
    places = {writing.episode.facility, *await coverage.facilities_of(writing.session, writing.episode.person_id)}
    days = 0
    for place in sorted(places):
        days += await mark_stale(
            writing.session, facility=place, first=first, last=None,
            reason=f"coverage of episode {writing.episode.id} changed", key=writing.key, now=writing.now,
        )  # fmt: skip
    return days
