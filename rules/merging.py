"""What two records of one person become when they are joined: pure, over rows of both (E03, E04, invariant 1).

The survivor's rows stand; the other's follow wherever two things cannot be true of one person at once."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from definitions.identity import MergeAct, MergeStep
from definitions.merge_rows import ChargeRow, ConsentRow, CoverageRow, StayRow

RANKS: Final = range(1, 10)


def stays(survivor: Sequence[StayRow], merged: Sequence[StayRow]) -> list[MergeStep]:
    """Nobody has two beds: a bed stay beside one of the survivor's stays under the old record, for somebody to correct."""
    beds = [s for s in survivor if s.bed]
    steps = []
    for stay in (s for s in merged if s.own):
        beside = next((b for b in beds if stay.bed and _overlap(stay, b)), None)
        steps.append(
            MergeStep(kind="stay", row_id=stay.id, act=MergeAct.MOVED) if beside is None
            else MergeStep(
                kind="stay", row_id=stay.id, act=MergeAct.KEPT, twin=beside.id,
                why="both had a bed at the same time: one of the two stays is not real; in one facility a night counts "
                "once, in the stay that stands, in two it counts in both, until it is corrected; it is charged once",
            )
        )  # fmt: skip
    return steps


def _overlap(one: StayRow, other: StayRow) -> bool:
    begins_before = other.ends is None or one.begins < other.ends
    return begins_before and (one.ends is None or other.begins < one.ends)


def charges(survivor: Sequence[ChargeRow], merged: Sequence[ChargeRow], kept_stays: frozenset[UUID]) -> list[MergeStep]:
    """The same day is never billed twice: the survivor's charge stands, the other is void with it as successor."""
    standing = {(c.on, c.track): c.id for c in survivor}
    steps = []
    for charge in merged:
        twin = standing.get((charge.on, charge.track))
        if twin is not None:
            steps.append(
                MergeStep(
                    kind="charge", row_id=charge.id, act=MergeAct.VOIDED, twin=twin,
                    why=f"{charge.on.isoformat()} is billed once",
                )
            )  # fmt: skip
        elif charge.own and charge.stay_id not in kept_stays:
            steps.append(MergeStep(kind="charge", row_id=charge.id, act=MergeAct.MOVED))
    return steps


def coverages(survivor: Sequence[CoverageRow], merged: Sequence[CoverageRow]) -> list[MergeStep]:
    """Two coverages never pay in the same place on the same day: the later one takes the next free place, and somebody
    decides who pays first."""
    placed = list(survivor)
    steps = []
    for row in sorted(merged, key=lambda c: (c.rank, c.first, c.id)):
        beside = [p for p in placed if _together(row, p)]
        twin = next((p for p in beside if p.rank == row.rank), None)
        if twin is None:
            placed.append(row)
            steps.append(MergeStep(kind="coverage", row_id=row.id, act=MergeAct.MOVED))
            continue
        taken = {p.rank for p in beside}
        rank = next((r for r in RANKS if r > row.rank and r not in taken), max(taken) + 1)
        placed.append(CoverageRow(row.id, row.payer, rank, row.first, row.last))
        steps.append(
            MergeStep(
                kind="coverage", row_id=row.id, act=MergeAct.RERANKED, twin=twin.id, rank=rank,
                why=f"{row.payer} and {twin.payer} both pay in place {row.rank}: {row.payer} has place {rank} until "
                "somebody says who pays first",
            )
        )  # fmt: skip
    return steps


def _together(one: CoverageRow, other: CoverageRow) -> bool:
    begins_before = other.last is None or one.first <= other.last
    return begins_before and (one.last is None or other.first <= one.last)


def consents(survivor: Sequence[ConsentRow], merged: Sequence[ConsentRow]) -> list[MergeStep]:
    """A signature holds for the person whichever record it stands under, unless the same form was revoked since under the
    other: what was taken back is taken back. Nothing is disclosed on it until it is signed again (domain 3.4)."""
    steps = [MergeStep(kind="consent", row_id=c.id, act=MergeAct.MOVED) for c in merged]
    for mine, theirs in ((survivor, merged), (merged, survivor)):
        for consent in mine:
            if not consent.stands or consent.signed_at is None:
                continue
            twin = next(
                (o for o in theirs if o.form == consent.form and o.revoked_at and o.revoked_at >= consent.signed_at),
                None,
            )
            if twin is not None:
                steps = [s for s in steps if s.row_id != consent.id]
                steps.append(
                    MergeStep(
                        kind="consent", row_id=consent.id, act=MergeAct.SUPERSEDED, twin=twin.id,
                        why=f"the form {consent.form} was revoked under the other record: ask for a new signature",
                    )
                )  # fmt: skip
    return steps
