"""Which ports are taken, asked before anything starts."""

import errno
import socket

import psutil

from pipelines.errors import ConfigurationError


def require_free(host: str, port: int, *, purpose: str, remedy: str) -> None:
    """Raises ConfigurationError, which names who listens there, if nothing of ours could listen on the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as cause:
            raise ConfigurationError(f"Port {port}, meant for {purpose}, needs root; {remedy}.") from cause
        except OSError as cause:
            if cause.errno != errno.EADDRINUSE:
                raise ConfigurationError(
                    f"{host}:{port}, meant for {purpose}, cannot be used: {cause.strerror}."
                ) from cause
            raise ConfigurationError(
                f"Port {port}, meant for {purpose}, is in use{_by_whom(port)}; end that or {remedy}."
            ) from cause


def _by_whom(port: int) -> str:
    """The listener as far as this user may see it."""
    try:
        listeners = {
            connection.pid
            for connection in psutil.net_connections(kind="tcp")
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
        }
        names = [f"{psutil.Process(pid).name()} (process {pid})" for pid in sorted(filter(None, listeners))]
    except psutil.Error:
        return ""
    return f" by {' and '.join(names)}" if names else ""
