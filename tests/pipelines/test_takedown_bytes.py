"""A takedown, seen from outside: every byte under the archive is read, on a folder and on S3."""

import gzip
import io
import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.archive import Archive
from pipelines.errors import ObjectChangedError
from pipelines.publish import publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import Store
from pipelines.upkeep import compact, takedown
from tests.pipelines.small_press import NOON, Page, Press, page_of, tell

SECRET = "the ferry of Hollin carried a name that nobody may read"
URL = "https://daily.example/world/story-1"

pytestmark = pytest.mark.usefixtures("drafts_inline")


def where(press: Press) -> ArchiveSettings:
    return ArchiveSettings(uri=press.store.uri, spool=press.spool)


def secret_page(more: str = "") -> Page:
    return page_of(1, paragraphs=[*tell(1), f"It was said that {SECRET}. {more}"])


def objects_with(store: Store, words: str) -> list[str]:
    """Keys of objects in which the words stand, packed or not; all objects are read."""
    return [found.key for found in store.list("") if words.encode() in b"".join(_plain(store, found.key))]


def _plain(store: Store, key: str) -> Iterator[bytes]:
    body = store.get(key).body
    yield body
    if key.endswith(".parquet"):
        yield repr(pq.read_table(io.BytesIO(body)).to_pylist()).encode()
    while body.startswith(b"\x1f\x8b"):
        decoder = zlib.decompressobj(31)
        member = decoder.decompress(body)
        yield member
        payload = member.partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[2].rstrip(b"\r\n")
        yield gzip.decompress(payload) if payload.startswith(b"\x1f\x8b") else b""
        body = decoder.unused_data


def test_no_byte_is_left_of_what_stood_in_any_kind_of_object(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    press.capture("daily", [secret_page(), page_of(2)])
    publish_new_captures(where(press), now=NOON)
    press.capture("daily", [secret_page("Later more was said of it.")], run="r2", started_at=NOON + timedelta(hours=1))
    publish_new_captures(where(press), now=NOON)  # the first text is now an earlier revision
    compact(where(press), now=NOON)  # and stands in old versions of the tables
    press.capture("daily", [secret_page("And more.")], run="r3", started_at=NOON + timedelta(hours=2))

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.archive.archive.put_entry", killed)
        with pytest.raises(KeyboardInterrupt):  # leaves drafts and rows
            publish_new_captures(where(press), now=NOON)
    before = {key.split("/")[0] for key in objects_with(press.store, SECRET)}
    assert before == {"captures", "staged", "tables"}
    assert any(key.startswith("staged/journal/") for key in objects_with(press.store, SECRET))
    assert takedown(where(press), url=URL, reason="asked", now=NOON).records == 6
    assert objects_with(press.store, SECRET) == []
    publish_new_captures(where(press), now=NOON)
    assert objects_with(press.store, SECRET) == []
    found = Archive(press.store).dataset("articles")
    assert found is not None
    assert found.to_table()["url"].to_pylist() == ["https://daily.example/world/story-2"]


def test_a_publisher_that_read_the_older_list_brings_nothing_back(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.capture("daily", [secret_page(), page_of(2)])
    commit, refused = Archive.commit, []

    def racing(self: Archive, *args: Any, **values: Any) -> None:
        if values["kind"] == "publish" and not refused:
            takedown(where(press), url=URL, reason="asked", now=NOON)
            try:
                commit(self, *args, **values)
            except ObjectChangedError:
                refused.append(True)
                raise
            return
        commit(self, *args, **values)

    monkeypatch.setattr(Archive, "commit", racing)
    assert publish_new_captures(where(press), now=NOON).dropped == {"taken_down": 1}
    assert refused
    assert objects_with(press.store, SECRET) == []
