"""Which answer stands, and what is therefore granted: a projection of every decision that ever came (domain 4.4, E32).

Decisions are facts in the order they arrived. Nothing is edited: another answer changes which one stands, and the
grants follow. Payers answer twice, late, out of order and contradict themselves."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.review_codes import Action
from definitions.vocabulary import AuthorizationStatus, RequestKind

RECEIPT: Final = "receipt"
"""A notice of admission that the payer took: it begins the days without review, and decides as much (domain 4.3)."""

DEEMED: Final = "deemed"
"""The payer's time ran out where silence is approval (AUTH-03): it decides until the payer itself does."""

DECIDED: Final = frozenset({a.value for a in Action} - {Action.PENDED.value, Action.CONTACT_PAYER.value})
FINAL: Final = DECIDED | {RECEIPT, DEEMED}
"""HCR01 codes that decide. A pend, a wish to be called, an AAA or a 999 say nothing about what was decided before."""

CONTESTING: Final = frozenset({RequestKind.RECONSIDERATION, RequestKind.APPEAL, RequestKind.EXTERNAL_REVIEW})
"""Requests whose success replaces what was decided, and whose failure leaves it."""

CONTINUING: Final = CONTESTING | {RequestKind.INFORMATION, RequestKind.CANCEL}
"""Requests that continue another one: they are one family with it."""


class RequestFact(WireModel):
    """What matters of a question for what stands. `about`: the request it continues. `cancelled`: we took it back."""

    id: UUID
    kind: RequestKind
    about: UUID | None = None
    cancelled: bool = False


class DecisionFact(WireModel):
    """One answer. `stated_at`: the payer's own moment, only of electronic answers; `units` 0: nothing granted."""

    id: UUID
    request_id: UUID
    action: str
    status: AuthorizationStatus
    received_at: Moment
    stated_at: Moment | None = None
    level: str | None = None
    unit: str | None = None
    units: int = 0
    from_date: date | None = None
    through_date: date | None = None
    number: str | None = None

    @property
    def final(self) -> bool:
        return self.action in FINAL

    @property
    def grants(self) -> bool:
        return self.units > 0 and self.from_date is not None and self.through_date is not None


class GrantFact(WireModel):
    """Units at a level over dates, both inclusive (AUTH-01)."""

    request_id: UUID
    decision_id: UUID
    level: str
    unit: str
    units: int
    from_date: date
    through_date: date
    number: str | None = None

    @property
    def content(self) -> tuple[object, ...]:
        """Equal for an answer that says the same again: it opens no new grant."""
        return self.request_id, self.level, self.unit, self.units, self.from_date, self.through_date, self.number


class Standing(WireModel):
    """By family (its first request): the decision that stands. `overtaken`: answers that came too late to stand."""

    decisions: dict[UUID, DecisionFact]
    overtaken: tuple[UUID, ...] = ()

    @property
    def grants(self) -> tuple[GrantFact, ...]:
        """Everything granted, earliest first."""
        found = [_grant(root, d) for root, d in self.decisions.items() if d.grants]
        return tuple(sorted(found, key=lambda g: (g.from_date, g.through_date, str(g.request_id))))


def _grant(root: UUID, d: DecisionFact) -> GrantFact:
    if d.level is None or d.from_date is None or d.through_date is None:
        raise ValueError(f"decision {d.id} grants units without level or dates")
    return GrantFact(
        request_id=root, decision_id=d.id, level=d.level, unit=d.unit or "DY", units=d.units, from_date=d.from_date,
        through_date=d.through_date, number=d.number,
    )  # fmt: skip


def family_of(request_id: UUID, requests: Mapping[UUID, RequestFact]) -> UUID:
    """The request that began the matter: an appeal of an appeal leads to the first denial."""
    seen = set()
    while request_id in requests and request_id not in seen:
        seen.add(request_id)
        request = requests[request_id]
        if request.about is None or request.kind not in CONTINUING:
            return request_id
        request_id = request.about
    return request_id


def matter_of(request_id: UUID, requests: Mapping[UUID, RequestFact]) -> UUID:
    """The question itself: documents belong to the request or the appeal that they are for."""
    seen = set()
    while request_id in requests and request_id not in seen:
        seen.add(request_id)
        request = requests[request_id]
        if request.about is None or request.kind is not RequestKind.INFORMATION:
            return request_id
        request_id = request.about
    return request_id


def standing(requests: Sequence[RequestFact], decisions: Sequence[DecisionFact]) -> Standing:
    """`decisions` in the order they arrived. What was taken back grants nothing, and an answer to a cancellation says
    only that it was taken: payers certify those too."""
    by_id = {r.id: r for r in requests}
    found: dict[UUID, DecisionFact] = {}
    overtaken = []
    for decision in decisions:
        root = family_of(decision.request_id, by_id)
        if any(_silenced(by_id.get(i)) for i in (decision.request_id, root)):
            continue
        matter = by_id.get(matter_of(decision.request_id, by_id))
        if matter is not None and matter.kind in CONTESTING and not decision.grants and not needless(decision):
            continue  # upheld, or still open: what was decided before stands
        if takes_over(decision, found.get(root)):
            found[root] = decision
        else:
            overtaken.append(decision.id)
    return Standing(decisions=found, overtaken=tuple(overtaken))


def needless(decision: DecisionFact) -> bool:
    """The payer says that nothing had to be asked: on an appeal this wins it as a grant does (AUTH-10)."""
    return decision.action == Action.NO_ACTION_REQUIRED.value


def _silenced(request: RequestFact | None) -> bool:
    return request is not None and (request.cancelled or request.kind is RequestKind.CANCEL)


def takes_over(new: DecisionFact, old: DecisionFact | None) -> bool:
    """Whether a new arrival stands instead of what stood. The last valid one wins, by arrival, unless the payer's own
    moment says that it was written before what stands (E32); what decides nothing replaces no decision."""
    if old is None:
        return True
    if old.final and not new.final:
        return False
    older = new.stated_at is not None and old.stated_at is not None and new.stated_at < old.stated_at
    return not (older and old.final == new.final)


class Changes(WireModel):
    """From the grants that are open to the grants that stand."""

    opened: tuple[GrantFact, ...] = ()
    closed: tuple[GrantFact, ...] = ()

    @property
    def spans(self) -> tuple[tuple[date, date], ...]:
        """Dates whose cover may differ now; only these are priced again (AUTH-08)."""
        return tuple((g.from_date, g.through_date) for g in (*self.opened, *self.closed))


def changes(open_now: Sequence[GrantFact], stand: Sequence[GrantFact]) -> Changes:
    """What to open and what to close; a grant that says the same stays as it is."""
    wanted, kept = {g.content for g in stand}, {g.content for g in open_now}
    return Changes(
        opened=tuple(g for g in stand if g.content not in kept),
        closed=tuple(g for g in open_now if g.content not in wanted),
    )
