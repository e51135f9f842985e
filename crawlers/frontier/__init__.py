"""The frontier of one source: which URLs were seen, their validators, and when to look again.

Articles (found, fetched, redirected to another address) and what links to them (feeds, sitemaps, sections) are told
apart by `role`. What was found but not fetched yet is kept as well: no later crawl depends on a feed still naming it.

Kept as state/<source>/frontier.parquet: URLs seen within `WINDOW` whole, older ones as eight-byte hashes, so that what
every crawl rewrites stays small; what was learned of when to ask what (`crawlers.revisit`) stands in its metadata. In a
crawl's memory they stay the columns they are in the file, some 300 bytes a URL; only what the run itself learns is kept
as objects.

    visit     what is known of one URL
    visits    many of them, in columns
    frontier  what a run reads and records
    saved     the object in the archive, safe for two crawls that save at once
"""

from crawlers.frontier.frontier import REVISIT_AFTER, WINDOW, Frontier
from crawlers.frontier.saved import frontier_key, load_frontier, save_frontier
from crawlers.frontier.visit import Role, Visit, url_hash

__all__ = [
    "REVISIT_AFTER",
    "WINDOW",
    "Frontier",
    "Role",
    "Visit",
    "frontier_key",
    "load_frontier",
    "save_frontier",
    "url_hash",
]
