"""How many clients were turned away from a source's port."""

import sqlalchemy as sa
from alembic import op

revision = "0005_refused"
down_revision = "0004_quarantine"


def upgrade() -> None:
    op.add_column("source_state", sa.Column("refused", sa.BigInteger, nullable=False, server_default="0"))
