"""Agreements, marks set on screen, break-glass, the audit log and what retention erased."""

import sqlalchemy as sa
from alembic import op

revision = "0003_sharing"
down_revision = "0002_accounts"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "agreement",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("revoked_us", sa.BigInteger),
        sa.Column("revoked_by", sa.Text, nullable=False),
    )
    op.create_table(
        "source_mark",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("set_us", sa.BigInteger, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
    )
    op.create_table(
        "glass",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("maximum_sensitivity", sa.SmallInteger, nullable=False),
        sa.Column("asked_us", sa.BigInteger, nullable=False),
        sa.Column("lasts_us", sa.BigInteger, nullable=False),
        sa.Column("starts_us", sa.BigInteger),
        sa.Column("second", sa.Text, nullable=False),
        sa.Column("closed_us", sa.BigInteger),
        sa.Column("closed_by", sa.Text, nullable=False),
    )
    op.create_table(
        "sharing_told",
        sa.Column("revision", KEY, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
    )
    op.create_index("sharing_told_by_name", "sharing_told", ["name", "revision"])
    op.create_table(
        "in_force",
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("concerns", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("clause", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_signature",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("public_key", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    op.create_table(
        "erasure",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.Boolean, primary_key=True),
        sa.Column("digest", sa.BigInteger, nullable=False),
    )
    op.create_index("erasure_by_revision", "erasure", ["revision"])
    op.create_table(
        "retention_state",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("personal_seq", sa.BigInteger, nullable=False),
        sa.Column("whole_seq", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '')")
