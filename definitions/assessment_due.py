"""What is owed by way of assessments, and what earlier results may satisfy it (domain 2.4)."""

from uuid import UUID

from definitions.base import Moment, WireModel


class PriorResult(WireModel):
    """A completed result of this episode or one the edition lets carry over (ASM-02)."""

    instrument: str
    assessment_id: UUID
    performed_at: Moment


class PlannedAssessment(WireModel):
    """`satisfied_by` set: an earlier valid result stands for it and nobody need act."""

    instrument: str
    due_at: Moment
    escalate_at: Moment
    owner_role: str
    why: str
    satisfied_by: UUID | None = None
