"""What every store promises, on a folder and on S3."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError, ObjectChangedError, ObjectNotFoundError, StorageUnavailableError
from pipelines.store import Store, open_store


def test_what_was_put_is_what_is_got(store: Store) -> None:
    etag = store.put("state/a/frontier.parquet", b"one")
    assert store.get("state/a/frontier.parquet").body == b"one"
    assert store.get("state/a/frontier.parquet").etag == etag
    assert store.get_range("state/a/frontier.parquet", 1, 5) == b"ne"


def test_an_object_that_is_not_there_is_named(store: Store) -> None:
    store.put("state/b", b"")
    with pytest.raises(ObjectNotFoundError, match="state/a"):
        store.get("state/a")


def test_the_first_of_many_racing_writers_wins_alone(store: Store) -> None:
    def attempt(number: int) -> bool:
        try:
            store.put_if("journal/000000000001.json", str(number).encode(), None)
        except ObjectChangedError:
            return False
        return True

    with ThreadPoolExecutor(16) as racers:
        won = list(racers.map(attempt, range(16)))
    assert sum(won) == 1
    assert store.get("journal/000000000001.json").body == str(won.index(True)).encode()


def test_a_writer_that_read_an_older_state_is_refused(store: Store) -> None:
    first = store.put_if("state/x", b"1", None)
    second = store.put_if("state/x", b"2", first)
    with pytest.raises(ObjectChangedError):
        store.put_if("state/x", b"3", first)
    assert store.put_if("state/x", b"3", second) == store.get("state/x").etag


def test_a_conditional_put_on_an_object_that_was_removed_is_refused(store: Store) -> None:
    etag = store.put("state/x", b"1")
    store.delete("state/x")
    with pytest.raises(ObjectChangedError):
        store.put_if("state/x", b"2", etag)


def test_a_listing_is_in_key_order_and_can_start_in_the_middle(store: Store) -> None:
    for key in ("captures/b", "captures/a/1", "captures/a/2", "state/a", "captures-old/x"):
        store.put(key, b"x")
    assert [found.key for found in store.list("captures/")] == ["captures/a/1", "captures/a/2", "captures/b"]
    assert [found.key for found in store.list("captures/", "captures/a/1")] == ["captures/a/2", "captures/b"]
    assert [found.size_bytes for found in store.list("state/")] == [1]


def test_a_file_travels_both_ways(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 9000)
    store.put_file("captures/x.warc.gz", source)
    store.download("captures/x.warc.gz", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    with store.open_file("captures/x.warc.gz") as file:
        assert file.read() == source.read_bytes()


def test_a_file_that_is_open_can_be_read_to_its_end_whoever_removes_it(store: Store) -> None:
    store.put("captures/x.warc.gz", b"all of it")
    with store.open_file("captures/x.warc.gz") as file:
        store.delete("captures/x.warc.gz")
        assert file.read() == b"all of it"


def test_a_file_that_is_not_there_cannot_be_opened(store: Store) -> None:
    with pytest.raises(ObjectNotFoundError), store.open_file("captures/x.warc.gz"):
        pass


def test_removing_twice_is_no_error(store: Store) -> None:
    store.put("a", b"x")
    store.delete("a")
    store.delete("a")
    assert list(store.list("")) == []


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a\nb", "a\\b", "k" * 1025])
def test_keys_that_could_leave_the_archive_are_refused(store: Store, key: str) -> None:
    with pytest.raises(ConfigurationError):
        store.put(key, b"x")


def test_a_missing_bucket_is_one_sentence(s3_environment: str) -> None:
    with pytest.raises(StorageUnavailableError, match=r"bucket 'no-such-bucket'.*does not exist"):
        open_store("s3://no-such-bucket/x").put("a", b"x")


def test_an_endpoint_that_does_not_answer_is_one_sentence(s3_environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageUnavailableError, match=r"cannot be reached at http://127.0.0.1:9"):
        open_store(f"s3://{s3_environment}").get("a")


def test_a_folder_that_may_not_be_made_is_one_sentence() -> None:
    with pytest.raises(StorageUnavailableError, match="cannot be written"):
        open_store("/proc/no/such/archive").put("a", b"x")


def test_an_archive_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="gs://bucket"):
        open_store("gs://bucket")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("x")
    with pytest.raises(StorageUnavailableError, match="is a file"):
        open_store(str(tmp_path / "archive"))
