"""A real S3 server on loopback: one-node Ceph (mon, mgr, osd, radosgw) from Debian's packages, without systemd.

`python tests/ceph.py` runs one until Ctrl-C and prints the AWS variables to use it; tests start their own.
What was learned of it: If-Match wants the ETag without quotes, `x-amz-checksum` is ignored, Content-MD5 is checked.
Source: https://docs.ceph.com/en/latest/install/manual-deployment/
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mgr", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
ACCESS_KEY = "worldwire-test"
SECRET_KEY = "worldwire-test-secret"
_START_SECONDS = 90
# Reads until whoever started the daemons has gone, in whatever way.
_GUARD = """
import os, pathlib, signal, sys
sys.stdin.read()
for path in pathlib.Path(sys.argv[1]).glob("*.pid"):
    try:
        os.kill(int(path.read_text()), signal.SIGKILL)
    except ProcessLookupError:
        pass
"""
_CONFIG = """\
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon_port}
mon initial members = a
public addr = 127.0.0.1
ms bind ipv6 = false
ms bind port min = {low_port}
ms bind port max = {high_port}
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 2
mon data avail crit = 1
mon cluster log file = {folder}/log/cluster.log
run dir = {folder}/run
crash dir = {folder}/run
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
keyring = {folder}/keyring
bluestore block size = 10737418240
osd memory target = 939524096
[mon.a]
mon data = {folder}/mon
[mgr.x]
mgr data = {folder}/mgr
mgr initial modules =
[osd.0]
osd data = {folder}/osd
[client.rgw.a]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{s3_port} tcp_nodelay=1
rgw enable ops log = false
rgw run sync thread = false
"""


def is_installed() -> bool:
    """Whether all of Ceph's programs are there (they may lie in /usr/sbin)."""
    return all(_program(name) for name in PROGRAMS)


class Ceph:
    """One cluster with its data in `folder`; `start` gives the endpoint, `stop` ends its daemons and no others.

    They end with this process too: pytest-xdist kills its own without their teardown.
    """

    def __init__(self, folder: Path, s3_port: int = 0) -> None:
        self.folder = folder
        self._s3_port = s3_port or _free_port()
        self.endpoint = f"http://127.0.0.1:{self._s3_port}"
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The standard AWS variables for this server."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def start(self) -> str:
        """Makes the cluster if the folder is empty, starts its daemons and waits until S3 answers."""
        self._guard = subprocess.Popen(
            [sys.executable, "-c", _GUARD, str(self.folder / "run")], stdin=subprocess.PIPE, start_new_session=True
        )
        if (self.folder / "ceph.conf").exists():
            self._start_daemons()
        else:
            self._make()
        self._run("radosgw", "-n", "client.rgw.a")
        self._wait()
        made = self._run("radosgw-admin", "user", "info", "--uid=news", check=False)
        if made.returncode:
            keys = (f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")
            self._run("radosgw-admin", "user", "create", "--uid=news", "--display-name=news", *keys)
        return self.endpoint

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends the daemons; SIGKILL as a power cut would. The data stays."""
        pids = [int(path.read_text().strip()) for path in (self.folder / "run").glob("*.pid")]
        for pid in pids:
            _signal(pid, number)
        deadline = time.monotonic() + 20
        while any(_is_alive(pid) for pid in pids):
            if time.monotonic() > deadline:
                for pid in pids:
                    _signal(pid, signal.SIGKILL)
            time.sleep(0.1)
        for path in (self.folder / "run").iterdir():
            path.unlink(missing_ok=True)
        if self._guard is not None:
            self._guard.communicate()
            self._guard = None

    def _make(self) -> None:
        for name in ("mon", "mgr", "osd", "rgw", "run", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        mon_port, low_port, fsid = _free_port(), _free_port(), str(uuid4())
        config = _CONFIG.format(
            folder=self.folder,
            fsid=fsid,
            mon_port=mon_port,
            low_port=low_port,
            high_port=low_port + 60,
            s3_port=self._s3_port,
        )
        (self.folder / "ceph.conf").write_text(config)
        keyring, monmap = str(self.folder / "keyring"), str(self.folder / "monmap")
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        rights = [word for part in ("mon", "osd", "mgr") for word in ("--cap", part, "allow *")]
        self._run("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *rights)
        self._run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", "--fsid", fsid, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self._run("ceph-mon", "-i", "a")
        self._add_key("mgr.x", mon="allow profile mgr", osd="allow *", mds="allow *")
        self._add_key("client.rgw.a", mon="allow rw", osd="allow rwx", mgr="allow rw")
        self._run("ceph-mgr", "-i", "x")
        osd = str(uuid4())
        self._run("ceph", "osd", "new", osd)
        self._add_key("osd.0", mon="allow profile osd", mgr="allow profile osd", osd="allow *")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._run("ceph-osd", "-i", "0")

    def _start_daemons(self) -> None:
        self._run("ceph-mon", "-i", "a")
        self._run("ceph-mgr", "-i", "x")
        self._run("ceph-osd", "-i", "0")

    def _add_key(self, name: str, **rights: str) -> None:
        words = [word for part in rights.items() for word in part]
        key = self._run("ceph", "auth", "get-or-create", name, *words).stdout
        with (self.folder / "keyring").open("a") as keyring:
            keyring.write(key)

    def _run(self, program: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        path = _program(program)
        assert path is not None, f"{program} is not installed"
        config = ["--conf", str(self.folder / "ceph.conf")] if program not in ("ceph-authtool", "monmaptool") else []
        log = self.folder / "log" / "start.log"
        # Daemons keep what they inherit: a pipe for their output would never be read to its end.
        output = subprocess.PIPE if program in ("ceph", "radosgw-admin") else subprocess.DEVNULL
        with log.open("a") as errors:
            answer = subprocess.run(
                [path, *config, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=errors, text=True, timeout=120
            )
        if check and answer.returncode:
            raise RuntimeError(f"{program} ended with {answer.returncode}: {log.read_text()[-500:]}")
        return answer

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.endpoint, timeout=5):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"radosgw did not answer at {self.endpoint} within {_START_SECONDS} s")


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _signal(pid: int, number: signal.Signals) -> None:
    if _is_alive(pid):
        os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def main() -> int:
    words = argparse.ArgumentParser(description="Runs a one-node Ceph with S3 on loopback until Ctrl-C.")
    words.add_argument("--port", type=int, default=7480)
    words.add_argument("--folder", type=Path, help="keeps its data there; left out: a temporary folder")
    given = words.parse_args()
    if not is_installed():
        print("Ceph is not installed; on Debian: apt-get install ceph-mon ceph-mgr ceph-osd radosgw", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="worldwire-s3-") as temporary:
        server = Ceph(given.folder or Path(temporary), given.port)
        try:
            server.start()
            for name, value in server.environment.items():
                print(f"export {name}={value}")
            print(f"# S3 answers at {server.endpoint}; Ctrl-C ends it", flush=True)
            signal.pause()
        except KeyboardInterrupt:
            print("ending", file=sys.stderr)
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
