"""What must hold after every journey of utilization review, by statements that use none of the product's own code."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local.books import Difference, differences, read_books
from local.rehearsal.report import TWICE, UNCOVERED, UNTOLD
from tests.journeys.review_story import Told

HEARD_BY_PEOPLE = ("(by_hand)", "(peer_to_peer)")
"""Ends of a difference's sentence: the payer's machine never said what its people did."""


def books_differ(told: Told) -> list[Difference]:
    """Both books of both payer systems, but for what was said by telephone or letter only."""
    url = told.house.postgres.url("stepdown")
    ours, *others = (read_books(url, payer) for payer in told.house.payer_urls)
    both = replace(
        ours,
        messages=(*ours.messages, *(m for o in others for m in o.messages)),
        cases=(*ours.cases, *(c for o in others for c in o.cases)),
    )
    return [d for d in differences(both) if not d.sentence.endswith(HEARD_BY_PEOPLE)]


def left_behind(told: Told) -> list[Any]:
    """Deadlines that have come and stand there still."""
    return told.rows("SELECT owner_kind, key, at FROM due WHERE at <= %(now)s", now=told.driver.now)


EFFECTS = {
    "review": "review_due",
    "lcd": "authorization_lapsed",
    "decision": "payer_late",
    "information": "information_late",
    "notice": "notice_late",
    "peer_to_peer_half": "peer_to_peer_half",
    "peer_to_peer_last": "peer_to_peer_last",
    "peer_to_peer_outcome": "peer_to_peer_outcome",
    "appeal_half": "appeal_half",
    "appeal_last": "appeal_last",
}
"""The item each deadline leaves, by the first word of its key; the others leave a line in the timeline or nothing."""


def fired_otherwise(told: Told) -> list[tuple[str, str, int, int]]:
    """(case, item, deadlines that came, items there are) wherever the two numbers differ: fired never, or twice."""
    came = Counter((case, EFFECTS[k]) for case, key, _, _ in told.driver.come if (k := key.split(":")[0]) in EFFECTS)
    rows = told.rows(
        "SELECT subject_id, kind, count(*) FROM open_item WHERE kind = ANY(%(kinds)s) GROUP BY 1, 2",
        kinds=list(EFFECTS.values()),
    )
    there = {(case, kind): count for case, kind, count in rows}
    return [
        (case, kind, came[case, kind], there.get((case, kind), 0))
        for case, kind in sorted(came.keys() | there.keys())
        if came[case, kind] != there.get((case, kind), 0)
    ]


UNITS_DO_NOT_ADD_UP = """
    SELECT a.id, a.granted_units, coalesce(sum(g.units), 0) FROM "authorization" a
    LEFT JOIN authorization_grant g ON g.authorization_id = a.id AND g.state = 'active'
    GROUP BY a.id HAVING a.granted_units <> coalesce(sum(g.units), 0)"""
OVERUSED = """
    SELECT g.id, g.units, count(*) FROM authorization_grant g JOIN charge c ON c.grant_id = g.id AND c.status = 'live'
    GROUP BY g.id HAVING count(*) > g.units OR g.state <> 'active'
        OR min(c.service_date) < g.from_date OR max(c.service_date) > g.through_date
        OR min(c.level) <> g.level OR max(c.level) <> g.level OR min(c.payer) <> g.payer OR max(c.payer) <> g.payer"""
COVERED_BY_NOTHING = """
    SELECT c.id, c.service_date, c.authorization_state, c.grant_id FROM charge c
    WHERE c.status = 'live' AND (c.authorization_state = 'covered') <> (c.grant_id IS NOT NULL)"""
COULD_BE_COVERED = """
    SELECT c.id, c.service_date, c.authorization_state FROM charge c
    JOIN authorization_grant g ON g.episode_id = c.episode_id AND g.payer = c.payer AND g.level = c.level
         AND g.state = 'active' AND c.service_date BETWEEN g.from_date AND g.through_date
    WHERE c.status = 'live' AND c.kind = 'per_diem' AND c.grant_id IS NULL
      AND g.units > (SELECT count(*) FROM charge u WHERE u.grant_id = g.id AND u.status = 'live')"""
GAPS = """
    SELECT n.partner, n.last, count(DISTINCT m.control_number) FROM control_number n
    LEFT JOIN exchange_message m ON m.partner = n.partner AND m.direction = 'out' AND m.control_number IS NOT NULL
    WHERE position('/' IN n.partner) = 0
    GROUP BY n.partner, n.last
    HAVING n.last <> count(DISTINCT m.control_number) OR n.last <> max(m.control_number::int)
        OR count(m.id) <> count(DISTINCT m.control_number)"""


def units_wrong(told: Told) -> list[Any]:
    """Grants and the days that use them: sums, limits of units and dates, level and payer (AUTH-01, AUTH-05)."""
    return [
        (name, *row)
        for name, query in (
            ("case and grants", UNITS_DO_NOT_ADD_UP),
            ("grant and days", OVERUSED),
            ("day and grant", COVERED_BY_NOTHING),
            ("day not covered", COULD_BE_COVERED),
        )
        for row in told.rows(query)
    ]


def billed_twice(told: Told) -> list[Any]:
    return [row for row in told.rows(TWICE) if row != (0,)]


def undisclosed(told: Told) -> list[Any]:
    """Bytes that left without a consent that covered them then, or without an entry in the accounting."""
    return [row for query in (UNCOVERED, UNTOLD) for row in told.rows(query) if row != (0,)]


def gaps(told: Told) -> list[Any]:
    """Control numbers of each partner: from 1, none missing, none twice."""
    return told.rows(GAPS)


AUDIT: dict[str, Callable[[Told], list[Any]]] = {
    "both books agree": books_differ,
    "no deadline is left behind": left_behind,
    "every deadline that came fired once": fired_otherwise,
    "units add up": units_wrong,
    "no day is billed twice": billed_twice,
    "nothing left without consent": undisclosed,
    "control numbers have no gap": gaps,
}
