"""Fetching files from servers as they are: over real sockets, with the faults that real ones have."""

import hashlib
import os
import socket
import threading
import time

import numpy as np
import pytest

import uapseg.io.download
import uapseg.io.partial_download
from tests.server import serving
from uapseg.errors import UapsegError
from uapseg.io.download import Download, Progress, fetch, fetch_all

CONTENT = np.random.default_rng(0).bytes(50_000)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(uapseg.io.download, "RETRY_DELAY", 0.005)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new folder" / "file.bin"


@pytest.fixture
def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


def inside(folder):
    return sorted(file.name for file in folder.iterdir())


def drained(steps):
    """All that a generator yields, and what it returns."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def test_a_file_comes_whole_with_its_progress(server, path):
    steps = list(fetch(Download(url=server.add("a", CONTENT), path=path, checksum=SHA256, size=len(CONTENT))))
    assert path.read_bytes() == CONTENT
    assert steps[-1] == Progress(len(CONTENT), len(CONTENT))
    assert [step.received for step in steps] == sorted(step.received for step in steps)
    assert inside(path.parent) == [path.name]


def test_a_file_that_is_there_is_not_asked_for(server, path):
    path.parent.mkdir()
    path.write_bytes(b"mine")
    assert list(fetch(Download(url=server.add("a", CONTENT), path=path, checksum=SHA256))) == []
    assert server.asked == []
    assert path.read_bytes() == b"mine"


def test_without_an_announced_length_the_total_is_not_known(server, path):
    *_, last = fetch(Download(url=server.add("a", CONTENT, length=False), path=path))
    assert last == Progress(len(CONTENT), None)
    assert path.read_bytes() == CONTENT


def test_a_broken_answer_is_gone_on_from_where_it_stopped(server, path):
    list(fetch(Download(url=server.add("a", CONTENT, cut=20_000, cuts=2), path=path)))
    assert path.read_bytes() == CONTENT
    assert [(asked[1], asked[2]) for asked in server.asked] == [
        (None, None), ("bytes=20000-", '"1"'), ("bytes=40000-", '"1"'),
    ]  # fmt: skip


def test_a_server_without_ranges_sends_all_again(server, path):
    list(fetch(Download(url=server.add("a", CONTENT, cut=20_000, cuts=2, ranges=False), path=path)))
    assert path.read_bytes() == CONTENT
    assert server.sent["/a"] == 2 * 20_000 + len(CONTENT)


def test_a_file_that_changes_on_the_server_is_not_glued_together(server, path):
    url = server.add("a", CONTENT, cut=20_000, cuts=1)
    steps = fetch(Download(url=url, path=path))
    next(steps)
    changed = CONTENT[::-1]
    server.add("a", changed, etag='"2"')
    list(steps)
    assert path.read_bytes() == changed


def test_without_a_version_nothing_is_gone_on_from(server, path):
    url = server.add("a", CONTENT, cut=20_000, cuts=1, etag="")
    list(fetch(Download(url=url, path=path)))
    assert path.read_bytes() == CONTENT
    assert [asked[1] for asked in server.asked] == [None, None]


def test_a_part_that_begins_elsewhere_is_refused(server, path):
    url = server.add("a", CONTENT, cut=20_000, cuts=1, shift=100)
    list(fetch(Download(url=url, path=path)))
    assert path.read_bytes() == CONTENT


def test_a_later_call_goes_on_from_what_an_earlier_one_left(server, path):
    url = server.add("a", CONTENT, cut=20_000, pause=0.0)
    download = Download(url=url, path=path, checksum=SHA256)
    steps = fetch(download)
    next(steps)
    steps.close()  # what Ctrl-C does
    left = next(path.parent.iterdir()).stat().st_size
    assert left > 0
    server.add("a", CONTENT)
    list(fetch(download))
    assert server.asked[-1][1] == f"bytes={left}-"
    assert path.read_bytes() == CONTENT
    assert inside(path.parent) == [path.name]


def test_what_a_killed_process_left_is_taken_over_once_it_is_old(server, path):
    path.parent.mkdir()
    stray = path.parent / f".{path.name}.0123abcd.part"
    stray.write_bytes(CONTENT[:30_000])
    download = Download(url=server.add("a", CONTENT), path=path, checksum=SHA256)
    list(fetch(download))
    assert server.asked[-1][1] is None  # it might still be written to
    path.unlink()
    os.utime(stray, (time.time() - 3600,) * 2)
    list(fetch(download))
    assert server.asked[-1][1] == "bytes=30000-"
    assert path.read_bytes() == CONTENT
    assert inside(path.parent) == [path.name]


def test_a_part_that_was_never_of_this_file_does_no_harm(server, path):
    path.parent.mkdir()
    (path.parent / f".{path.name}.part").write_bytes(bytes(30_000))
    list(fetch(Download(url=server.add("a", CONTENT), path=path, checksum=SHA256)))
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_does_no_harm(server, path):
    path.parent.mkdir()
    (path.parent / f".{path.name}.part").write_bytes(bytes(60_000))
    list(fetch(Download(url=server.add("a", CONTENT), path=path, checksum=SHA256)))
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [{"checksum": "sha256:00ff"}, {"checksum": "md5:00ff"}, {"size": 7}])
def test_a_wrong_file_is_fetched_once_more_and_then_refused(server, path, wrong):
    with pytest.raises(UapsegError, match=r"not the expected file.*put the file at .*file\.bin"):
        list(fetch(Download(url=server.add("a", CONTENT), path=path, **wrong)))
    assert len(server.asked) == 2
    assert list(path.parent.iterdir()) == []


def test_the_first_digits_of_a_checksum_are_enough(server, path):
    list(fetch(Download(url=server.add("a", CONTENT), path=path, checksum=SHA256[:15])))
    assert path.read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_asked_for_once(server, path):
    with pytest.raises(UapsegError, match=r"answers 404 Not Found: .*put the file at .*file\.bin"):
        list(fetch(Download(url=f"{server.address}/none", path=path)))
    assert len(server.asked) == 1


def test_a_server_in_trouble_is_asked_again(server, path):
    url = server.add("a", CONTENT, status=503)
    with pytest.raises(UapsegError, match=r"could not be fetched .*503"):
        list(fetch(Download(url=url, path=path)))
    assert len(server.asked) == uapseg.io.download.ATTEMPTS


def test_a_server_that_breaks_off_without_end_is_given_up(server, path):
    url = server.add("a", CONTENT, cut=1000, ranges=False)
    with pytest.raises(UapsegError, match="stopped after 1000 of 50000 bytes"):
        list(fetch(Download(url=url, path=path)))
    assert len(server.asked) == uapseg.io.download.ATTEMPTS


def test_a_server_that_sends_a_little_each_time_is_not_given_up(server, path):
    list(fetch(Download(url=server.add("a", CONTENT, cut=4_000), path=path)))
    assert path.read_bytes() == CONTENT
    assert len(server.asked) == 13 > uapseg.io.download.ATTEMPTS


def test_a_silent_server_is_given_up(server, path, monkeypatch):
    monkeypatch.setattr(uapseg.io.partial_download, "READ_TIMEOUT", 0.1)
    url = server.add("a", CONTENT, silent=True)
    with pytest.raises(UapsegError, match="timed out"):
        list(fetch(Download(url=url, path=path)))


def test_a_slow_server_is_waited_for(server, path, monkeypatch):
    monkeypatch.setattr(uapseg.io.partial_download, "READ_TIMEOUT", 0.5)
    slow = server.add("a", CONTENT[:12_000], pause=0.06, ranges=False)  # 0.7 seconds in all
    list(fetch(Download(url=slow, path=path)))
    assert path.read_bytes() == CONTENT[:12_000]


def test_no_connection_is_one_clear_sentence(closed_port, path):
    with pytest.raises(UapsegError, match=r"no connection to 127\.0\.0\.1:\d+ .*: check the internet connection"):
        list(fetch(Download(url=f"{closed_port}/a", path=path)))


def test_only_http_is_fetched(path, tmp_path):
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(UapsegError, match="begins with http"):
        list(fetch(Download(url=(tmp_path / "secret").as_uri(), path=path)))


def test_a_disk_that_cannot_be_written_is_said(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UapsegError, match="cannot be written"):
        list(fetch(Download(url=server.add("a", CONTENT), path=tmp_path / "file" / "a")))


def test_two_downloads_of_the_same_file_do_not_disturb_each_other(server, path):
    download = Download(url=server.add("a", CONTENT, pause=0.001), path=path, checksum=SHA256)
    threads = [threading.Thread(target=lambda: list(fetch(download))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == CONTENT


def test_many_files_come_at_once_and_failures_are_named(server, tmp_path):
    names = [f"{number}.bin" for number in range(12)]
    downloads = [Download(url=server.add(name, CONTENT[: 1000 * n]), path=tmp_path / name)
                 for n, name in enumerate(names, start=1)]  # fmt: skip
    server.files["/3.bin"].status = 404
    server.files["/7.bin"].cut = 500
    server.files["/7.bin"].ranges = False
    seen, failed = drained(fetch_all(downloads, max_parallel=4))
    assert failed == ["3.bin", "7.bin"]
    assert {file.name for file in tmp_path.iterdir()} == set(names) - set(failed)
    assert seen[-1].received >= sum(1000 * n for n in range(1, 13)) - 4000 - 8000
    assert seen[-1].total is not None


def test_files_come_in_parallel(server, tmp_path):
    five = threading.Barrier(5)
    downloads = [Download(url=server.add(str(n), CONTENT, together=five), path=tmp_path / str(n)) for n in range(20)]
    assert drained(fetch_all(downloads, max_parallel=5))[1] == []
    assert server.most == 5


def test_a_file_that_is_refused_is_named_and_not_kept(server, tmp_path):
    def refuse(path):
        if path.read_bytes() == b"bad":
            raise UapsegError("It is bad.")

    downloads = [Download(url=server.add(c, c.encode()), path=tmp_path / c) for c in ("good", "bad")]
    assert drained(fetch_all(downloads, check=refuse))[1] == ["bad"]
    assert inside(tmp_path) == ["good"]


def test_without_a_connection_the_others_are_not_tried(closed_port, tmp_path, monkeypatch):
    downloads = [Download(url=f"{closed_port}/{n}", path=tmp_path / str(n)) for n in range(500)]
    tried = []
    monkeypatch.setattr(
        uapseg.io.partial_download,
        "_answer",
        lambda *wanted, real=uapseg.io.partial_download._answer: (tried.append(wanted), real(*wanted))[1],
    )
    with pytest.raises(UapsegError, match="no connection"):
        drained(fetch_all(downloads))
    assert len(tried) < 500 * uapseg.io.download.ATTEMPTS / 2


def test_a_disk_that_cannot_be_written_ends_it_at_once(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    downloads = [Download(url=server.add(str(n), CONTENT), path=tmp_path / "file" / str(n)) for n in range(50)]
    with pytest.raises(UapsegError, match="cannot be written"):
        drained(fetch_all(downloads))
    assert server.asked == []


def test_what_is_fetched_twice_over_is_fetched_once(server, tmp_path):
    download = Download(url=server.add("a", CONTENT), path=tmp_path / "a")
    assert drained(fetch_all([download, download]))[1] == []
    assert drained(fetch_all([download])) == ([], [])
    assert len(server.asked) == 1


def test_closing_stops_all_that_is_under_way(server, tmp_path):
    downloads = [Download(url=server.add(str(n), CONTENT, pause=0.1), path=tmp_path / str(n)) for n in range(40)]
    steps = fetch_all(downloads, max_parallel=2)
    next(steps)
    steps.close()
    asked = len(server.asked)
    time.sleep(0.1)
    assert len(server.asked) == asked <= 4
    assert list(tmp_path.iterdir()) == []
