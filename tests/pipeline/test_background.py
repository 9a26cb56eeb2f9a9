"""Streams that are advanced side by side: the same items, in step, and no error lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from stemwright.errors import InternalError
from stemwright.pipeline.background import lockstep


def numbers(start: int, count: int) -> Iterator[int]:
    yield from range(start, start + count)


@pytest.mark.parametrize("hands", [1, 2, 5])
def test_items_come_in_step_and_in_order(hands: int) -> None:
    streams = [numbers(start, 50) for start in (0, 100, 200)]
    assert list(lockstep(streams, hands=hands)) == [(n, n + 100, n + 200) for n in range(50)]


def test_nothing_comes_of_empty_streams() -> None:
    assert list(lockstep([numbers(0, 0), numbers(5, 0)], hands=2)) == []


def test_streams_of_other_lengths_are_told() -> None:
    with pytest.raises(InternalError, match="one length"):
        list(lockstep([numbers(0, 3), numbers(0, 4)], hands=2))


def test_an_error_in_a_stream_is_raised_where_it_is_read() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("a fault")

    taken: list[tuple[int, ...]] = []
    with pytest.raises(ValueError, match="a fault"):
        taken.extend(lockstep([broken(), numbers(0, 9)], hands=2))
    assert threading.active_count() == 1


def test_who_stops_early_leaves_no_thread() -> None:
    for pair in lockstep([numbers(0, 10**6), numbers(0, 10**6)], hands=2):
        if pair[0] == 3:
            break
    del pair
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lockstep")]
