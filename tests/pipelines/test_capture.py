"""Captures: what was fetched is what is read, whatever was killed or broken in between."""

import gzip
import io
import os
import random
import signal
import subprocess
import sys
import textwrap
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import brotli
import pytest
import zstandard
from fastwarc.warc import ArchiveIterator as FastArchiveIterator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from pipelines.capture import (
    BodyEncodingError,
    BodyTooLargeError,
    CaptureWriter,
    capture_keys,
    decoded_body,
    read_page,
    read_pages,
    read_reports,
    salvage_spool,
    write_report,
)
from pipelines.errors import InputError
from pipelines.model import Dropped, DropReason, RawPage, RunReport, SourceFacts
from pipelines.store import FolderStore, Store

STARTED = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
SOURCE = SourceFacts(
    id="daily", name="The Daily — für alle", homepage="https://daily.example/", country="DE", languages=("de",)
)


def page(number: int = 1, body: bytes = b"<p>Guten Morgen</p>", **changes: object) -> RawPage:
    made = RawPage(
        source=SOURCE,
        run_id="run1",
        requested_url=f"https://daily.example/{number}?utm_source=rss",
        url=f"https://daily.example/{number}",
        status=200,
        headers=(("Content-Type", "text/html"), ("ETag", '"x"')),
        body=body,
        fetched_at=datetime(2026, 11, 24, 6, 0, 1, 250, tzinfo=UTC),
        ip_address="127.0.0.1",
        discovered={"title": "Grüße\nvom Tag", "found_in": "https://daily.example/feed"},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def writer(store: Store, spool: Path, **changes: object) -> CaptureWriter:
    return CaptureWriter(
        store, spool, SOURCE, "run1", STARTED, user_agent="worldwire/0 (+https://example.org)", **changes
    )  # type: ignore[arg-type]


def as_written(read: RawPage | Dropped) -> RawPage:
    assert isinstance(read, RawPage)
    return replace(read, capture=None)


def test_what_was_written_is_what_is_read(store: Store, tmp_path: Path) -> None:
    pages = [page(1), page(2, gzip.compress(b"x" * 5000), headers=(("Content-Encoding", "gzip"),)), page(3, b"")]
    crawl = writer(store, tmp_path / "spool")
    for one in pages:
        crawl.write(one)
    (key,) = crawl.close()
    assert key == "captures/date=2026-11-24/source=daily/run1-1.warc.gz"
    assert list(capture_keys(store)) == [key]
    read = list(read_pages(store, key))
    assert [as_written(one) for one in read] == pages
    for one in read:
        assert isinstance(one, RawPage)
        assert one.capture is not None
        assert read_page(store, one.capture) == one


header_text = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=3000), hint=st.text(max_size=60), value=header_text)
def test_any_body_hint_and_header_survives(tmp_path: Path, body: bytes, hint: str, value: str) -> None:
    store = FolderStore(tmp_path / "archive")
    crawl = writer(store, tmp_path / "spool")
    hint = hint.encode("utf-8", "replace").decode()
    written = page(1, body, discovered={"title": hint}, headers=(("X-Test", value),))
    crawl.write(written)
    (key,) = crawl.close()
    (read,) = read_pages(store, key)
    assert isinstance(read, RawPage)
    assert (read.body, read.discovered) == (body, {"title": hint})
    assert len(read.headers) == 1, "a header value must not become two headers"


warc_lines = st.sampled_from(
    [
        *(b"WARC/1.1\r\n", b"WARC-Type: response\r\n", b"WARC-Type: warcinfo\r\n", b"Content-Length: 10\r\n", b"\r\n"),
        *(b"Content-Length: -1\r\n", b"WARC-Target-URI: http://[\r\n", b"WARC-Date: never\r\n", b"HTTP/1.1 x\r\n"),
        *(b"worldwire-page: {]\r\n", b"WARC-Payload-Digest: sha1:x\r\n", b"\xff\x00", b"HTTP/1.1 200 OK\r\n\r\n"),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=300)
    | st.lists(st.lists(warc_lines).map(lambda lines: gzip.compress(b"".join(lines))), max_size=4).map(b"".join)
)
def test_whatever_stands_in_a_capture_its_reader_comes_to_the_end(tmp_path: Path, body: bytes) -> None:
    store = FolderStore(tmp_path / "archive")
    key = "captures/date=2026-11-24/source=a/run-1.warc.gz"
    store.put(key, body)
    assert not any(isinstance(read, RawPage) for read in read_pages(store, key))


