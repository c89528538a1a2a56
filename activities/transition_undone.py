"""What an approved move that does not happen leaves behind: questions asked for it, and reviews it made needless."""

from datetime import timedelta

from sqlalchemy import select

from activities.hands import Writing
from activities.told_cases import tell_cases
from definitions.ids import derived
from definitions.vocabulary import Role
from storage.models import Authorization, Transition
from storage.repositories import work
from storage.repositories.authorization import AT_REST
from storage.repositories.case_restatement import cancel_case


async def ask_no_more_for(writing: Writing, row: Transition) -> None:
    """The payer was asked for the level when the move was approved: the question is taken back, and a grant is given
    back by a person. Cases of where the patient stays look at their reviews again (AUTH-04, E07)."""
    rows = await writing.session.execute(
        select(Authorization).where(
            Authorization.transition_id == row.id, Authorization.stay_id.is_(None),
            Authorization.status.not_in(AT_REST),
        ).with_for_update()
    )  # fmt: skip
    for case in rows.scalars():
        granted = case.granted_units > 0
        await cancel_case(
            writing.session, case=case, key=writing.key, now=writing.now, at_payer=True,
            why=f"the move to {case.level} was taken back",
        )  # fmt: skip
        if granted:
            await work.open_item(
                writing.session, item_id=derived(case.id, "authorization_withdrawn", str(row.id)),
                episode_id=writing.episode.id, facility=writing.episode.facility, kind="authorization_withdrawn",
                owner_role=Role.REVIEWER.value, opened_at=writing.now, due_at=writing.now + timedelta(hours=24),
                why=f"the move to {case.level} was taken back: tell {case.payer}, which has granted it",
                subject_id=str(case.id), rule="AUTH-08",
            )  # fmt: skip
    await stays_where_it_is(writing, f"withdrawn:{row.id}")


async def stays_where_it_is(writing: Writing, what: str) -> None:
    """A move that was approved does not happen now: reviews that it made needless are due again (AUTH-04)."""
    await writing.session.flush()
    await tell_cases(writing, what)
