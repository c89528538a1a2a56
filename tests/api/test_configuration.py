"""A running house has on record what its API and its worker run on, each as the role of the database it serves under."""

import time

import psycopg

from local.rehearsal.house import House


def on_record(house: House) -> dict[str, int]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        rows = connection.execute(
            "SELECT subject, count(*) FROM audit_entry WHERE chain = 'configuration' AND action = 'configuration_changed' "
            "GROUP BY subject"
        )
        return {subject: count for subject, count in rows}


def test_both_are_on_record_and_a_start_without_a_change_adds_nothing(house: House) -> None:
    deadline = time.monotonic() + 30
    while set(on_record(house)) != {"process/api", "process/worker"}:
        assert time.monotonic() < deadline, on_record(house)
        time.sleep(0.2)
    before = on_record(house)
    house.kill("worker")
    house.start_part("worker")
    house.wait_ready()
    assert on_record(house) == before == {"process/api": 1, "process/worker": 1}
