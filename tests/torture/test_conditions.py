"""An S3 server that ignores the conditions of puts is refused, before anything is written."""

import os

import boto3
import pytest

from pipelines.archive import Archive
from pipelines.errors import StorageUnavailableError
from pipelines.store import Store, open_store
from pipelines.store.s3 import S3Store
from tests.torture.fault_proxy import Fault, FaultProxy, Faults, S3Request, always


def open_through(proxy: FaultProxy, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    return open_store(f"s3://{bucket}/news")


def ignoring(header: str) -> Faults:
    return always(Fault.UNCONDITIONAL, lambda request: header in request.headers)


def keys_in(bucket: str, endpoint: str) -> list[str]:
    found = boto3.client("s3", endpoint_url=endpoint).list_objects_v2(Bucket=bucket)
    return [entry["Key"] for entry in found.get("Contents", [])]


@pytest.mark.parametrize(("header", "name"), [("if-none-match", "If-None-Match"), ("if-match", "If-Match")])
def test_a_server_that_ignores_a_condition_is_refused_and_nothing_is_written(
    bucket: str, monkeypatch: pytest.MonkeyPatch, header: str, name: str
) -> None:
    server = os.environ["AWS_ENDPOINT_URL"]
    with FaultProxy(server, ignoring(header)) as proxy:
        store = open_through(proxy, bucket, monkeypatch)
        sentence = rf"ignores conditional puts \({name}\).*use a server that honours them\.$"
        for write in (
            lambda: Archive(store).open_for_publishing(),
            lambda: store.put("captures/x", b"1"),
            lambda: store.put_if("state/x", b"1", None),
        ):
            with pytest.raises(StorageUnavailableError, match=sentence):
                write()
    assert keys_in(bucket, server) == []


def test_the_check_costs_two_requests_once_a_process_and_archive(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks(proxy: FaultProxy) -> list[S3Request]:
        return [request for request, _ in proxy.done if request.path.endswith("/.worldwire-check")]

    server = os.environ["AWS_ENDPOINT_URL"]
    with FaultProxy(server) as first, FaultProxy(server) as later:
        store = open_through(first, bucket, monkeypatch)
        store.put("state/x", b"1")
        store.put("state/y", b"1")
        assert len(checks(first)) == 3, "the first of all leaves the object that the next ones need"
        again = open_through(later, bucket, monkeypatch)  # another endpoint: as from another process
        again.put_if("state/x", b"2", again.get("state/x").etag)
        again.put("state/z", b"2")
        assert [request.body for request in checks(later)] == [b"", b""]
        assert open_through(later, bucket, monkeypatch).put("state/z", b"3")
        assert len(checks(later)) == 2
    assert [found.key for found in store.list("")] == ["state/x", "state/y", "state/z"]


def test_reading_needs_no_check(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultProxy(os.environ["AWS_ENDPOINT_URL"], always(Fault.FORBIDDEN, lambda request: request.is_write)) as proxy:
        store = open_through(proxy, bucket, monkeypatch)
        assert isinstance(store, S3Store)
        assert Archive(store).last_published_at() is None
        assert list(store.list("")) == []
