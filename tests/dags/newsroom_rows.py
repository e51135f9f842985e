"""Rows and captures as the newsroom finds them, with titles and addresses that would like to run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.capture import CaptureWriter, read_pages
from pipelines.model import RawPage, SourceFacts
from pipelines.store import open_store

NOW = datetime.now(UTC)
HOSTILE = "<script>document.title='taken'</script>\"'><img src=x onerror=alert(1)>"


def capture(archive: Path, body: bytes) -> dict[str, Any]:
    """Where the page lies, as a row of `articles` has it."""
    store = open_store(str(archive))
    source = SourceFacts(id="a-paper", name="A Paper", homepage="https://a-paper.example/")
    stored: list[str] = []
    writer = CaptureWriter(
        store, archive.parent / "spool", source, "run-1", NOW, user_agent="test", on_stored=stored.append
    )
    page = RawPage(
        source=source,
        run_id="run-1",
        requested_url="https://a-paper.example/1",
        url="https://a-paper.example/1",
        status=200,
        headers=(("Content-Type", "text/html; charset=iso-8859-1"), ("Set-Cookie", "a=b"), ("Refresh", "0")),
        body=body,
        fetched_at=NOW,
    )
    writer.write(page)
    writer.close()
    (read,) = read_pages(store, stored[0])
    assert isinstance(read, RawPage)
    assert read.capture is not None
    ref = read.capture
    return {"capture_key": ref.key, "capture_offset": ref.offset, "payload_sha256": ref.payload_sha256}


def article(article_id: str, **more: Any) -> dict[str, Any]:
    return {
        "article_id": article_id,
        "story_id": "story-1",
        "source_id": "a-paper",
        "first_seen_at": NOW,
        "first_seen_date": NOW.date(),
        "text": f"First paragraph.\n{HOSTILE}",
        "word_count": 4,
        "removed": {HOSTILE: 2},
        "capture_key": "captures/gone.warc.gz",
        "capture_offset": 0,
        "payload_sha256": "00",
        **more,
    }
