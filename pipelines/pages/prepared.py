"""Imported by the process that page workers are forked from: what every page needs is loaded and compiled once.

Patterns, word lists and the list of public suffixes are made at their first use; this is that use.
"""

import contextlib
import gc
from datetime import UTC, datetime

from pipelines.model import RawPage, SourceFacts
from pipelines.pages.one_page import draft, finish
from pipelines.pages.sighting import Sighting, sign_sighting
from pipelines.template import Template

_SENTENCE = "The bridge over the river was closed on Monday, and will stay closed until the spring, the town says. "
_PAGE = f"""<html lang="en"><head><title>The bridge is closed | The Daily</title>
<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "The bridge is closed"}}</script></head>
<body><nav class="menu"><a href="/">Home</a></nav><article><h1>The bridge is closed</h1>
<p class="byline">By Ann Example, 24 November 2026</p><p>{_SENTENCE * 2}</p><p>{_SENTENCE}</p>
<p>Read also: <a href="/2">More bridges</a></p></article><footer>All rights reserved.</footer></body></html>"""


def _prepare() -> None:
    drafted = draft(
        RawPage(
            source=SourceFacts(id="prepared", name="The Daily", homepage="https://daily.example/"),
            run_id="",
            requested_url="https://daily.example/1",
            url="https://daily.example/1",
            status=200,
            headers=(("Content-Type", "text/html"),),
            body=_PAGE.encode(),
            fetched_at=datetime(2026, 11, 24, tzinfo=UTC),
        )
    )
    finished = finish(drafted, Template())
    assert isinstance(finished, Sighting)
    sign_sighting(finished)


with contextlib.suppress(OSError):  # no room for a temporary file: the first worker that needs one will say so
    _prepare()
gc.freeze()  # what is shared with the workers stays shared, and is not gone through again
