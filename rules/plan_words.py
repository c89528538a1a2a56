"""A plan in sentences, by family: what a reviewer reads before deciding."""

from definitions.plan import TransitionPlan
from definitions.vocabulary import Family


def in_words(plan: TransitionPlan) -> dict[Family, tuple[str, ...]]:
    """Every family has at least one sentence; nothing personal."""
    return {
        Family.ASSESSMENTS: _assessments(plan),
        Family.CONSENTS: tuple(f"present {c.why}" for c in plan.consents) or ("every consent on file still covers",),
        Family.AUTHORIZATION: _authorization(plan),
        Family.SCHEDULE: _schedule(plan),
        Family.PER_DIEM: _days(plan),
    }


def _assessments(plan: TransitionPlan) -> tuple[str, ...]:
    raised = [a for a in plan.assessments if a.satisfied_by is None]
    standing = [a for a in plan.assessments if a.satisfied_by is not None]
    words = []
    if raised:
        first = min(raised, key=lambda a: a.due_at)
        words.append(f"{len(raised)} assessments raised, the first ({first.instrument}) due {first.due_at.isoformat()}")
    if standing:
        words.append(f"{', '.join(a.instrument for a in standing)} stand from before")
    if plan.assessments_cancelled:
        words.append(f"{len(plan.assessments_cancelled)} requirements of the level left are cancelled")
    return tuple(words) or ("no assessment is owed",)


def _authorization(plan: TransitionPlan) -> tuple[str, ...]:
    words = [f"authorization {c.authorization_id} ends {c.on.isoformat()}" for c in plan.cases_closed]
    if plan.keeps_stay is not None:
        words.append(f"the authorization of {plan.to_level} goes on")
    if plan.case_ahead is not None:
        words.append("the request sent ahead is taken over")
    elif plan.case is not None:
        words.append(plan.case.why)
    words += [f"{c.why}, from {c.from_date.isoformat()}" for c in plan.cases_beside]
    return tuple(words) or ("no authorization is concerned",)


def _schedule(plan: TransitionPlan) -> tuple[str, ...]:
    change = plan.sessions
    words = []
    if change.cancelled:
        words.append(f"{change.cancelled} future sessions are cancelled")
    if plan.keeps_stay is not None:
        words.append(f"sessions of {plan.to_level} go on")
    if change.template is not None and change.through is not None:
        words.append(f"{change.planned} sessions of {change.template} placed through {change.through.isoformat()}")
    return tuple(words) or ("no session is concerned",)


def _days(plan: TransitionPlan) -> tuple[str, ...]:
    words = []
    if plan.days.closed_on is not None:
        words.append(f"days of the level left close on {plan.days.closed_on.isoformat()}")
    if plan.keeps_stay is not None:
        words.append(f"days at {plan.to_level} go on")
    account = plan.days.open
    if account is not None:
        price = (
            f"at {account.amount} (rate {account.rate_version})"
            if account.amount is not None
            else "without a daily rate"
        )
        words.append(f"days at {account.level} open on {account.opened_on.isoformat()} for {account.payer} {price}")
    return tuple(words) or ("no day is concerned",)
