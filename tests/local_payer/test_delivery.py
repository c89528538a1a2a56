"""Late answers arrive once the door opens, whatever stops in between; time moves only as the drive says."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from definitions.review_codes import Action
from tests.interchange.x12.samples import emitted, residential
from tests.local_payer.conftest import SECRET, Door, PayerProcess, Start, wait_until

NOON = "2026-03-06T12:00:00+00:00"
EVENING = "2026-03-06T18:00:00+00:00"


def test_the_token_is_fetched_by_client_credentials_once(driven: PayerProcess, door: Door) -> None:
    for n in range(2):
        driven.ask(residential(trace=f"EP{n}", member_id="W123456789P6"), at=NOON)
    assert driven.advance(EVENING).json()["delivered"] == 2
    assert door.asked == [
        {"grant_type": ["client_credentials"], "client_id": ["payer-meridian"], "client_secret": [SECRET]}
    ]


def test_a_token_that_is_refused_is_fetched_again(driven: PayerProcess, door: Door) -> None:
    driven.ask(residential(trace="EP1", member_id="W123456789P1"), at=NOON)
    driven.advance("2026-03-06T13:00:00+00:00")
    door.tokens.append("another")
    driven.ask(residential(trace="EP2", member_id="W123456789P2"), at=NOON)
    assert driven.advance("2026-03-06T14:00:00+00:00").json() == {"delivered": 1, "left": 0}
    assert (len(door.asked), door.refused) == (2, 1)


def test_what_is_due_is_delivered_in_its_order(driven: PayerProcess, door: Door) -> None:
    for trace, hours in (("LATE", 5), ("SOON", 1), ("THEN", 3)):
        driven.ask(residential(trace=trace, member_id=f"W123456789P{hours}"), at=NOON)
    driven.advance(EVENING)
    assert [a.trace for a in door.answers()] == ["SOON", "THEN", "LATE"]
    assert [at for _, _, at in door.taken] == [f"2026-03-06T{h}:00:00+00:00" for h in (13, 15, 17)]


def test_a_closed_door_is_told_and_nothing_is_lost(driven: PayerProcess, door: Door) -> None:
    driven.ask(residential(member_id="W123456789P6"), at=NOON)
    door.closed = True
    refused = driven.advance(EVENING)
    assert (refused.status_code, refused.json()) == (503, {"delivered": 0, "left": 1})
    assert driven.next_due() == EVENING
    door.closed = False
    assert driven.advance(EVENING).json() == {"delivered": 1, "left": 0}
    assert len(door.taken) == 1


def test_a_restart_forgets_nothing(start: Start, door: Door) -> None:
    before = start("--drive", "driven")
    approved = before.ask(residential(trace="EP1"), at=NOON)
    pended = before.ask(residential(trace="EP2", member_id="W123456789P6"), at=NOON)
    before.stop(signal.SIGKILL)
    after = start("--drive", "driven")
    assert after.ask(residential(trace="EP1")) == approved
    assert after.ask(residential(trace="EP2", member_id="W123456789P6")) == pended
    assert after.next_due() == EVENING
    assert after.ask(residential(trace="EP3")).number not in (approved.number, pended.number, None)
    assert after.advance(EVENING).json() == {"delivered": 1, "left": 0}
    assert after.advance(EVENING).json() == {"delivered": 0, "left": 0}
    assert [a.trace for a in door.answers()] == ["EP2"]


def test_driven_time_stands_still(driven: PayerProcess, door: Door) -> None:
    driven.ask(residential(member_id="W123456789P6"), at="2020-01-01T00:00:00+00:00")
    time.sleep(1.0)
    assert door.taken == []
    assert driven.next_due() == "2020-01-01T06:00:00+00:00"


def test_advance_says_what_it_needs(driven: PayerProcess) -> None:
    assert driven.advance("2026-03-06T12:00:00").status_code == 422
    assert driven.client.post(f"{driven.url}/book/advance", json={}).status_code == 422


def test_wall_drive_delivers_by_itself_and_after_the_door_opens(start: Start, door: Door) -> None:
    """Asked in driven drive two hours ago; the wall clock finds it due."""
    before = start("--drive", "driven")
    before.ask(residential(trace="EP1", member_id="W123456789P6"), at="2020-01-01T00:00:00+00:00")
    before.stop()
    door.closed = True
    payer = start("--drive", "wall")
    wait_until(lambda: door.refused >= 2)
    assert [c["waiting"] for c in payer.cases()] == [1]
    door.closed = False
    door.wait_for(1)
    wait_until(lambda: payer.cases()[0]["waiting"] == 0)
    assert [a.action for a in door.answers()] == [Action.CERTIFIED]
    time.sleep(0.8)
    assert len(door.taken) == 1


def test_wall_drive_refuses_to_be_moved_and_takes_no_business_time(start: Start) -> None:
    payer = start("--drive", "wall")
    assert payer.advance(EVENING).status_code == 409
    answer = payer.ask(residential(), at="2020-01-01T00:00:00+00:00")
    assert answer.created_at.year > 2020


def test_it_stops_at_once_even_while_it_is_silent(start: Start) -> None:
    payer = start("--drive", "wall", "--silence-seconds", "60")
    with ThreadPoolExecutor(1) as pool:
        silent = pool.submit(payer.send, emitted(residential(member_id="W123456789T")), seconds=30)
        wait_until(lambda: len(payer.cases()) == 1)
        began = time.monotonic()
        assert payer.stop() in (0, -signal.SIGTERM)
        assert time.monotonic() - began < 8
        assert silent.result(timeout=10).status_code == 503
