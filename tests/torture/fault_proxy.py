"""A proxy before an S3 server that answers as bad networks and busy servers do, by seed or by rule.

It checks what arrives as S3 does (Content-MD5, the signed payload's sha256, x-amz-checksum-crc32), since moto does not,
and lets one write pass at a time, so that moto's conditional puts are as atomic as S3's are.
"""

import base64
import hashlib
import http.client
import os
import random
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Fault(StrEnum):
    """What happens to a request; LIES do it and say that it failed."""

    ERROR = "500, nothing done"
    SLOW_DOWN = "503 SlowDown, nothing done"
    CONFLICT = "409, nothing done"
    RESET = "connection reset, nothing done"
    HALF_REQUEST = "connection cut after half of the request's body"
    HALF_ANSWER = "done, connection cut after half of the answer"
    LOST_ANSWER = "done, connection reset instead of the answer"
    LYING_ERROR = "done, 500 answered"
    DOUBLED = "done twice, the second answer given"
    STALE = "an older listing"
    SILENCE = "nothing for some seconds, then the connection is cut"
    CORRUPT = "a byte of the request's body changed on the way"
    FORBIDDEN = "403 AccessDenied"
    EXPIRED = "400 ExpiredToken"
    SKEWED = "403 RequestTimeTooSkewed"
    FULL = "403 QuotaExceeded"
    UNCONDITIONAL = "done, whatever its condition"
    KILL_BEFORE = "the client is killed, nothing done"
    KILL_AFTER = "the client is killed, done"


