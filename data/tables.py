"""The tables, as SQLAlchemy Core; `migrations/` brings a database to this state. The same on SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()

# BigInteger on SQLite would not be an alias of rowid; Integer is 64 bits there and 32 on PostgreSQL.
Key = BigInteger().with_variant(Integer, "sqlite")

counter = Table(
    "counter",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("secret", LargeBinary, nullable=False, comment="makes record ids unguessable"),
)
"""One row. Updated inside the writing transaction, so revisions become visible in the order of their commits."""

commit_log = Table(
    "commit_log",
    metadata,
    Column("revision", Key, primary_key=True, autoincrement=False),
    Column("committed_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("payload", Text, nullable=False, comment="name of the file or address, as shown to people"),
    Column("sha256", Text, nullable=False),
)
"""One row per payload that changed something."""

version = Table(
    "version",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("previous_seq", BigInteger, comment="the version of this record appended before this one"),
    Column("supersedes_seq", BigInteger, comment="the version that was current until this one"),
    Column("late", Boolean, nullable=False, comment="older than the current version when it arrived; never current"),
    Column("retracted", Boolean, nullable=False),
    Column("row", Integer, nullable=False, comment="which row of the payload"),
    Column("lon", Double),
    Column("lat", Double),
    Column("wkb", LargeBinary),
    Column("body", LargeBinary, nullable=False),
)
"""The log. Rows are only ever added."""

head = Table(
    "head",
    metadata,
    Column("record_id", Key, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("current_seq", BigInteger),
    Column("digest", BigInteger, nullable=False),
    Column("version_us", BigInteger),
    Column("retracted", Boolean, nullable=False),
)
"""Where each record stands in the log: an index that can be rebuilt from `version`."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("fingerprint", BigInteger, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("row", Integer, comment="null: the payload as a whole"),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("first_seen_us", BigInteger, nullable=False),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("state", Text, nullable=False, comment="open, replayed or discarded"),
    Column("feed_version", Text, nullable=False, comment="of the code that refused it last (`ingest.version`)"),
    Column("edited", LargeBinary, comment="the row as somebody mended it; `raw` stays as it came"),
    Column("edited_us", BigInteger),
    Column("edited_by", Text, nullable=False),
    Column("origin", BigInteger, comment="the reject this one came of, mended and refused for another reason"),
    Column("settled_us", BigInteger, comment="when it was read at last, or discarded"),
    Column("settled_by", Text, nullable=False),
    Column("settled_why", Text, nullable=False, comment="the reason it was discarded for"),
    Index("quarantine_by_source", "source", "state"),
)

