"""What the server meant: a payload with its content encodings undone, within a bound."""

import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

from pipelines.errors import InputError
from pipelines.model import RawPage

MAX_BODY_BYTES = 10_000_000
_STEP_BYTES = 1 << 16
_FIRST_STEP_BYTES = 1 << 10
_MAX_ENCODINGS = 3
_MAX_MEMBERS = 10_000
_ZSTD_WINDOW_BYTES = 8 << 20  # no server may ask for more: https://www.rfc-editor.org/rfc/rfc9659.html
# No encodings, but what servers say there: the charset belongs to Content-Type.
_NONE = frozenset({"", "identity", "none", "utf-8", "utf8", "iso-8859-1", "windows-1252"})


class BodyTooLargeError(InputError):
    """The decoded body is larger than the bound."""


class BodyEncodingError(InputError):
    """The body is not what its Content-Encoding says, or the encoding is not known."""


def decoded_body(page: RawPage, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The page's body without gzip, deflate, br or zstd, at most `max_bytes` long.

    A body that is cut in the middle gives what can be decoded. Raises BodyTooLargeError and BodyEncodingError.
    """
    return decoded_payload(page.headers, page.body, max_bytes, page.url)


def decoded_payload(
    headers: tuple[tuple[str, str], ...], body: bytes, max_bytes: int = MAX_BODY_BYTES, url: str = "a page"
) -> bytes:
    """The same of a response's headers and payload; `url` is for the error's sentence."""
    return _undone(headers, body, max_bytes, url)[0]


def decoded_body_and_end(page: RawPage, max_bytes: int = MAX_BODY_BYTES) -> tuple[bytes, bool]:
    """The page's body as `decoded_body` gives it, and whether its encodings say that this is all of it."""
    return _undone(page.headers, page.body, max_bytes, page.url)


def _undone(headers: tuple[tuple[str, str], ...], body: bytes, max_bytes: int, url: str) -> tuple[bytes, bool]:
    given = ",".join(value for name, value in headers if name.lower() == "content-encoding")
    names = [name.strip().lower() for name in given.split(",")]
    encodings = [name for name in names if name not in _NONE]
    if len(encodings) > _MAX_ENCODINGS:
        raise BodyEncodingError(f"{url} is encoded {len(encodings)} times.")
    is_whole = True
    for name in reversed(encodings):
        body, has_end = _decoded(body, name, max_bytes, url)
        is_whole = is_whole and has_end
    if len(body) > max_bytes:
        raise BodyTooLargeError(f"{url} is larger than {max_bytes} bytes.")
    return body, is_whole


class _EndsTooEarlyError(Exception):
    """Raised by a decoder after all parts that there are."""


def _decoded(body: bytes, name: str, max_bytes: int, url: str) -> tuple[bytes, bool]:
    decoders: dict[str, Callable[[bytes], Iterator[bytes]]] = {
        "gzip": _gunzipped,
        "x-gzip": _gunzipped,
        "deflate": _inflated,
        "br": _unbrotlied,
        "zstd": _unzstd,
    }
    if name not in decoders:
        raise BodyEncodingError(f"{url} has the unknown content encoding {name[:40]!r}.")
    parts: list[bytes] = []
    size = 0
    try:
        for part in decoders[name](body):
            size += len(part)
            if size > max_bytes:
                raise BodyTooLargeError(f"{url} is larger than {max_bytes} bytes when decoded.")
            parts.append(part)
    except (zlib.error, brotli.error, zstandard.ZstdError) as cause:
        if not parts:
            raise BodyEncodingError(f"The body of {url} is not {name}.") from cause
        return b"".join(parts), False
    except _EndsTooEarlyError:
        return b"".join(parts), False
    return b"".join(parts), True


def _gunzipped(body: bytes) -> Iterator[bytes]:
    if body[:2] != b"\x1f\x8b":
        yield body  # many servers name gzip and send plain text
        return
    rest = memoryview(body)
    for _ in range(_MAX_MEMBERS):
        if bytes(rest[:2]) != b"\x1f\x8b":
            return
        decoder = zlib.decompressobj(31)
        for part, used in _drained(decoder, rest):
            yield part
            rest = rest[used:]
    raise zlib.error("too many members")


def _inflated(body: bytes) -> Iterator[bytes]:
    try:
        zlib.decompressobj().decompress(body[:64])
    except zlib.error:
        decoder = zlib.decompressobj(-15)  # raw deflate, as some servers send it
    else:
        decoder = zlib.decompressobj()
    for part, _ in _drained(decoder, memoryview(body)):
        yield part


def _drained(decoder: "zlib._Decompress", body: memoryview) -> Iterator[tuple[bytes, int]]:
    """Parts, and how much of the body each has used; little is handed over at a time, for zlib copies what is left."""
    step = _FIRST_STEP_BYTES
    while body and not decoder.eof:
        given = body[:step]
        part = decoder.decompress(given, _STEP_BYTES)
        used = len(given) - len(decoder.unconsumed_tail) - len(decoder.unused_data)
        yield part, used
        if not used and not part:
            break
        body = body[used:]
        step = min(step * 2, _STEP_BYTES)
    while not decoder.eof and (part := decoder.decompress(b"", _STEP_BYTES)):
        yield part, 0
    if not decoder.eof:
        raise _EndsTooEarlyError


def _unbrotlied(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    yield decoder.process(body, output_buffer_limit=_STEP_BYTES)
    while not decoder.is_finished():
        part = decoder.process(b"", output_buffer_limit=_STEP_BYTES)
        if not part:
            raise _EndsTooEarlyError
        yield part


def _unzstd(body: bytes) -> Iterator[bytes]:
    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    with decoder.stream_reader(body, read_across_frames=True) as reader:
        while part := reader.read(_STEP_BYTES):
            yield part
    if body and not _has_last_block(body):
        raise _EndsTooEarlyError


def _has_last_block(body: bytes) -> bool:
    """Whether the first zstd frame goes to its end, which the reader does not tell.

    Source: https://www.rfc-editor.org/rfc/rfc8878.html#name-blocks
    """
    at = zstandard.frame_header_size(body)
    while at + 3 <= len(body):
        header = int.from_bytes(body[at : at + 3], "little")
        is_last, is_run, size = header & 1, header >> 1 & 3 == 1, header >> 3
        at += 3 + (1 if is_run else size)
        if is_last:
            return at <= len(body)
    return False
