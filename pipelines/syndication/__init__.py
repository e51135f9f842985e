"""Signatures -> stories: finds all copies of a text, says what kind of copy each is, and never joins two stories."""

from pipelines.syndication.candidates import CANDIDATE_PAIRS_SQL, KNOWN_SCHEMA, find_candidates, signature_table
from pipelines.syndication.copies import describe_copy, describe_sketched_copy, pick_canonical
from pipelines.syndication.stories import StoryJoin, cluster, join_stories, resolve_story

__all__ = [
    "CANDIDATE_PAIRS_SQL",
    "KNOWN_SCHEMA",
    "StoryJoin",
    "cluster",
    "describe_copy",
    "describe_sketched_copy",
    "find_candidates",
    "join_stories",
    "pick_canonical",
    "resolve_story",
    "signature_table",
]
