"""How it is heard: feeds turn partners' payloads into records; nothing they said is lost."""
