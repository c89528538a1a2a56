"""Keys of the house by name: when each began to seal, and when it was given up. Never the keys themselves."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class HouseKey(Base):
    """`current_from`: since when new things are sealed under it. What was sealed before may need an older key for as long
    as it is kept (docs/operations.md)."""

    __tablename__ = "house_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    current_from: Mapped[datetime]
    made_by: Mapped[str]
    retired_at: Mapped[datetime | None]
