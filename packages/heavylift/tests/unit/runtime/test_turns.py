"""Turns: how many threads work at a time, and which is next."""

from __future__ import annotations

import threading

import pytest

from heavylift.runtime.turns import Turns
from tests.support.waiting import wait_for


def test_as_many_threads_work_at_a_time_as_there_are_turns() -> None:
    turns, inside, most, lock = Turns(2), 0, 0, threading.Lock()

    def work(number: int) -> None:
        nonlocal inside, most
        for _ in range(20):
            with turns.turn(number):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert inside == 0
    assert 1 <= most <= 2


def test_of_those_that_wait_the_lowest_number_is_next() -> None:
    turns, order = Turns(1), list[int]()

    def work(number: int) -> None:
        with turns.turn(number):
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (5, 1, 3, 1)]
    with turns.turn(0):
        for each in threads:
            each.start()
        wait_for(lambda: len(turns._waiting) == 4)
    for each in threads:
        each.join()
    assert order == [1, 1, 3, 5]


def test_a_turn_that_fails_is_passed_on() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError, match="failed"), turns.turn(0):
        raise ValueError("failed")
    with turns.turn(1):
        pass
