"""Declarative base: naming convention, text enums with CHECK, aware moments, no silent loading."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Enum, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _values(vocabulary: type[StrEnum]) -> list[str]:
    return [member.value for member in vocabulary]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        str: Text,
        StrEnum: Enum(StrEnum, native_enum=False, create_constraint=False, length=None, values_callable=_values),
    }


MONEY = Numeric(12, 2)


def one_of(column: str, vocabulary: type[StrEnum]) -> CheckConstraint:
    """Enums are text with a CHECK: adding a value is a cheap, lock-light migration."""
    values = ", ".join(f"'{v.value}'" for v in vocabulary)
    return CheckConstraint(f"{column} IN ({values})", name=column)


__all__ = ["MONEY", "NAMING", "Base", "mapped_column", "one_of"]