undone = Table(
    "undone",
    metadata,
    Column("revision", Key, primary_key=True, autoincrement=False, comment="of the payload that was taken back"),
    Column("by_revision", BigInteger, nullable=False, unique=True, comment="of the commit that took it back"),
    Column("time_us", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
"""Payloads that were taken back whole. What they brought stays in the log; it no longer counts."""

source_state = Table(
    "source_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("feed", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("last_tried_us", BigInteger),
    Column("last_succeeded_us", BigInteger),
    Column("last_observed_us", BigInteger),
    Column("failing_since_us", BigInteger),
    Column("last_error", Text, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False, server_default="0"),
    Column("cause", Text, nullable=False, server_default="", comment="of the failure: unreachable, payload or here"),
    Column(
        "recent", Text, nullable=False, server_default="[]", comment="what was heard last, as JSON (data.ailing.Heard)"
    ),
    Column("validators", Text, nullable=False, comment="ETag and Last-Modified of the last answer, as JSON"),
)
"""How each source is doing: tried, succeeded and observed are three different times."""

account = Table(
    "account",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True, comment="what one signs in with, in lower case"),
    Column("kind", Text, nullable=False, comment="person, display or service"),
    Column("full_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("password", Text, nullable=False, comment="argon2id in PHC form; empty: no password opens it"),
    Column("issuer", Text, nullable=False, comment="of an identity provider; empty: a local account"),
    Column("subject", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("in_mission", Boolean, nullable=False),
    Column("component", Text, nullable=False),
    Column("roles", Text, nullable=False, comment="JSON list, as compartments and purposes"),
    Column("clearance", SmallInteger, nullable=False),
    Column("compartments", Text, nullable=False),
    Column("purposes", Text, nullable=False),
    Column("valid_from_us", BigInteger),
    Column("valid_until_us", BigInteger),
    Column("disabled", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index("account_by_subject", "issuer", "subject"),
)
"""Who may sign in or send. Never deleted, so that a name in the audit log always means the same account."""

session = Table(
    "session",
    metadata,
    Column("hash", LargeBinary, primary_key=True, comment="SHA-256 of what the cookie holds"),
    Column("account_id", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("how", Text, nullable=False, comment="password, provider or display"),
    Column("user_agent", Text, nullable=False),
    Index("session_by_account", "account_id"),
)

token = Table(
    "token",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=True),
    Column("hash", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the secret"),
    Column("account_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("sources", Text, nullable=False, comment="JSON list of sources it may send for; * is every one"),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked_us", BigInteger),
    Index("token_by_account", "account_id"),
)

agreement = Table(
    "agreement",
    metadata,
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False, comment="its terms as JSON; empty: they stand in the settings"),
    Column("made_us", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("revoked_us", BigInteger),
    Column("revoked_by", Text, nullable=False),
)
"""Agreements made on screen, and what was revoked of any. Never deleted."""

source_mark = Table(
    "source_mark",
    metadata,
    Column("source", Text, primary_key=True),
    Column("body", Text, nullable=False, comment="the whole mark as JSON"),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)
"""Marks of sources set on screen; they count in place of those of the settings."""

source_options = Table(
    "source_options",
    metadata,
    Column("source", Text, primary_key=True),
    Column("feed", Text, nullable=False, comment="it is read with, where the settings have no such source"),
    Column("body", Text, nullable=False, comment="JSON object of the feed's own settings"),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)
"""How sources are read, set on screen: each option counts in place of that of the settings."""

glass = Table(
    "glass",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("owner", Text, nullable=False, comment="the agency whose records were opened"),
    Column("reason", Text, nullable=False),
    Column("maximum_sensitivity", SmallInteger, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("lasts_us", BigInteger, nullable=False),
    Column("starts_us", BigInteger, comment="null: waits for the second person"),
    Column("second", Text, nullable=False),
    Column("closed_us", BigInteger),
    Column("closed_by", Text, nullable=False),
)
"""Break-glass, asked for and opened. Never deleted."""

sharing_told = Table(
    "sharing_told",
    metadata,
    Column("revision", Key, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True, comment="an agency, an account, mission or *"),
    Index("sharing_told_by_name", "name", "revision"),
)
"""Whom each change of sharing concerned."""

in_force = Table(
    "in_force",
    metadata,
    Column("what", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("concerns", Text, nullable=False, comment="JSON list of names"),
)
"""What of sharing held when it was last looked at: the difference to what holds now is what is announced."""

audit = Table(
    "audit",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("time_us", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("clause", Text, nullable=False),
    Column("details", Text, nullable=False, comment="JSON: ids and numbers, never payloads"),
    Column("previous", Text, nullable=False, comment="hash of the entry before"),
    Column("hash", Text, nullable=False, comment="SHA-256 of the entry and of `previous`"),
)
"""The audit log. Rows are only ever added; each holds the hash of the one before."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
"""One row, locked by whoever appends to the audit log."""

audit_signature = Table(
    "audit_signature",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("public_key", Text, primary_key=True, comment="Ed25519, 32 bytes in hexadecimal"),
    Column("hash", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("signature", Text, nullable=False),
)
"""Signed heads of the audit log; the home folder's `audit-heads.jsonl` has them too."""

erasure = Table(
    "erasure",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False, comment="of the version"),
    Column("revision", BigInteger, nullable=False),
    Column("whole", Boolean, primary_key=True, comment="false: personal fields only"),
    Column("digest", BigInteger, nullable=False, comment="of what is left"),
    Index("erasure_by_revision", "revision"),
)
"""What retention has erased of the log: the version's row stays, its content does not. Of two rows the whole one counts."""

retention_state = Table(
    "retention_state",
    metadata,
    Column("source", Text, primary_key=True),
    Column("personal_seq", BigInteger, nullable=False),
    Column("whole_seq", BigInteger, nullable=False),
)
"""Up to which version each source's records have been gone through."""
