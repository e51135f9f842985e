"""Signatures -> stories: finds all copies of a text, says what kind of copy each is, and never joins two stories."""

from pipelines.syndication.candidates import CANDIDATES_SQL, KNOWN_SCHEMA, find_candidates, signature_table
from pipelines.syndication.copies import describe_copy, pick_canonical
from pipelines.syndication.stories import StoryJoin, cluster, join_stories

__all__ = [
    "CANDIDATES_SQL",
    "KNOWN_SCHEMA",
    "StoryJoin",
    "cluster",
    "describe_copy",
    "find_candidates",
    "join_stories",
    "pick_canonical",
    "signature_table",
]
