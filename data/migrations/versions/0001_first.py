"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "counter",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "commit_log",
        sa.Column("revision", KEY, primary_key=True, autoincrement=False),
        sa.Column("committed_us", sa.BigInteger, nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
    )
    op.create_table(
        "version",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("record_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("digest", sa.BigInteger, nullable=False),
        sa.Column("previous_seq", sa.BigInteger),
        sa.Column("supersedes_seq", sa.BigInteger),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("retracted", sa.Boolean, nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("lon", sa.Double),
        sa.Column("lat", sa.Double),
        sa.Column("wkb", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "head",
        sa.Column("record_id", KEY, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("current_seq", sa.BigInteger),
        sa.Column("digest", sa.BigInteger, nullable=False),
        sa.Column("version_us", sa.BigInteger),
        sa.Column("retracted", sa.Boolean, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("fingerprint", sa.BigInteger, nullable=False, unique=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("row", sa.Integer),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("first_seen_us", sa.BigInteger, nullable=False),
        sa.Column("last_seen_us", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_index("quarantine_by_source", "quarantine", ["source", "state"])
    op.create_table(
        "source_state",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("agency", sa.Text, nullable=False),
        sa.Column("last_tried_us", sa.BigInteger),
        sa.Column("last_succeeded_us", sa.BigInteger),
        sa.Column("last_observed_us", sa.BigInteger),
        sa.Column("failing_since_us", sa.BigInteger),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("validators", sa.Text, nullable=False),
    )
