"""The last day that a case of a stay which has ended can still be for (AUTH-05, BILL-03)."""

from datetime import date, timedelta

from definitions.payer import Payer
from definitions.vocabulary import Track
from rules.accrual import PAYS_LAST_DAY


def last_day_of_case(
    payer: Payer, track: Track, left_on: date, begun_on: date, *, into_bed: bool = False, died: bool = False
) -> date:
    """The day before the stay ends, unless its payer may pay the day of leaving: the last day in beds where the
    contract says so, a programme's day that was attended before. Whoever moves into a bed is there at midnight, and
    that day is the bed's (BILL-07, BILL-10). A stay of one day ends on it."""
    in_beds = track is Track.BED
    may_pay = not into_bed and (not in_beds or (payer.accrual.admit_discharge in PAYS_LAST_DAY and not died))
    return max(left_on if may_pay else left_on - timedelta(days=1), begun_on)
