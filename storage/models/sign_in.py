"""Local users and the browsers that are signed in as them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, LargeBinary, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class AppUser(Base):
    """Local demo users; production users come from an OIDC issuer. `failures`: wrong passwords in a row, the last at
    `failed_at`; until `locked_until` the right one is refused too (rules/sign_in.py)."""

    __tablename__ = "app_user"

    username: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    facilities: Mapped[list[Any]]
    password_hash: Mapped[str]
    disabled: Mapped[bool] = mapped_column(Boolean, server_default=false())
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failed_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]


class WebSession(Base):
    """One signed-in browser. `id` is the SHA-256 of its cookie: who reads this table cannot become anybody."""

    __tablename__ = "web_session"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("app_user.username"), index=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
