"""The plan of a move before anybody asks for it: nothing is changed (D8)."""

from typing import Any
from uuid import UUID

from api.errors import Problem
from api.routes.access import see_episode
from api.web.acts import ACTS, Ask
from api.web.forms import Form
from api.web.visit import Visit
from definitions.errors import Refusal
from definitions.plan_facts import Wish
from rules.transition import plan
from storage.reads.plan_facts import read_plan_facts

WISHED = ("to_level", "bed_id", "effective_at", "urgent", "parallel")


async def preview(visit: Visit, episode_id: UUID, zone: str, form: Form) -> dict[str, Any]:
    """What the form would do, by family, and what stands in its way. Raises a problem when it may not be at all."""
    asked = ACTS["request"].fields(Ask(form, visit.user, episode_id, zone))
    wish = Wish(**{name: asked[name] for name in WISHED})
    async with visit.held.read(visit.user) as session:
        episode = await see_episode(session, visit.held, visit.user, episode_id)
        facts = await read_plan_facts(session, episode, visit.held.catalog.edition(episode.edition), wish)
    made = plan(facts, wish)
    if isinstance(made, Refusal):
        raise Problem(made)
    return {
        "words": {family.value: list(lines) for family, lines in made.words.items()},
        "blockers": [b.detail for b in made.blockers],
        "to_level": made.to_level,
    }
