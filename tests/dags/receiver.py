"""Servers on loopback that keep what they are sent: webhooks, and metrics by OTLP over HTTP."""

import gzip
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

METRICS_PATH = "/v1/metrics"


@dataclass(frozen=True)
class Post:
    """One request; `body` is unpacked."""

    path: str
    authorization: str | None
    body: bytes


@dataclass
class Receiver:
    """Where it listens, and what it got so far."""

    port: int
    posts: list[Post] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def metrics(self) -> dict[str, set[str]]:
        """The metrics that came, each with the values of its attributes."""
        found: dict[str, set[str]] = {}
        for post in [post for post in self.posts if post.path == METRICS_PATH]:
            for resource in ExportMetricsServiceRequest.FromString(post.body).resource_metrics:
                for metric in [metric for scope in resource.scope_metrics for metric in scope.metrics]:
                    points = getattr(metric, metric.WhichOneof("data") or "gauge").data_points
                    values = {item.value.string_value for point in points for item in point.attributes}
                    found.setdefault(metric.name, set()).update(values)
        return found


@contextmanager
def receiving() -> Iterator[Receiver]:
    """An HTTP server that takes every POST."""
    receiver = Receiver(port=0)

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            receiver.posts.append(Post(self.path, self.headers["Authorization"], body))
            answer = b"" if self.path == METRICS_PATH else b"ok"  # an empty message says that all was taken
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Taker)) as receiver.port:
        yield receiver


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """Lets it serve; gives its port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
