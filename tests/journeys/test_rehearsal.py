"""Every scenario once, from referral to closure, everything real but the partners (issue 2, Done when)."""

import asyncio

import psycopg
import pytest
from temporalio.worker import Replayer

from local.bundles.generate import read_folder
from local.rehearsal.__main__ import chosen, rehearse
from local.rehearsal.house import House
from local.rehearsal.report import closing_line, prompts
from local.rehearsal.scenarios import SCENARIOS
from runtime.codec import data_converter
from runtime.keyring_file import load_keyring
from runtime.temporal import connect
from worker import WORKFLOWS


@pytest.fixture(scope="module")
def rehearsed(house: House) -> tuple[House, list[str]]:
    said: list[str] = []
    asyncio.run(rehearse(house, chosen(read_folder(), len(SCENARIOS)), said.append))
    return house, said


def test_the_closing_line_has_no_day_twice_none_lost_and_nothing_undisclosed(
    rehearsed: tuple[House, list[str]],
) -> None:
    figures = closing_line(rehearsed[0].postgres.dsn("stepdown"))
    assert figures["episodes"] == len(SCENARIOS)
    assert {"3.7-WM", "3.5", "2.5", "2.1", "1.5"} <= set(figures["levels"])
    for name in ("assessments", "consents", "authorization_requests", "schedule_changes", "per_diem_charges"):
        assert figures[name] > 0, name
    assert (figures["days_billed_twice"], figures["payable_days_unbilled"], figures["disclosures_without_consent"]) == (
        0,
        0,
        0,
    )


def test_every_move_brought_all_five_families(rehearsed: tuple[House, list[str]]) -> None:
    with psycopg.connect(rehearsed[0].postgres.dsn("stepdown")) as connection:
        moves = connection.execute(
            """
            SELECT m.id, m.transition_id,
              EXISTS (SELECT 1 FROM assessment_due a WHERE a.transition_id = m.transition_id),
              EXISTS (SELECT 1 FROM consent c WHERE c.episode_id = m.episode_id),
              EXISTS (SELECT 1 FROM "authorization" z WHERE z.transition_id = m.transition_id),
              EXISTS (SELECT 1 FROM attendance t JOIN stay s ON s.id = t.stay_id WHERE s.episode_id = m.episode_id
                      AND lower(s.period) = m.effective_at),
              EXISTS (SELECT 1 FROM per_diem_account p JOIN stay s ON s.id = p.stay_id
                      WHERE s.episode_id = m.episode_id AND lower(s.period) = m.effective_at)
            FROM movement m WHERE m.kind IN ('admission', 'transfer')"""
        ).fetchall()
    assert len(moves) >= 14
    lacking = [m for m in moves if not all(m[2:])]
    assert lacking == []


def test_the_stories_went_as_told(rehearsed: tuple[House, list[str]]) -> None:
    house, said = rehearsed
    told = " | ".join(said)
    for line in ("2.5 scheduled", "discharged, against_advice", "3.7-WM executed", "downtime: two midnights"):
        assert line in told
    asked = {kind for kind, _, _ in prompts(house.postgres.dsn("stepdown"))}
    assert {"authorization_denied", "urgent_review", "review_due", "medication_reconciliation", "state_record"} <= asked


def test_leaving_at_two_in_the_morning_bills_yesterday_and_not_tonight(rehearsed: tuple[House, list[str]]) -> None:
    """E50, for a contract that pays the day of admission and not of discharge, or both (bluestone)."""
    with psycopg.connect(rehearsed[0].postgres.dsn("stepdown")) as connection:
        rows = connection.execute(
            """
            SELECT (m.effective_at AT TIME ZONE 'America/Chicago')::date, max(c.service_date), e.payer
            FROM episode e JOIN movement m ON m.episode_id = e.id AND m.disposition = 'against_advice'
            JOIN charge c ON c.episode_id = e.id AND c.status = 'live' GROUP BY 1, 3"""
        ).fetchall()
    assert rows
    for left_on, last_billed, payer in rows:
        expected_gap = 0 if payer in ("bluestone", "statecare") else 1
        assert (left_on - last_billed).days == expected_gap, payer


