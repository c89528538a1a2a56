"""Everybody who has a place attends: clinicians chart each day's sessions once it is over."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.driver import Driver

OPEN_PLACES = text(
    """
    SELECT m.id, m.minutes, m.program, a.episode_id FROM session m JOIN attendance a ON a.session_id = m.id
    WHERE a.status = 'scheduled' AND m.ends_at <= :now AND a.recorded_at IS NULL
    ORDER BY m.starts_at, m.id, a.episode_id
    """
)


class Attendance:
    """`short` holds episodes that leave early: their minutes are cut to half."""

    def __init__(self, caller: Caller, driver: Driver) -> None:
        self._caller = caller
        self._driver = driver
        self.short: set[str] = set()
        self.recorded = 0

    async def chart(self, moment: datetime) -> None:
        """A hook of the driver: what has ended and is not charted yet, one transaction per session."""
        async with self._driver.database.read() as session:
            rows = list(await session.execute(OPEN_PLACES, {"now": moment}))
        meetings: dict[str, list[dict[str, Any]]] = {}
        for session_id, minutes, _, episode in rows:
            attended = minutes // 2 if str(episode) in self.short else minutes
            meetings.setdefault(str(session_id), []).append(
                {"episode_id": str(episode), "status": "attended", "minutes": attended}
            )
        for session_id, attendees in meetings.items():
            try:
                self._caller.post("clinician", f"/v1/sessions/{session_id}/attendance", {"attendees": attendees[:60]})
                self.recorded += len(attendees)
            except Refused as refusal:
                if refusal.code not in ("not_found", "effective_in_future"):
                    raise
