"""Signals: the first one stops a command, and what is being written is written to the end."""

import signal
from collections.abc import Iterator

import pytest

from uapseg.cli import main
from uapseg.cli.interruption import STOPS, Signals, Stop


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signals]:
    monkeypatch.setattr("uapseg.cli.interruption.REPEAT", 600)  # as if no time passed between signals
    before = {number: signal.signal(number, signal.default_int_handler) for number in STOPS}
    yield Signals()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_is_an_exception(signals, number):
    with signals.catch(), pytest.raises(Stop, match=r"Stopped\.") as stop:
        signal.raise_signal(number)
    assert stop.value.number == signals.number == number
    assert signal.getsignal(number) is signal.default_int_handler


def both(signals: Signals, done: list[str]) -> None:
    with signals.delay():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        done.append("written")
    done.append("not reached")


def stopped_twice(signals: Signals, done: list[str]) -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(signal.SIGINT)
        with signals.delay():
            signal.raise_signal(signal.SIGINT)
            done.append("written")


def failed(signals: Signals) -> None:
    with signals.delay():
        signal.raise_signal(signal.SIGINT)
        raise OSError("full")


def test_what_is_held_comes_to_its_end_first(signals):
    done = []
    with signals.catch(), pytest.raises(Stop):
        both(signals, done)
    assert done == ["written"]
    assert signals.number == signal.SIGTERM


def test_a_further_signal_does_not_disturb_what_the_first_one_has_begun(signals):
    done = []
    with signals.catch(), pytest.raises(Stop):
        stopped_twice(signals, done)
    assert done == ["written"]


def test_a_signal_long_after_the_first_stops_what_that_did_not(signals, monkeypatch):
    monkeypatch.setattr("uapseg.cli.interruption.REPEAT", 0.0)
    with signals.catch():
        for _ in range(2):
            with pytest.raises(Stop):
                signal.raise_signal(signal.SIGINT)


def test_a_signal_that_a_destructor_has_swallowed_is_raised_again(signals):
    with signals.catch():
        signals.check()
        with pytest.raises(Stop):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stop):
            signals.check()


def test_a_failed_write_is_told_rather_than_the_signal(signals):
    with signals.catch(), pytest.raises(OSError, match="full"):
        failed(signals)


def test_what_the_process_ignores_stays_ignored(signals):
    """As under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with signals.catch():
        signal.raise_signal(signal.SIGHUP)
        signals.check()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_exit_status_tells_the_signal(signals, monkeypatch, capsys, number, status):
    monkeypatch.setattr("uapseg.cli.listings.models", lambda _: signal.raise_signal(number))
    assert main(["models"]) == status
    assert capsys.readouterr().err == "Stopped.\n"
