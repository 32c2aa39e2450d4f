"""How sources are read, set on screen; payloads taken back; rejects that are mended, answered or discarded."""

import sqlalchemy as sa
from alembic import op

revision = "0004_quarantine"
down_revision = "0003_sharing"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "source_options",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("set_us", sa.BigInteger, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
    )
    op.create_table(
        "undone",
        sa.Column("revision", KEY, primary_key=True, autoincrement=False),
        sa.Column("by_revision", sa.BigInteger, nullable=False, unique=True),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    for column in (
        sa.Column("feed_version", sa.Text, nullable=False, server_default=""),
        sa.Column("edited", sa.LargeBinary),
        sa.Column("edited_us", sa.BigInteger),
        sa.Column("edited_by", sa.Text, nullable=False, server_default=""),
        sa.Column("origin", sa.BigInteger),
        sa.Column("settled_us", sa.BigInteger),
        sa.Column("settled_by", sa.Text, nullable=False, server_default=""),
        sa.Column("settled_why", sa.Text, nullable=False, server_default=""),
    ):
        op.add_column("quarantine", column)
