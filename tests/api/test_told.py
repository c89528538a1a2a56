"""`why` is the rule's own sentence; `why_text` says it in the facility's words and time, on both faces alike."""

from api.told import why_text
from local.rehearsal.caller import Caller
from tests.api.test_refusals import MOMENT, admitted

TITLES = {"CSSRS_SCREEN": "Suicide risk screener"}


def test_codes_moments_and_ids_are_told_where_the_facility_stands() -> None:
    said = "CSSRS_SCREEN due 2026-03-09T05:00:00+00:00, on file since 2026-03-02: payer_told is owed"
    assert why_text(said, "America/Chicago", TITLES) == (
        "Suicide risk screener due Mon 9 Mar, 00:00, on file since Mon 2 Mar: payer told is owed"
    )
    assert why_text("authorization 641b3e9b-0000-5000-8000-000000000000 grants 5 DY", "UTC", {}) == (
        "Authorization 641b3e9b grants 5 days"
    )


def test_an_episode_answers_both(caller: Caller) -> None:
    stage = admitted(caller)
    page = stage.page()
    told = [*page["next_events"], *page["open_items"]]
    assert told
    for one in told:
        assert one["why_text"] != ""
        assert "_" not in one["why_text"]
        assert "+00:00" not in one["why_text"]
    screener = next(e for e in page["next_events"] if e["why"] == "CSSRS_SCREEN is due")
    assert screener["why_text"].endswith("is due")
    assert "CSSRS" not in screener["why_text"]


def test_the_board_says_why_a_bed_is_not_free(caller: Caller) -> None:
    stage = admitted(caller)
    stage.leave(MOMENT)
    beds = caller.get("director", "/v1/census/board", facility="harbor")["beds"]
    (mine,) = [b for b in beds if b["episode_id"] == stage.episode]
    assert (mine["state"], mine["reason"], mine["reason_text"]) == ("on_leave", "leave", "leave")
    assert {b["reason_text"] for b in beds if b["reason"] is None} == {None}
