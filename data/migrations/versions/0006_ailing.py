"""What was heard of each source last, and whose fault a failure is."""

import sqlalchemy as sa
from alembic import op

revision = "0006_ailing"
down_revision = "0005_refused"


def upgrade() -> None:
    op.add_column("source_state", sa.Column("cause", sa.Text, nullable=False, server_default=""))
    op.add_column("source_state", sa.Column("recent", sa.Text, nullable=False, server_default="[]"))
