"""Messages of ours to partners: their ids, their states, and control numbers without gaps."""

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.ids import derived
from storage.models import ControlNumber

INTENT, SENT, UNKNOWN, FAILED, ABSENT = "intent", "sent", "unknown", "failed", "absent"
"""Status of a message of ours. `failed`: nothing left this house. `absent`: the payer says it never came."""

MAY_GO_AGAIN: Final = frozenset({FAILED, ABSENT})
"""The only two that let the same bytes leave once more."""

AUDIT: Final = text(
    """
    SELECT c.partner, c.last, count(m.id) AS kept, count(DISTINCT m.control_number) AS numbers,
           coalesce(max(CAST(m.control_number AS bigint)), 0) AS highest
    FROM control_number c
    LEFT JOIN exchange_message m ON m.partner = c.partner AND m.direction = 'out' AND m.control_number IS NOT NULL
    GROUP BY c.partner, c.last
    HAVING c.last <> count(m.id) OR c.last <> count(DISTINCT m.control_number)
        OR c.last <> coalesce(max(CAST(m.control_number AS bigint)), 0)
    """
)
"""Partners whose numbers have gaps or doubles: every number taken stands on exactly one message that was kept."""


async def next_control_number(session: AsyncSession, partner: str) -> int:
    """The next interchange number for a partner, whatever is sent: requests, inquiries, notices, 999s and TA1s share
    one sequence. The row lock keeps it gapless; a transaction that rolls back gives its number back."""
    taken = await session.execute(
        insert(ControlNumber)
        .values(partner=partner, last=1)
        .on_conflict_do_update(index_elements=["partner"], set_={"last": ControlNumber.last + 1})
        .returning(ControlNumber.last)
    )
    return int(taken.scalar_one())


async def misnumbered(session: AsyncSession) -> list[str]:
    """Partners whose control numbers do not add up; none is how it should be."""
    return [row.partner for row in await session.execute(AUDIT)]


def request_message(request_id: UUID) -> UUID:
    """The message that carries a request; one for ever, so the same bytes go again or none."""
    return derived(request_id, "message")


def inquiry_message(request_id: UUID, number: int) -> UUID:
    return derived(request_id, "inquiry", number)
