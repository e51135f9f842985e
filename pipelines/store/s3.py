"""An S3 bucket as object storage, by boto3; credentials, region and endpoint are the standard AWS ones.

Conditional puts use If-None-Match and If-Match. Every put carries a writer id in its metadata: a put whose
answer was lost is tried again by boto3, then refused for its own first attempt; that is recognised and counts as done.
Before a process writes to an archive for the first time, the server must show that it honours both conditions.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import HTTPError, ProtocolError

from pipelines.errors import ObjectChangedError, ObjectNotFoundError, StorageError, StorageUnavailableError
from pipelines.store.interface import ObjectFacts, StoredObject, checked_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WRITER = "worldwire-writer"
_SECRET_REASONS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "ExpiredTokenException"}
)
_FULL_REASONS = frozenset({"QuotaExceeded", "XMinioStorageFull"})
_HIDDEN = ".worldwire-"  # as a folder's: in no listing
# Stays in the archive, so that the next check costs two small requests that are both refused.
_CHECK_KEY = f"{_HIDDEN}check"
_NO_ETAG = "0" * 32
_CONFLICT_TRIES = 6
_COPY_BYTES = 1 << 20
# boto3 tries again where no answer comes, but not where one is cut in the middle.
_CUT = (IncompleteReadError, ResponseStreamingError, ReadTimeoutError, ProtocolError)
_READ_TRIES = 4
Answer = TypeVar("Answer")
_checked: set[tuple[str | None, str]] = set()  # endpoints and archives, by this process


class S3Store:
    """Objects below `prefix` of `bucket`. No request is made before the first use."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        with self._settings_usable():
            self._session = boto3.session.Session()
        self._made: S3Client | None = None

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @property
    def _client(self) -> "S3Client":
        if self._made is None:
            config = Config(
                connect_timeout=10,
                read_timeout=60,
                retries={"mode": "standard", "max_attempts": 5},
                s3={"addressing_style": "path"} if self._endpoint() else {},
            )
            with self._settings_usable():
                region = self._session.region_name or "us-east-1"
                self._made = self._session.client("s3", config=config, region_name=region)
        return self._made

    @contextmanager
    def _settings_usable(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ValueError) as cause:
            raise StorageUnavailableError(f"The AWS settings for {self.uri} cannot be used: {cause}.") from cause

    def check_writing(self) -> None:
        archive = (self._endpoint(), self.uri)
        if archive in _checked:
            return
        refused_other_etag = self._refuses({"IfMatch": _NO_ETAG})
        refused_second = self._refuses({"IfNoneMatch": "*"}) or self._refuses({"IfNoneMatch": "*"})
        if not (refused_other_etag and refused_second):
            self.delete(_CHECK_KEY)
            name = "If-None-Match" if refused_other_etag else "If-Match"
            raise StorageUnavailableError(
                f"The server of {self.uri} ignores conditional puts ({name}), so two writers could destroy each other's"
                " work; use a server that honours them."
            )
        _checked.add(archive)

    def get(self, key: str) -> StoredObject:
        def read() -> StoredObject:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(key))
            return StoredObject(body=answer["Body"].read(), etag=answer["ETag"].strip('"'))

        return self._read(key, read)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        def read() -> bytes:
            span = f"bytes={start}-{start + length - 1}"
            return self._client.get_object(Bucket=self._bucket, Key=self._key(key), Range=span)["Body"].read()

        return self._read(key, read)

    def download(self, key: str, path: Path) -> None:
        def copy() -> None:
            body = self._client.get_object(Bucket=self._bucket, Key=self._key(key))["Body"]
            with path.open("wb") as file:
                for chunk in body.iter_chunks(_COPY_BYTES):
                    file.write(chunk)

        self._read(key, copy)

    @contextmanager
    def open_file(self, key: str) -> Iterator[BinaryIO]:
        with TemporaryDirectory(prefix="worldwire-") as folder:
            path = Path(folder) / "object"
            self.download(key, path)
            with path.open("rb") as file:
                yield file

    def put(self, key: str, body: bytes) -> str:
        return self._put(key, body, base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode())

    def put_if(self, key: str, body: bytes, etag: str | None) -> str:
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        return self._put(key, body, digest, condition)

    def put_file(self, key: str, path: Path) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            while chunk := file.read(_COPY_BYTES):
                digest.update(chunk)
            file.seek(0)
            return self._put(key, file, base64.b64encode(digest.digest()).decode())

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectFacts]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket,
            Prefix=self._prefix + prefix,
            StartAfter=self._prefix + start_after if start_after else "",
        )
        walk = iter(pages)
        while (page := self._asked(prefix, lambda: next(walk, None))) is not None:
            for entry in page.get("Contents", []):
                key = entry["Key"].removeprefix(self._prefix)
                if not key.startswith(_HIDDEN):
                    yield ObjectFacts(key=key, size_bytes=entry["Size"], modified_at=entry["LastModified"])

    def delete(self, key: str) -> None:
        self._asked(key, lambda: self._client.delete_object(Bucket=self._bucket, Key=self._key(key)))

    def presign(self, key: str, seconds: int) -> str:
        params = {"Bucket": self._bucket, "Key": self._key(key)}
        return self._asked(
            key, lambda: self._client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
        )

    def table_uri(self, name: str) -> str:
        return f"{self.uri}/tables/{name}"

    def table_options(self) -> dict[str, str]:
        """The same credentials, region and endpoint for deltalake, whatever place boto3 found them in."""
        options = {"region": self._session.region_name or "us-east-1", "conditional_put": "etag"}
        if endpoint := self._endpoint():
            options |= {"endpoint_url": endpoint, "allow_http": str(endpoint.startswith("http:")).lower()}
            options["virtual_hosted_style_request"] = "false"
        credentials = self._session.get_credentials()
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            if frozen.access_key and frozen.secret_key:
                options |= {"access_key_id": frozen.access_key, "secret_access_key": frozen.secret_key}
            if frozen.token:
                options["session_token"] = frozen.token
        return options

    def _endpoint(self) -> str | None:
        configured = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if configured:
            return configured
        profile: dict[str, Any] = (
            self._session._session.get_scoped_config() if self._session.profile_name != "default" else {}
        )
        return profile.get("endpoint_url")

    def _key(self, key: str) -> str:
        return self._prefix + checked_key(key)

    def _refuses(self, condition: dict[str, str]) -> bool:
        """Whether a put of the check's object is refused for its condition."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key(_CHECK_KEY), **condition)  # type: ignore[arg-type]
        except ClientError as cause:
            status = cause.response["ResponseMetadata"]["HTTPStatusCode"]
            if status in (409, 412) or cause.response["Error"].get("Code") == "NoSuchKey":
                return True
            raise self._refusal(_CHECK_KEY, cause) from cause
        except (BotoCoreError, HTTPError) as cause:
            raise self._unreachable(cause) from cause
        return False

    def _put(self, key: str, body: Any, md5: str, condition: dict[str, str] | None = None) -> str:
        self.check_writing()
        return self._put_unchecked(key, body, md5, condition)

    def _put_unchecked(self, key: str, body: Any, md5: str, condition: dict[str, str] | None = None) -> str:
        """One whole put. 409 means that another conditional put is under way: tried again, a little later each time."""
        writer = uuid4().hex
        for attempt in range(_CONFLICT_TRIES):
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key(key),
                    Body=body,
                    ContentMD5=md5,
                    Metadata={_WRITER: writer},
                    **(condition or {}),  # type: ignore[arg-type]
                )
                return answer["ETag"].strip('"')
            except ClientError as cause:
                status = cause.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == 409 and attempt + 1 < _CONFLICT_TRIES:
                    time.sleep(0.1 * 2**attempt)
                    continue
                if condition and (status == 412 or (status == 404 and "IfMatch" in condition)):
                    return self._own_earlier_put(key, writer, cause)
                raise self._refusal(key, cause) from cause
            except (BotoCoreError, HTTPError) as cause:
                raise self._unreachable(cause) from cause
        raise StorageError(f"{self.uri} kept answering that another write of {key} is under way.")

    def _own_earlier_put(self, key: str, writer: str, refusal: ClientError) -> str:
        """The ETag, if the object that stands there is what this very put wrote before its answer was lost."""
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=self._key(key))
        except ClientError as cause:
            if cause.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise ObjectChangedError(f"{key} in {self.uri} was removed by somebody else.") from refusal
            raise self._refusal(key, cause) from cause
        if head["Metadata"].get(_WRITER) == writer:
            return head["ETag"].strip('"')
        raise ObjectChangedError(f"{key} in {self.uri} was written by somebody else.") from refusal

    def _read(self, key: str, request: Callable[[], Answer]) -> Answer:
        """What the request reads, asked for again where the answer was cut."""
        for attempt in range(_READ_TRIES - 1):
            try:
                return self._asked(key, request)
            except StorageUnavailableError as error:
                if not isinstance(error.__cause__, _CUT):
                    raise
                time.sleep(0.1 * 2**attempt)
        return self._asked(key, request)

    def _asked(self, key: str, request: Callable[[], Answer]) -> Answer:
        try:
            return request()
        except ClientError as cause:
            raise self._refusal(key, cause) from cause
        except (BotoCoreError, HTTPError) as cause:  # an error's body that is cut comes through as urllib3's own
            raise self._unreachable(cause) from cause

    def _refusal(self, key: str, cause: ClientError) -> StorageError:
        code = cause.response["Error"].get("Code", "")
        status = cause.response["ResponseMetadata"]["HTTPStatusCode"]
        if code == "NoSuchBucket":
            return StorageUnavailableError(f"The bucket {self._bucket!r} of the archive {self.uri} does not exist.")
        if status == 404:
            return ObjectNotFoundError(f"{self.uri} has no object {key}.")
        if code in _SECRET_REASONS:
            return StorageUnavailableError(f"{self.uri} refused the AWS credentials ({code}); set valid ones.")
        if code == "RequestTimeTooSkewed":
            return StorageUnavailableError(
                f"The clock of this machine differs too much from that of {self.uri}; set it."
            )
        if code in _FULL_REASONS:
            return StorageUnavailableError(f"{self.uri} takes no more: {code}.")
        if status == 403:
            return StorageUnavailableError(f"The AWS credentials in use have no right to {key} in {self.uri} ({code}).")
        return StorageError(f"{self.uri} answered {status} {code} for {key}.")

    def _unreachable(self, cause: BotoCoreError | HTTPError) -> StorageUnavailableError:
        if isinstance(cause, NoCredentialsError | PartialCredentialsError):
            return StorageUnavailableError(
                f"No AWS credentials were found for {self.uri}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        where = self._endpoint() or "AWS"
        return StorageUnavailableError(f"{self.uri} cannot be reached at {where}: {type(cause).__name__}.")