def test_other_readers_of_warc_agree(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    crawl = writer(store, tmp_path / "spool")
    body = gzip.compress(b"<p>text</p>")
    crawl.write(page(1, body, headers=(("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))))
    crawl.write_revisit(page(2, b"", status=304), payload_sha256="ab" * 32)
    (key,) = crawl.close()
    data = store.get(key).body
    kinds = []
    for record in ArchiveIterator(io.BytesIO(data), check_digests="raise"):
        kinds.append(record.rec_type)
        if record.rec_type == "response":
            assert record.content_stream().read() == b"<p>text</p>"
        record.content_stream().read()
    assert kinds == ["warcinfo", "response", "request", "revisit", "request"]
    fast = list(FastArchiveIterator(io.BytesIO(data), parse_http=True))
    assert len(fast) == 5


def test_a_body_that_came_packed_is_kept_as_it_is_and_a_plain_one_is_packed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    plain = b"".join(b"<p>%x</p>" % random.Random(number).getrandbits(99) for number in range(2000))
    packed = gzip.compress(plain)
    for number, body in enumerate((packed, plain)):
        crawl = writer(store, tmp_path / "spool")
        crawl.write(page(1, body, headers=(("Content-Encoding", "gzip"),)))  # of the plain one the server lies
        (key,) = crawl.close()
        stored = store.get(key).body
        assert (packed[1000:2000] in stored) is (number == 0)
        assert len(stored) < len(packed) + 3000
        assert [as_written(found).body for found in read_pages(store, key)] == [body]
        store.delete(key)


def test_a_full_file_is_stored_and_a_new_one_begun(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    stored: list[str] = []
    crawl = writer(store, tmp_path / "spool", max_file_bytes=20_000, on_stored=stored.append)
    for number in range(12):
        crawl.write(page(number, os.urandom(5000)))
    keys = crawl.close()
    assert len(keys) >= 3
    assert list(keys) == stored == sorted(keys)
    assert sum(1 for key in keys for _ in read_pages(store, key)) == 12
    assert not list((tmp_path / "spool").rglob("*.warc.gz"))


def test_a_crawl_that_died_is_salvaged_to_its_last_whole_record(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import sys, time
        sys.path[:0] = [{str(Path(__file__).parent)!r}, "."]
        from pathlib import Path
        from pipelines.store import FolderStore
        from test_capture import page, writer
        crawl = writer(FolderStore(Path({str(tmp_path / "archive")!r})), Path({str(tmp_path / "spool")!r}))
        for number in range(5):
            crawl.write(page(number, bytes(range(256)) * 40))
        print("written", flush=True)
        time.sleep(60)
    """)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"written\n"
    store = FolderStore(tmp_path / "archive")
    assert salvage_spool(store, tmp_path / "spool") == [], "the writer lives"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    (left,) = (tmp_path / "spool").rglob("*.warc.gz")
    with left.open("ab") as file:
        file.write(zlib.compress(b"half a record")[:7])
    assert salvage_spool(store, tmp_path / "spool") == ["captures/date=2026-11-24/source=daily/run1-1.warc.gz"]
    assert [
        as_written(one).url for one in read_pages(store, "captures/date=2026-11-24/source=daily/run1-1.warc.gz")
    ] == [f"https://daily.example/{number}" for number in range(5)]
    assert salvage_spool(store, tmp_path / "spool") == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "garbage"])
def test_a_damaged_record_costs_only_itself(tmp_path: Path, damage: str) -> None:
    store = FolderStore(tmp_path / "archive")
    crawl = writer(store, tmp_path / "spool")
    for number in range(3):
        crawl.write(page(number, os.urandom(3000)))
    (key,) = crawl.close()
    data = bytearray(store.get(key).body)
    second = [one.capture.offset for one in read_pages(store, key) if isinstance(one, RawPage) and one.capture][1]
    if damage == "cut":
        data = data[: second + 900]
    elif damage == "flipped":
        data[second + 600] ^= 0xFF
        data[second + 20 : second + 30] = b"\xff" * 10
    else:
        data[second : second + 400] = b"\x00" * 400
    store.put(key, bytes(data))
    read = list(read_pages(store, key))
    dropped = [one for one in read if isinstance(one, Dropped)]
    assert dropped
    assert {one.reason for one in dropped} == {DropReason.BAD_RECORD}
    urls = [one.url for one in read if isinstance(one, RawPage)]
    assert urls == (
        ["https://daily.example/0"] if damage == "cut" else ["https://daily.example/0", "https://daily.example/2"]
    )


def test_a_row_whose_capture_was_changed_is_not_believed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    crawl = writer(store, tmp_path / "spool")
    crawl.write(page())
    (key,) = crawl.close()
    (read,) = read_pages(store, key)
    assert isinstance(read, RawPage)
    assert read.capture is not None
    with pytest.raises(InputError, match="checksum differs"):
        read_page(store, replace(read.capture, payload_sha256="0" * 64))
    with pytest.raises(InputError, match="no record at byte"):
        read_page(store, replace(read.capture, offset=read.capture.offset + 3))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"news" * 1000, mtime=0)),
        ("deflate", zlib.compress(b"news" * 1000)),
        ("deflate", zlib.compress(b"news" * 1000)[2:-4]),
        ("br", brotli.compress(b"news" * 1000)),
        ("zstd", zstandard.compress(b"news" * 1000)),
        ("zstd", zstandard.compress(b"news" * 400) + zstandard.compress(b"news" * 600)),
        ("UTF-8", b"news" * 1000),
        ("gzip, br", brotli.compress(gzip.compress(b"news" * 1000, mtime=0))),
        ("gzip", b"news" * 1000),
        ("identity", b"news" * 1000),
    ],
)
def test_every_content_encoding_is_undone(encoding: str, body: bytes) -> None:
    assert decoded_body(page(1, body, headers=(("content-encoding", encoding),))) == b"news" * 1000


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate"])
def test_a_bomb_is_refused_within_its_bound(encoding: str) -> None:
    bomb = b"\0" * 30_000_000
    packed = {
        "gzip": gzip.compress,
        "br": lambda b: brotli.compress(b, quality=1),
        "zstd": zstandard.compress,
        "deflate": zlib.compress,
    }
    with pytest.raises(BodyTooLargeError):
        decoded_body(page(1, packed[encoding](bomb), headers=(("Content-Encoding", encoding),)))


def test_a_bomb_of_many_zstd_frames_is_refused_and_so_is_a_window_that_takes_much_memory() -> None:
    frames = zstandard.compress(b"\0" * 3_000_000) * 10
    with pytest.raises(BodyTooLargeError):
        decoded_body(page(1, frames, headers=(("Content-Encoding", "zstd"),)))
    wide = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27)).compressobj()
    body = wide.compress(b"news" * 1000) + wide.flush()
    with pytest.raises(BodyEncodingError):
        decoded_body(page(1, body, headers=(("Content-Encoding", "zstd"),)))


@pytest.mark.parametrize(
    ("encoding", "body"), [("compress", b"x"), ("br", b"not brotli at all"), ("zstd", b"nor this")]
)
def test_a_body_that_lies_about_its_encoding_is_named(encoding: str, body: bytes) -> None:
    with pytest.raises(BodyEncodingError, match=r"daily\.example"):
        decoded_body(page(1, body, headers=(("Content-Encoding", encoding),)))


def test_a_report_is_read_as_it_was_written(store: Store) -> None:
    report = RunReport(
        run_id="r",
        source_id="daily",
        started_at=STARTED,
        ended_at=STARTED,
        outcome="ok",
        refused={"robots": 2},
        captures=("a",),
    )
    key = write_report(store, report)
    store.put(key.replace("/r.", "/s."), b"[]")
    assert list(read_reports(store)) == [(key, report)]
