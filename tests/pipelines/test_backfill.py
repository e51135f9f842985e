"""Backfill: pages out of others' WARC files, each once, however often it is stopped and started."""

import gzip
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipelines import backfill
from pipelines.backfill import BackfillProgress, backfill_files, find_warc_files
from pipelines.capture import capture_keys, read_pages
from pipelines.errors import InputError
from pipelines.model import RawPage, SourceFacts
from pipelines.store import FolderStore, Store, open_store

AGENT = "worldwire/test (+https://worldwire.example/contact)"
BODY = b"<html><head><title>A</title></head><body><p>One sentence of some length.</p></body></html>"


def write_warc(path: Path, pages: list[tuple[str, dict[str, str], bytes]], *, packed: bool = True) -> Path:
    """A file as another crawler writes it: warcinfo, then request and response of each page."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=packed)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "another crawler"}))
        for number, (url, headers, body) in enumerate(pages):
            date = {"WARC-Date": f"2026-11-{10 + number % 10:02d}T08:00:00Z"}
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html"), *headers.items()], "HTTP/1.1")
            response = writer.create_warc_record(
                url, "response", io.BytesIO(body), length=len(body), http_headers=head, warc_headers_dict=date
            )
            asked = StatusAndHeaders("GET / HTTP/1.1", [("Host", "x")], is_http_request=True)
            writer.write_request_response_pair(
                writer.create_warc_record(url, "request", http_headers=asked, warc_headers_dict=date), response
            )
    return path


def taken(store: Store) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in capture_keys(store):
        for page in read_pages(store, key):
            assert isinstance(page, RawPage)
            found.setdefault(page.source.id, []).append(page.url)
    return {source: sorted(urls) for source, urls in found.items()}


@pytest.mark.parametrize("packed", [True, False], ids=["warc.gz", "warc"])
def test_mixed_sites_become_sources_of_their_own(store: Store, tmp_path: Path, packed: bool) -> None:
    pages = [
        ("https://www.example.com/world/one?utm_source=x", {"Content-Encoding": "gzip"}, gzip.compress(BODY)),
        ("https://example.org/two", {"Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    ]
    file = write_warc(tmp_path / ("cc.warc.gz" if packed else "cc.warc"), pages, packed=packed)
    summary = backfill_files(store, find_warc_files(str(file)), None, user_agent=AGENT)
    assert (summary.pages, summary.captures) == (2, 2)
    assert taken(store) == {
        "example-com": ["https://www.example.com/world/one"],
        "example-org": ["https://example.org/two"],
    }
    (first,) = (page for page in read_pages(store, next(capture_keys(store))) if isinstance(page, RawPage))
    assert (first.body, first.fetched_at) == (BODY, datetime(2026, 11, 10, 8, tzinfo=UTC))
    assert first.header("Content-Encoding") is None


def test_with_a_catalogue_only_its_sites_are_taken(store: Store, tmp_path: Path) -> None:
    file = write_warc(
        tmp_path / "cc.warc.gz", [(f"https://news.example.{name}/x", {}, BODY) for name in ("com", "org", "net")]
    )
    facts = SourceFacts(id="paper-b", name="Paper B", homepage="https://example.org/", country="GB")
    summary = backfill_files(store, find_warc_files(str(file)), {"example.org": facts}, user_agent=AGENT)
    assert taken(store) == {"paper-b": ["https://news.example.org/x"]}
    assert summary.passed_over["other_site"] == 2


def test_of_two_papers_on_one_host_of_many_each_gets_its_own_pages(store: Store, tmp_path: Path) -> None:
    urls = [f"https://{name}.wordpress.com/2026/11/x" for name in ("harbour", "hill", "harbour-blog")]
    file = write_warc(tmp_path / "cc.warc.gz", [(url, {}, BODY) for url in urls])
    papers = {
        f"{name}.wordpress.com": SourceFacts(id=name, name=name, homepage=f"https://{name}.wordpress.com/")
        for name in ("harbour", "hill")
    }
    summary = backfill_files(store, find_warc_files(str(file)), papers, user_agent=AGENT)
    assert taken(store) == {"harbour": urls[:1], "hill": urls[1:2]}
    assert summary.passed_over["other_site"] == 1


def test_a_backfill_that_was_stopped_goes_on_and_takes_each_page_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "PORTION_BYTES", 3 * len(BODY))
    urls = [f"https://example.{('com', 'org')[number % 2]}/{number}" for number in range(20)]
    files = find_warc_files(str(write_warc(tmp_path / "cc.warc.gz", [(url, {}, BODY) for url in urls])))

    class PowerCutError(Exception):
        pass

    told: list[int] = []

    def stop_after(portions: int) -> None:
        def on_progress(progress: BackfillProgress) -> None:
            told.append(progress.done_bytes)
            if len(told) >= portions:
                raise PowerCutError

        told.clear()
        with pytest.raises(PowerCutError):
            backfill_files(store, files, None, user_agent=AGENT, on_progress=on_progress)

    stop_after(1)
    first = told[-1]
    stop_after(2)
    assert told[0] > first
    last = backfill_files(store, files, None, user_agent=AGENT)
    assert 0 < last.pages < 20
    assert taken(store) == {"example-com": sorted(urls[::2]), "example-org": sorted(urls[1::2])}
    done = backfill_files(store, files, None, user_agent=AGENT)
    assert (done.pages, done.first_day) == (0, date(2026, 11, 10))


def test_a_portion_that_was_stored_but_not_noted_is_not_stored_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = find_warc_files(str(write_warc(tmp_path / "cc.warc.gz", [("https://example.com/1", {}, BODY)])))
    backfill_files(store, files, None, user_agent=AGENT)
    before = {key: store.get(key).body for key in capture_keys(store)}
    for found in list(store.list("state/")):
        store.delete(found.key)
    backfill_files(store, files, None, user_agent=AGENT)
    assert {key: store.get(key).body for key in capture_keys(store)} == before


@pytest.mark.usefixtures("s3_environment")
def test_files_may_lie_on_s3(s3_environment: str, archive_folder: Path, tmp_path: Path) -> None:
    there = open_store(f"s3://{s3_environment}")
    there.put_file("crawl/1.warc.gz", write_warc(tmp_path / "1.warc.gz", [("https://example.com/1", {}, BODY)]))
    files = find_warc_files(f"s3://{s3_environment}/crawl/")
    store = open_store(str(archive_folder))
    assert backfill_files(store, files, None, user_agent=AGENT).pages == 1


def test_a_file_cut_in_the_middle_gives_what_is_whole(store: Store, tmp_path: Path) -> None:
    file = write_warc(tmp_path / "cc.warc.gz", [(f"https://example.com/{number}", {}, BODY) for number in range(6)])
    file.write_bytes(file.read_bytes()[:-1500])
    summary = backfill_files(store, find_warc_files(str(file)), None, user_agent=AGENT)
    assert 3 <= summary.pages < 6


def test_whatever_a_broken_record_is_read_as_it_takes_no_other_with_it(tmp_path: Path) -> None:
    """Now and then its bytes look like a line of an ARC file, of which warcio makes a record as long as it says."""
    for number in range(150):  # the ids of records are drawn anew each time, and with them the packed bytes
        file = write_warc(tmp_path / f"{number}.warc.gz", [(f"https://example.com/{at}", {}, BODY) for at in range(4)])
        data = bytearray(file.read_bytes())
        response = [found.start() for found in re.finditer(rb"\x1f\x8b\x08", data)][3]
        data[response + 40 : response + 90] = b"\xff" * 50
        file.write_bytes(data)
        store = FolderStore(tmp_path / f"archive-{number}")
        summary = backfill_files(store, find_warc_files(str(file)), None, user_agent=AGENT)
        assert taken(store) == {"example-com": [f"https://example.com/{at}" for at in (0, 2, 3)]}
        assert summary.passed_over["broken_record"] == 1


def test_a_broken_record_costs_itself_and_the_rest_of_the_file_is_taken(store: Store, tmp_path: Path) -> None:
    file = write_warc(tmp_path / "cc.warc.gz", [(f"https://example.com/{number}", {}, BODY) for number in range(6)])
    data = bytearray(file.read_bytes())
    starts = [found.start() for found in re.finditer(rb"\x1f\x8b\x08", data)]
    response = next(at for at in starts[1:] if b"/2" in gzip.decompress(data[at : starts[starts.index(at) + 1]]))
    data[response + 40 : response + 90] = b"\xff" * 50
    file.write_bytes(data)
    summary = backfill_files(store, find_warc_files(str(file)), None, user_agent=AGENT)
    assert taken(store) == {"example-com": [f"https://example.com/{number}" for number in (0, 1, 3, 4, 5)]}
    assert summary.passed_over["broken_record"] == 1


RECORD = (
    b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://example.com/1\r\nWARC-Date: 2026-11-10T08:00:00Z\r\n"
    b"WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: 79\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><p>One sentence.</p></html>\r\n\r\n\r\n"
)
WHOLE = st.just(RECORD)
PARTS = st.sampled_from(
    [
        *(RECORD[:60], RECORD[60:], RECORD.replace(b"79", b"7900"), RECORD.replace(b"79", b"-1"), b"WARC/1.0\r\n\r\n"),
        *(RECORD.replace(b"2026-11-10T08:00:00Z", b"yesterday"), RECORD.replace(b"200 OK", b"fine")),
        *(
            RECORD.replace(b"https://", b"<ftp://"),
            RECORD.replace(b"text/html", b"text/html\r\nContent-Encoding: gzip"),
        ),
        *(
            RECORD.replace(b"OK\r\n", b"OK\r\nTransfer-Encoding: chunked\r\n"),
            RECORD.replace(b"\r\n", b"\n"),
            b"\x00" * 99,
        ),
    ]
)


@given(parts=st.lists(WHOLE | PARTS | st.binary(max_size=60), min_size=1, max_size=5), packed=st.integers(0, 2))
@settings(max_examples=40)
def test_whatever_stands_in_a_file_it_gives_the_pages_that_can_be_read(parts: list[bytes], packed: int) -> None:
    data = b"".join(gzip.compress(part, mtime=0) if packed else part for part in [RECORD, *parts])
    with TemporaryDirectory() as name:
        store = open_store(f"{name}/archive")
        file = Path(name) / "cc.warc.gz"
        file.write_bytes(data[: -len(parts[-1]) // 2] if packed == 2 else data)
        summary = backfill_files(store, find_warc_files(str(file)), None, user_agent=AGENT)
        assert sum(len(urls) for urls in taken(store).values()) == summary.pages


def test_what_is_no_warc_is_the_users_mistake(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    other = tmp_path / "letter.warc.gz"
    other.write_bytes(b"Dear reader, this is no WARC file at all.\n" * 30)
    with pytest.raises(InputError, match=r"letter\.warc\.gz is not a WARC file"):
        backfill_files(store, find_warc_files(str(other)), None, user_agent=AGENT)
    with pytest.raises(InputError, match="does not exist"):
        find_warc_files(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"no \*\.warc\.gz"):
        find_warc_files(str(archive_folder))
