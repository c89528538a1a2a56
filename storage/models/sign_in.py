"""Who signs in: local users and their browsers, payers' machines, and tokens that were taken back."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, LargeBinary, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class AppUser(Base):
    """Local users, and an issuer's people who came in through the pages (`issuer`, name with `sso:` before it; no password
    opens their row). `failures`: wrong passwords in a row, the last at
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
    issuer: Mapped[str] = mapped_column(server_default=text("'local'"))


class WebSession(Base):
    """One signed-in browser. `id` is the SHA-256 of its cookie: who reads this table cannot become anybody."""

    __tablename__ = "web_session"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    username: Mapped[str] = mapped_column(ForeignKey("app_user.username"), index=True)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class TokenCutOff(Base):
    """Tokens of this user that were made before a moment count no more. `issuer`: whose tokens, `local` for our own."""

    __tablename__ = "token_cut_off"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(primary_key=True)
    before: Mapped[datetime]
    cut_by: Mapped[str]
    reason: Mapped[str]


class PayerClient(Base):
    """A payer's machine. `secret_hash` is the SHA-256 of a secret of 256 random bits. Several of one payer stand side by
    side, so that a secret is changed without a gap."""

    __tablename__ = "payer_client"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    payer: Mapped[str] = mapped_column(index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
