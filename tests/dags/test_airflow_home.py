"""Airflow's folder and ports, without Airflow."""

import configparser
import json
import socket
from pathlib import Path

import pytest

from dags.standalone import airflow_home, ports
from dags.standalone.__main__ import main
from pipelines.errors import ConfigurationError


def test_the_login_and_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    first = airflow_home.prepare_home(tmp_path, 8080)
    again = airflow_home.prepare_home(tmp_path, 9090)

    assert again.password == first.password
    assert json.loads((tmp_path / "passwords.json").read_text()) == {"admin": first.password}
    assert again.url == "http://127.0.0.1:9090"


def test_secrets_can_be_read_by_this_user_alone(tmp_path: Path) -> None:
    airflow_home.prepare_home(tmp_path, 8080)

    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == {"airflow.cfg": 0o600, "passwords.json": 0o600, "secrets.json": 0o600}


def test_a_secrets_file_cut_off_by_a_kill_is_made_anew(tmp_path: Path) -> None:
    airflow_home.prepare_home(tmp_path, 8080)
    (tmp_path / "secrets.json").write_text('{"password": "abc')

    assert len(airflow_home.prepare_home(tmp_path, 8080).password) > 8


def test_airflow_listens_on_loopback_only(tmp_path: Path) -> None:
    airflow_home.prepare_home(tmp_path, 8080)
    config = configparser.RawConfigParser()
    config.read(tmp_path / "airflow.cfg")

    assert config["api"]["host"] == "127.0.0.1"
    assert config["scheduler"]["enable_health_check"] == "False"


def test_the_shell_of_the_user_cannot_open_airflow_to_the_network(tmp_path: Path) -> None:
    home = airflow_home.prepare_home(tmp_path, 8080)
    shell = {
        "AIRFLOW__API__HOST": "0.0.0.0",
        "AIRFLOW__CORE__FERNET_KEY_CMD": "echo x",
        "AIRFLOW__METRICS__STATSD_ON": "1",
    }

    environ = airflow_home.airflow_environment(home, shell, {"WORLDWIRE_ARCHIVE": "/a"})

    assert "AIRFLOW__API__HOST" not in environ
    assert "AIRFLOW__CORE__FERNET_KEY_CMD" not in environ
    assert environ["AIRFLOW__METRICS__STATSD_ON"] == "1"
    assert environ["WORLDWIRE_ARCHIVE"] == "/a"


def test_a_proxy_is_not_asked_for_our_own_addresses(tmp_path: Path) -> None:
    home = airflow_home.prepare_home(tmp_path, 8080)

    environ = airflow_home.airflow_environment(home, {"no_proxy": "intranet"}, {})

    assert environ["NO_PROXY"] == environ["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_the_database_is_migrated_once_for_each_version_of_airflow(tmp_path: Path) -> None:
    home = airflow_home.prepare_home(tmp_path, 8080)
    assert home.needs_migration

    (tmp_path / "airflow.db").touch()
    assert home.needs_migration  # a first migration that was killed half way

    home.mark_migrated()
    assert not home.needs_migration

    (tmp_path / "migrated").write_text("3.0.0")
    assert home.needs_migration


def test_two_runners_do_not_share_a_folder(tmp_path: Path) -> None:
    with airflow_home.hold(tmp_path), pytest.raises(ConfigurationError, match=r"already runs in .* \(process \d+\)"):
        airflow_home.hold(tmp_path).__enter__()

    with airflow_home.hold(tmp_path):
        pass


def test_a_port_in_use_is_named_with_its_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(
            ConfigurationError, match=rf"^Port {port}, meant for the UI, is in use by .* \(process \d+\); end"
        ):
            ports.require_free("127.0.0.1", port, purpose="the UI", remedy="choose another")


def test_a_port_in_use_on_all_interfaces_is_found(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(ConfigurationError, match="is in use"):
            ports.require_free("127.0.0.1", port, purpose="the UI", remedy="choose another")


def test_the_command_stops_with_one_sentence_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = main(["--port", str(port), "--folder", str(tmp_path), "--archive", str(tmp_path / "archive")])

    assert code == 2
    said = capsys.readouterr().out
    assert said.startswith(f"worldwire: Port {port}, meant for Airflow's UI, is in use")
    assert said.count("\n") == 1
    assert not (tmp_path / "airflow" / "airflow.cfg").exists()


@pytest.mark.parametrize(
    ("archive", "code", "sentence"),
    [
        ("{tmp}/notes.txt", 3, "is a file; name a folder"),
        ("gs://bucket/x", 2, "neither a folder nor of the form s3://bucket/prefix"),
    ],
)
def test_an_archive_that_cannot_be_used_stops_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], archive: str, code: int, sentence: str
) -> None:
    (tmp_path / "notes.txt").write_text("no archive")
    assert main(["--archive", archive.format(tmp=tmp_path), "--folder", str(tmp_path)]) == code
    said = capsys.readouterr().out
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "airflow" / "airflow.cfg").exists()


@pytest.mark.parametrize("port", ["http", "0", "99999", "-1"])
def test_a_port_that_is_none_stops_it_too(capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--port={port}"])
    assert ended.value.code == 2
    assert f"{port!r} is no port; give a number from 1 to 65535" in capsys.readouterr().err


def test_a_catalogue_with_a_mistake_stops_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = tmp_path / "sources.toml"
    catalogue.write_text('[[source]]\nid = "a"\nname = "A"\nhomepage = "https://a.example/"\nfeed = []\n')

    assert main(["--sources", str(catalogue), "--folder", str(tmp_path)]) == 2
    assert "unknown key 'feed'; did you mean 'feeds'?" in capsys.readouterr().out