def test_census_chains_from_day_to_day(rehearsed: tuple[House, list[str]]) -> None:
    """Invariant 4, also after the downtime and late decisions."""
    with psycopg.connect(rehearsed[0].postgres.dsn("stepdown")) as connection:
        broken = connection.execute(
            """
            WITH newest AS (
                SELECT facility, service_date, max(version) AS version FROM census_snapshot GROUP BY 1, 2),
            line AS (SELECT l.* FROM census_line l JOIN newest n USING (facility, service_date, version))
            SELECT t.service_date FROM line t
            FULL JOIN line y ON y.facility = t.facility AND y.program = t.program AND y.level = t.level
                AND y.payer = t.payer AND y.service_date = t.service_date - 1
            WHERE (t.service_date IS NOT NULL AND t.opening <> coalesce(y.closing, 0))
               OR t.opening + t.admissions + t.transfers_in + t.returns - t.discharges - t.deaths - t.transfers_out
                  - t.leaves_out <> t.closing"""
        ).fetchall()
        closed = connection.execute("SELECT count(*) FROM facility_day WHERE closed_at IS NOT NULL").fetchone()
    assert broken == []
    assert closed is not None
    assert closed[0] > 100


def test_no_name_is_anywhere_but_sealed(rehearsed: tuple[House, list[str]]) -> None:
    """The leak test: synthetic names in Temporal's file, logs, and every text of the database (D15)."""
    house, _ = rehearsed
    names = set()
    for bundle in chosen(read_folder(), len(SCENARIOS)):
        patient = bundle["entry"][0]["resource"]
        names |= {patient["name"][0]["family"], patient["birthDate"]}
        coverage = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Coverage")
        names |= {coverage.get("subscriberId", patient["birthDate"])}
    files = [*house.folder.glob("*.log"), *house.folder.glob("temporal.db*")]
    assert len(files) >= 5
    for file in files:
        content = file.read_bytes()
        assert [n for n in names if n.encode() in content] == [], file.name
    assert _texts_with(house.postgres.dsn("stepdown"), names) == []


def _texts_with(dsn: str, names: set[str]) -> list[tuple[str, str]]:
    found = []
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f'SELECT t::text FROM "{table}" t'.encode()).fetchall()
            text = "\n".join(r[0] for r in rows)
            found += [(table, n) for n in names if n in text]
    return found


def test_the_audit_chains_hold(rehearsed: tuple[House, list[str]]) -> None:
    """Each entry's previous hash is the hash of the entry before it in its chain."""
    with psycopg.connect(rehearsed[0].postgres.dsn("stepdown")) as connection:
        broken = connection.execute(
            """
            SELECT count(*) FROM (
                SELECT prev_hash, lag(hash) OVER (PARTITION BY chain ORDER BY place) AS before FROM audit_entry) c
            WHERE prev_hash IS DISTINCT FROM before"""
        ).fetchone()
        total = connection.execute("SELECT count(*) FROM audit_entry").fetchone()
    assert broken == (0,)
    assert total is not None
    assert total[0] > 200
    with (
        psycopg.connect(rehearsed[0].postgres.dsn("stepdown")) as connection,
        pytest.raises(psycopg.errors.RestrictViolation),
    ):
        connection.execute("UPDATE audit_entry SET actor = 'somebody else'")


def test_histories_replay(rehearsed: tuple[House, list[str]]) -> None:
    """Every history of the rehearsal replays, sandboxed, under today's code."""
    assert asyncio.run(_replay(rehearsed[0])) >= 20


async def _replay(house: House) -> int:
    settings = house.settings
    keyring = load_keyring(settings)
    client = await connect(house.temporal.address, settings.temporal_namespace, keyring)
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(keyring))
    count = 0
    async for found in client.list_workflows("WorkflowType IN ('EpisodeWorkflow', 'AuthorizationWorkflow')"):
        handle = client.get_workflow_handle(found.id, run_id=found.run_id)
        await replayer.replay_workflow(await handle.fetch_history())
        count += 1
        if count >= 60:
            break
    return count
