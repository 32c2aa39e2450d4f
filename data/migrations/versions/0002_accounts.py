"""Accounts of people, displays and services, their sessions and their tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0002_accounts"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("agency", sa.Text, nullable=False),
        sa.Column("in_mission", sa.Boolean, nullable=False),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("clearance", sa.SmallInteger, nullable=False),
        sa.Column("compartments", sa.Text, nullable=False),
        sa.Column("purposes", sa.Text, nullable=False),
        sa.Column("valid_from_us", sa.BigInteger),
        sa.Column("valid_until_us", sa.BigInteger),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.create_index("account_by_subject", "account", ["issuer", "subject"])
    op.create_table(
        "session",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
    )
    op.create_index("session_by_account", "session", ["account_id"])
    op.create_table(
        "token",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sources", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger),
        sa.Column("revoked_us", sa.BigInteger),
    )
    op.create_index("token_by_account", "token", ["account_id"])
