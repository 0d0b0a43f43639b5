"""The line for the device: its order, who is passed over, and who has it."""

import threading
import time
from dataclasses import dataclass

import pytest

from uapseg.app.runs import device_queue
from uapseg.app.runs.device_queue import Call, RunQueue
from uapseg.errors import UapsegError


@dataclass(eq=False)
class Visitor:
    """Someone who waits, and may go away."""

    ticket: int = 0
    is_present: bool = True


def joined(here: RunQueue, number: int) -> list[Visitor]:
    visitors = [Visitor() for _ in range(number)]
    for visitor in visitors:
        here.join(visitor)
    return visitors


def test_places_follow_the_order_of_asking():
    here = RunQueue(1)
    first, second, third = joined(here, 3)
    assert [here.place(each) for each in (first, second, third, Visitor())] == [1, 2, 3, 0]
    assert not here.enter(second)
    assert here.enter(first)
    assert [here.place(each) for each in (first, second, third)] == [0, 1, 2]
    here.leave(second)
    assert [here.place(each) for each in (second, third)] == [0, 1]


def test_the_device_is_for_as_many_as_said_and_for_each_once():
    here = RunQueue(2)
    first, second, third = joined(here, 3)
    assert [here.enter(each) for each in (third, second, second, first)] == [False, True, False, True]
    assert [here.turn(third), here.enter(third)] == [False, False]
    here.leave(first)
    assert here.has(second)
    assert [here.turn(third), here.enter(third), here.has(third)] == [True, True, True]


def test_an_absent_waiter_is_skipped_and_keeps_its_position(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_queue, "RANK_SECONDS", 0.0)
    here = RunQueue(1)
    first, second, third = joined(here, 3)
    first.is_present = second.is_present = False
    assert [here.place(third), here.turn(third)] == [1, True]
    second.is_present = True
    assert [here.place(second), here.place(third)] == [1, 2]
    assert here.enter(second)


def test_a_waiter_that_does_not_take_its_turn_goes_to_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_queue, "RANK_SECONDS", 0.0)
    here = RunQueue(1)
    slow, next_ = joined(here, 2)
    assert here.turn(slow)
    old = slow.ticket
    monkeypatch.setattr(device_queue, "CALL_SECONDS", -1.0)
    assert here.turn(next_)
    monkeypatch.setattr(device_queue, "CALL_SECONDS", 10.0)
    assert [here.place(next_), here.place(slow)] == [1, 2]
    assert slow.ticket > old


def test_programs_wait_in_the_same_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_queue, "MAX_CALLS", 1)
    here, program, order = RunQueue(1), Call(), []
    (visitor,) = joined(here, 1)
    assert here.enter(visitor)

    def call() -> None:
        with here.turn_of(program):
            order.append("call")

    waiting = threading.Thread(target=call)
    waiting.start()
    ends = time.monotonic() + 60
    while here.place(program) != 1 and time.monotonic() < ends:
        time.sleep(0.01)
    (later,) = joined(here, 1)
    assert here.place(later) == 2
    with pytest.raises(UapsegError, match="try again in a few minutes"):
        here.join(Call())
    assert not order
    here.leave(visitor)
    waiting.join(60)
    assert order == ["call"]
    assert here.enter(later)


def test_a_line_that_is_full_refuses_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_queue, "MAX_WAITING", 2)
    here = RunQueue(1)
    joined(here, 2)
    with pytest.raises(UapsegError, match="Too many runs wait"):
        here.join(Visitor())


@pytest.mark.parametrize("setting", ["abc", "0", "-1", "1.5"])
def test_a_wrong_number_of_places_is_a_sentence(monkeypatch: pytest.MonkeyPatch, setting: str):
    monkeypatch.setenv("UAPSEG_CONCURRENCY", setting)
    with pytest.raises(UapsegError, match="UAPSEG_CONCURRENCY"):
        RunQueue()


def test_a_thousand_that_ask_for_their_places_are_looked_for_a_few_times_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device_queue, "RANK_SECONDS", 600)
    looks = 0

    class Counted(Visitor):
        def __getattribute__(self, name: str) -> object:
            nonlocal looks
            looks += name == "is_present"
            return super().__getattribute__(name)

    here, visitors = RunQueue(1), [Counted() for _ in range(1000)]
    for each in visitors:
        here.join(each)
    assert [here.place(each) for each in visitors] == list(range(1, 1001))
    assert 1000 <= looks < 5000
