"""What the command line does with data alone: accounts and tokens, backup and verification, the audit log."""