PASSING = (
    Fault.ERROR, Fault.SLOW_DOWN, Fault.CONFLICT, Fault.RESET, Fault.HALF_REQUEST, Fault.HALF_ANSWER, Fault.LOST_ANSWER,
    Fault.LYING_ERROR, Fault.DOUBLED, Fault.STALE,
)  # fmt: skip
_REFUSALS = {
    Fault.ERROR: (500, "InternalError"),
    Fault.SLOW_DOWN: (503, "SlowDown"),
    Fault.CONFLICT: (409, "ConditionalRequestConflict"),
    Fault.LYING_ERROR: (500, "InternalError"),
    Fault.FORBIDDEN: (403, "AccessDenied"),
    Fault.EXPIRED: (400, "ExpiredToken"),
    Fault.SKEWED: (403, "RequestTimeTooSkewed"),
    Fault.FULL: (403, "QuotaExceeded"),
}
_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")
_CONDITIONS = ("if-match", "if-none-match")
_OWN_HEADERS = ("connection", "expect", "transfer-encoding", "content-length", "keep-alive")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """One request; `number` counts from 1 in the order of their coming."""

    number: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def is_write(self) -> bool:
        return self.method in ("PUT", "POST", "DELETE")

    @property
    def is_listing(self) -> bool:
        return self.method == "GET" and "list-type=2" in self.target

    @property
    def is_conditional(self) -> bool:
        return self.method == "PUT" and any(name in self.headers for name in _CONDITIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


Faults = Callable[[S3Request], Fault | None]


def seeded(seed: int, share: float, kinds: Sequence[Fault] = PASSING) -> Faults:
    """Faults of these kinds for a share of the requests: the same for the same order of requests."""
    dice = random.Random(seed)
    turn = threading.Lock()

    def choose(request: S3Request) -> Fault | None:
        with turn:
            hit, kind = dice.random() < share, dice.choice(kinds)
        if kind == Fault.CONFLICT and not request.is_conditional:
            kind = Fault.SLOW_DOWN  # S3 answers 409 to conditional writes alone
        return kind if hit else None

    return choose


def always(fault: Fault, when: Callable[[S3Request], bool] = lambda _: True) -> Faults:
    """The fault for every request of that kind."""
    return lambda request: fault if when(request) else None


def once(fault: Fault, when: Callable[[S3Request], bool]) -> Faults:
    """The fault for the first request of that kind."""
    left = [fault]
    return lambda request: left.pop() if left and when(request) else None


class FaultProxy:
    """Use as a context manager. `kill` is called for KILL_BEFORE and KILL_AFTER; `done` lists what happened."""

    def __init__(self, upstream: str, faults: Faults = lambda _: None, *, silence_seconds: float = 3.0) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.faults = faults
        self.silence_seconds = silence_seconds
        self.kill: Callable[[], None] = lambda: None
        self.done: list[tuple[S3Request, Fault | None]] = []
        self.writing = threading.Lock()
        self._noting = threading.Lock()
        self._listings: dict[str, _Answer] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler, self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def environment(self) -> dict[str, str]:
        """The present AWS variables, with the proxy as endpoint."""
        return {**{name: os.environ[name] for name in _AWS}, "AWS_ENDPOINT_URL": self.endpoint}

    @property
    def happened(self) -> list[Fault]:
        """The faults so far."""
        return [fault for _, fault in self.done if fault is not None]

    def note(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[S3Request, Fault | None]:
        """Takes a request in, and says what is to happen to it."""
        with self._noting:
            number = len(self.done) + 1
            request = S3Request(number=number, method=method, target=target, headers=headers, body=body)
            fault = self.faults(request)
            if fault == Fault.STALE and request.target not in self._listings:
                fault = None
            self.done.append((request, fault))
        return request, fault

    def older_listing(self, request: S3Request) -> _Answer:
        return self._listings[request.target]

    def keep_listing(self, request: S3Request, answer: _Answer) -> None:
        if request.is_listing and answer.status == 200:
            self._listings[request.target] = answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is no news: we kill them."""


class _CutError(ConnectionError):
    """The connection is to be reset."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = 1 << 16  # head and body in one packet: else each answer waits 40 ms for the client's acknowledgement
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: `done` is the record."""

    def handle_expect_100(self) -> bool:
        answered = super().handle_expect_100()
        self.wfile.flush()  # else the client waits a second for it before it sends the body
        return answered

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._pass_on()
        except _CutError:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        except OSError:
            self.close_connection = True

    def _pass_on(self) -> None:
        proxy = self.server.proxy
        headers = {name.lower(): value for name, value in self.headers.items()}
        request, fault = proxy.note(self.command, self.path, headers, self._read_body(headers))
        if fault == Fault.STALE:
            self._give(proxy.older_listing(request))
            return
        if fault == Fault.KILL_BEFORE:
            proxy.kill()
            raise _CutError
        if fault in (Fault.RESET, Fault.HALF_REQUEST):
            if fault == Fault.HALF_REQUEST and request.body:
                self._ask_by_half(request)
            raise _CutError
        if fault == Fault.SILENCE:
            time.sleep(proxy.silence_seconds)
            raise _CutError
        if fault in _REFUSALS and fault != Fault.LYING_ERROR:
            self._give(_refusal(*_REFUSALS[fault]))
            return
        self._give_after(request, fault, self._ask_with(request, fault))

    def _ask_with(self, request: S3Request, fault: Fault | None) -> _Answer:
        body = request.body
        if fault == Fault.CORRUPT and body:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 0x20]) + body[middle + 1 :]
        if not _is_sound(request.headers, body):
            return _refusal(400, "BadDigest")
        dropped = _CONDITIONS if fault == Fault.UNCONDITIONAL and request.method == "PUT" else ()
        answer = self._ask(request, body, dropped)
        return self._ask(request, body, dropped) if fault == Fault.DOUBLED else answer

    def _give_after(self, request: S3Request, fault: Fault | None, answer: _Answer) -> None:
        proxy = self.server.proxy
        if fault != Fault.STALE:
            proxy.keep_listing(request, answer)
        if fault == Fault.KILL_AFTER:
            proxy.kill()
            raise _CutError
        if fault == Fault.LOST_ANSWER:
            raise _CutError
        if fault == Fault.HALF_ANSWER:
            self._give(answer, by_half=True)
            raise _CutError
        self._give(_refusal(*_REFUSALS[fault]) if fault == Fault.LYING_ERROR else answer)

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            wanted = int(headers.get("content-length") or 0)
            body = self.rfile.read(wanted)
            if len(body) < wanted:
                raise _CutError
            return body
        parts = []
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _ask(self, request: S3Request, body: bytes, dropped: Sequence[str]) -> _Answer:
        with self._upstream(request) as upstream:
            self._send_head(upstream, request, len(body), dropped)
            upstream.send(body)
            answer = upstream.getresponse()
            return _Answer(status=answer.status, headers=answer.getheaders(), body=answer.read())

    def _ask_by_half(self, request: S3Request) -> None:
        with self._upstream(request) as upstream:
            self._send_head(upstream, request, len(request.body), ())
            upstream.send(request.body[: len(request.body) // 2])

    @contextmanager
    def _upstream(self, request: S3Request) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=60)
        with self.server.proxy.writing if request.is_write else nullcontext():
            try:
                yield connection
            finally:
                connection.close()

    def _send_head(
        self, upstream: http.client.HTTPConnection, request: S3Request, length: int, dropped: Sequence[str]
    ) -> None:
        upstream.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name not in _OWN_HEADERS and name not in dropped:
                upstream.putheader(name, value)
        if request.body or request.is_write:
            upstream.putheader("Content-Length", str(length))
        upstream.endheaders()

    def _give(self, answer: _Answer, *, by_half: bool = False) -> None:
        self.send_response_only(answer.status)
        has_length = False
        for name, value in answer.headers:
            if name.lower() not in ("connection", "transfer-encoding"):
                has_length = has_length or name.lower() == "content-length"
                self.send_header(name, value)
        if not has_length and answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        if by_half and not answer.body:
            raise _CutError
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if by_half else answer.body)
        self.wfile.flush()


def _refusal(status: int, code: str) -> _Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'.encode()
    return _Answer(status=status, headers=[("Content-Type", "application/xml")], body=body)


def _is_sound(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the body is the one whose digests the headers give."""
    digests = {
        "content-md5": lambda: base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
        "x-amz-checksum-crc32": lambda: base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode(),
        "x-amz-content-sha256": lambda: hashlib.sha256(body).hexdigest(),
    }
    if "aws-chunked" in headers.get("content-encoding", ""):
        return True
    given = {name: headers[name] for name in digests if name in headers}
    if len(given.get("x-amz-content-sha256", "")) != 64:  # UNSIGNED-PAYLOAD and the like
        given.pop("x-amz-content-sha256", None)
    return all(value == digests[name]() for name, value in given.items())
