"""A small world of news sites on loopback: something real to crawl where there is no internet.

    python -m crawlers.demo --port 8790 --folder F     serves until Ctrl-C; writes F/sources.toml and F/truth.json

In reading order: `stories` (texts, written for this purpose) → `copies` (how one newsroom re-uses another's text) →
`sites` (who is there) → `editions` (which page is out when) → `pages` and `documents` (what is served) → `serve`.
Nothing here knows the crawler or the archive.
"""

from crawlers.demo.serve import DemoWorld, Stats

__all__ = ["DemoWorld", "Stats"]
