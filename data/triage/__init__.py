"""Triage of posts: what a post may be about, which places it may name, and which posts tell one story. Pure functions of text.

Nothing here decides anything: it suggests, with what it is because of, and a person promotes or discards (`data.judging`).
"""
