"""Reviews of many people that fall due together: each asked for once, sent once, answered once, and both books agree."""

from bench.reviews import STOOD, due_together, judge
from bench.wall_house import Bench, in_wall_house

CASES = 25


def test_reviews_that_fall_due_together_leave_once_each() -> None:
    """In the wall drive, by the server's own timers (AUTH-04, D6)."""

    async def act(bench: Bench) -> None:
        await due_together(bench, CASES)
        assert (await bench.one(STOOD)).answered == CASES
        judge(bench.house)

    in_wall_house(act)
