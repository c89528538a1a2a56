"""An ending or a leave that was taken back: what it had put aside comes back, what it had asked for is asked no more (E58).

Nothing is deleted: items are reopened or cancelled with a reason, and what cannot come back by itself is owned."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from activities.hands import Writing
from activities.plan_execution import UNSIGNED_AT_END
from activities.restatement import Restated
from definitions.ids import derived
from definitions.staff_words import EPISODE_ENDED, TAKEN_BACK
from definitions.vocabulary import (
    AssessmentStatus,
    ConsentStatus,
    OpenItemStatus,
    Role,
    TransitionStatus,
)
from rules.ending import SUMMARY_INSTRUMENT
from storage.models import AssessmentDue, Consent, Movement, OpenItem, Transition
from storage.reads.clock_facts import HOLD_NOTICE, RETURN_NOTICE
from storage.repositories import work


async def undo_ending(writing: Writing, ending: Movement, by: UUID) -> Restated:
    """`ending` is the movement whose command ended the episode, `by` the one that takes it back."""
    cancelled = await _its_items(writing, ending)
    reopened = await _reopen_items(writing, ending)
    await writing.session.execute(
        update(AssessmentDue)
        .where(
            AssessmentDue.id == derived(ending.command_key, "assessment", SUMMARY_INSTRUMENT),
            AssessmentDue.status == AssessmentStatus.DUE,
        )
        .values(status=AssessmentStatus.CANCELLED, closed_at=writing.now, cancelled_by=by)
    )
    consents = await _present_again(writing)
    await _moves_to_ask_again(writing, ending)
    return Restated(items_cancelled=cancelled, items_reopened=reopened, consents_back=consents)


async def undo_leave(writing: Writing, leave: Movement) -> Restated:
    """Nobody was away: nobody is searched for, and what the send-out asked for is asked no more."""
    cancelled = await _its_items(writing, leave)
    for kind in (RETURN_NOTICE, HOLD_NOTICE):
        cancelled += await work.close_items(
            writing.session, episode_id=writing.episode.id, now=writing.now, actor="system", resolution=TAKEN_BACK,
            kind=kind, status=OpenItemStatus.CANCELLED,
        )  # fmt: skip
    return Restated(items_cancelled=cancelled)


async def _its_items(writing: Writing, movement: Movement) -> int:
    """Duties of the movement that are still open: nobody follows up on somebody who never left. Ids derive from its
    command, so items of the same kind from elsewhere stay."""
    rows = await writing.session.execute(
        select(OpenItem).where(OpenItem.episode_id == writing.episode.id, OpenItem.status == OpenItemStatus.OPEN)
    )
    count = 0
    for item in rows.scalars():
        own = (derived(movement.command_key, "item", item.kind, item.owner_role),
               derived(movement.command_key, "item", item.kind))  # fmt: skip
        if item.id in own:
            item.status = OpenItemStatus.CANCELLED
            item.resolved_at, item.resolved_by, item.resolution = writing.now, "system", TAKEN_BACK
            count += 1
    return count


async def _reopen_items(writing: Writing, ending: Movement) -> int:
    changed: Any = await writing.session.execute(
        update(OpenItem)
        .where(
            OpenItem.episode_id == writing.episode.id,
            OpenItem.status == OpenItemStatus.CANCELLED,
            OpenItem.resolution == EPISODE_ENDED,
            OpenItem.resolved_at == ending.recorded_at,
        )
        .values(status=OpenItemStatus.OPEN, resolved_at=None, resolved_by=None, resolution=None)
    )
    return int(changed.rowcount)


async def _present_again(writing: Writing) -> int:
    """Consents that waited for a signature wait again, unless the form was presented or signed since."""
    rows = (await writing.session.execute(select(Consent).where(Consent.episode_id == writing.episode.id))).scalars()
    consents = list(rows)
    presented = {c.form for c in consents if c.status is ConsentStatus.PRESENTED}
    signed = {(c.form, c.id) for c in consents if c.status is ConsentStatus.SIGNED}
    grace = writing.now + timedelta(hours=writing.facility.policy.transition_grace_hours)
    count = 0
    for consent in consents:
        if consent.status is not ConsentStatus.SUPERSEDED or consent.reason != UNSIGNED_AT_END:
            continue
        since = any(form == consent.form and i != consent.renews for form, i in signed)
        if since or consent.form in presented:
            continue
        consent.status, consent.reason = ConsentStatus.PRESENTED, TAKEN_BACK
        consent.due_at = max(consent.due_at, grace) if consent.due_at else grace
        presented.add(consent.form)
        count += 1
    return count


async def _moves_to_ask_again(writing: Writing, ending: Movement) -> None:
    """Requests the ending withdrew stay withdrawn: their plans are old. Somebody asks again or says no."""
    rows = await writing.session.execute(
        select(Transition).where(
            Transition.episode_id == writing.episode.id,
            Transition.status == TransitionStatus.WITHDRAWN,
            Transition.decision_reason == EPISODE_ENDED,
        )
    )
    for transition in rows.scalars():
        await work.open_item(
            writing.session,
            item_id=derived(transition.id, "ask-again", str(ending.id)),
            episode_id=writing.episode.id,
            facility=writing.episode.facility,
            kind="move_to_ask_again",
            owner_role=Role.CLINICIAN.value,
            why=f"the request for {transition.to_level} was withdrawn by an ending that was taken back: ask again",
            opened_at=writing.now,
            due_at=writing.now + timedelta(hours=writing.facility.policy.transition_grace_hours),
            subject_id=str(transition.id),
            rule="E58",
        )
