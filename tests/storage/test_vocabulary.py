"""The database knows every word of the vocabulary: a value without its CHECK entry is a breach at the first use."""

import re

import pytest
from sqlalchemy import CheckConstraint, text

from storage.engine import Database
from storage.models import Base

LISTED = re.compile(r"'([^']+)'")
CHECKS = [
    (table.name, str(constraint.name), set(LISTED.findall(str(constraint.sqltext))))
    for table in Base.metadata.sorted_tables
    for constraint in table.constraints
    if isinstance(constraint, CheckConstraint) and " IN (" in str(constraint.sqltext)
]
DEFINED = text(
    "SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid "
    "WHERE t.relname = :table AND c.conname = :name"
)


def test_there_are_checks() -> None:
    assert len(CHECKS) > 20


@pytest.mark.parametrize(("table", "name", "words"), CHECKS, ids=[f"{t}.{n}" for t, n, _ in CHECKS])
async def test_a_check_lists_what_the_model_says(database: Database, table: str, name: str, words: set[str]) -> None:
    async with database.read() as session:
        defined = (await session.execute(DEFINED, {"table": table, "name": name})).scalar_one()
    assert set(LISTED.findall(defined)) == words
