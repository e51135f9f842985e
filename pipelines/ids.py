"""What is one thing in the archive: ids that follow from what they name, the same on every machine.

appearance_id   20 hex digits: blake2b of source id and canonical URL; one page of one source
story_id        s-<appearance_id of its founder>  (pipelines.syndication)
article_id      a-<the same>: one article a story, its id never changes whichever appearance is canonical
page_id         20 hex digits: blake2b of capture key and offset; one captured record
"""

from hashlib import blake2b

_ID_BYTES = 10  # of a billion appearances two collide with a chance below one in a million


def appearance_id_of(source_id: str, canonical_url: str) -> str:
    """The id of a page of a source."""
    return blake2b(f"{source_id}\n{canonical_url}".encode(), digest_size=_ID_BYTES).hexdigest()


def article_id_of(story_id: str) -> str:
    """The id of a story's article."""
    return f"a-{story_id.removeprefix('s-')}"


def page_id_of(capture_key: str, capture_offset: int) -> str:
    """The id of one captured page: the same address fetched again is another page."""
    return blake2b(f"{capture_key}\n{capture_offset}".encode(), digest_size=_ID_BYTES).hexdigest()
