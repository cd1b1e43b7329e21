"""Reading one object in spite of a bad network."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator

import pytest

from heavylift.contracts.failures import (
    DeadlineError,
    EmptyObjectError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    TransientStoreError,
)
from heavylift.runtime.retries import Deadline, RetryPolicy
from heavylift.runtime.store import Body, ObjectReader, cut
from tests.support.loading import FailsAt, MemoryStore, reader_of

DATA = random.Random(4).randbytes(10_000)


class Clock:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def patient(store: MemoryStore, clock: Clock, *, seconds: float, policy: RetryPolicy) -> ObjectReader:
    return ObjectReader(store, "k", Deadline(seconds, clock), policy, sleep=clock.sleep, jitter=lambda: 1.0)


def test_it_goes_on_at_the_byte_where_the_connection_broke() -> None:
    store = FailsAt(5, {"k": DATA}, chunk=1000)  # the request, the answer, two chunks, then the break
    reader = reader_of(store, "k")
    assert b"".join(reader.read(500, 9_000)) == DATA[500:9_000]
    assert store.reads == [("k", 500, 9_000), ("k", 2_500, 9_000)]
    assert (reader.fetched, reader.retries) == (8_500, 1)


def test_an_answer_that_ends_early_is_continued() -> None:
    class Short(MemoryStore):
        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            return itertools.islice(chunks, 2)

    store = Short({"k": DATA}, chunk=1000)
    assert b"".join(reader_of(store, "k").read(0, 5_000)) == DATA[:5_000]
    assert [start for _, start, _ in store.reads] == [0, 2000, 4000]


def test_an_answer_without_bytes_is_given_up_after_some_tries() -> None:
    class Silent(MemoryStore):
        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            return itertools.islice(chunks, 0)

    with pytest.raises(StoreError, match=r"5000 bytes early; gave up after 3 tries"):
        list(reader_of(Silent({"k": DATA}), "k").read(0, 5_000))


def test_more_bytes_than_asked_for_are_refused() -> None:
    class Generous(MemoryStore):
        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            return itertools.chain(chunks, [b"!"])

    with pytest.raises(StoreError, match="more than"):
        list(reader_of(Generous({"k": DATA}), "k").read(0, 10))


def test_waits_double_up_to_the_cap_and_start_anew_after_progress() -> None:
    clock = Clock()
    store = FailsAt(3, {"k": DATA}, persistent=True, chunk=1000)
    reader = patient(store, clock, seconds=1000, policy=RetryPolicy(attempts=6, base=1.0, cap=5.0))
    with pytest.raises(StoreError, match="gave up after 6 tries"):
        list(reader.read(0, 5_000))
    assert clock.slept == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert reader.retries == 5


def test_a_link_that_breaks_after_every_few_bytes_is_no_reason_to_give_up() -> None:
    class Weak(MemoryStore):
        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            yield next(chunks)
            raise TransientStoreError("the connection was reset")

    reader = reader_of(Weak({"k": DATA}, chunk=500), "k", attempts=2)
    assert b"".join(reader.read(0, len(DATA))) == DATA
    assert reader.retries == len(DATA) / 500


def test_a_wait_never_goes_past_the_deadline() -> None:
    clock = Clock()
    store = FailsAt(1, {"k": DATA}, persistent=True)
    reader = patient(store, clock, seconds=10, policy=RetryPolicy(attempts=100, base=4.0, cap=100.0))
    with pytest.raises(DeadlineError, match="connection was reset"):
        list(reader.read(0, 10))
    assert clock.now == 10
    assert clock.slept == [4.0, 6.0]


def test_the_time_is_also_used_up_while_bytes_come() -> None:
    clock = Clock()

    class Slow(MemoryStore):
        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            for chunk in chunks:
                clock.now += 3
                yield chunk

    reader = patient(Slow({"k": DATA}, chunk=100), clock, seconds=10, policy=RetryPolicy())
    with pytest.raises(DeadlineError, match="the start's 10 s were used up while reading memory://k"):
        list(reader.read(0, 10_000))
    assert reader.fetched == 400


def test_what_will_not_get_better_is_not_tried_again() -> None:
    store = MemoryStore({})
    with pytest.raises(ObjectNotFoundError):
        list(reader_of(store, "k").read(0, 10))
    assert len(store.reads) == 1


def test_all_reads_are_of_the_version_that_was_seen_first() -> None:
    store = MemoryStore({"k": DATA})
    reader = reader_of(store, "k")
    list(reader.read(0, 10))
    store.objects["k"] = DATA[:-1] + b"!"
    with pytest.raises(ObjectChangedError):
        list(reader.read(10, 20))


def test_a_store_that_ignores_the_version_is_caught() -> None:
    class Careless(MemoryStore):
        def read(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Body:
            return super().read(key, start, stop, None, seconds)

    store = Careless({"k": DATA})
    reader = reader_of(store, "k")
    list(reader.read(0, 10))
    store.objects["k"] += b"!"
    with pytest.raises(ObjectChangedError, match="replaced while it was being read"):
        list(reader.read(10, 20))


def test_the_head_stops_at_the_end_and_is_not_read_twice() -> None:
    store = MemoryStore({"k": DATA})
    reader = reader_of(store, "k")
    assert reader.head(6_000) == DATA[:6_000]
    assert b"".join(reader.read(5_000, 7_000)) == DATA[5_000:7_000]
    assert b"".join(reader.read(8_000, 9_000)) == DATA[8_000:9_000]
    assert store.reads == [("k", 0, 6_000), ("k", 6_000, 7_000), ("k", 8_000, 9_000)]
    assert reader.size == len(DATA)
    assert reader_of(store, "k").head(1 << 20) == DATA


@pytest.mark.parametrize("chunk", [1, 7, 65536])
def test_bytes_that_were_fetched_ahead_are_not_fetched_again(chunk: int) -> None:
    store = MemoryStore({"k": DATA[:500]}, chunk=chunk)
    reader = reader_of(store, "k")
    assert reader.head(10, ahead=300) == DATA[:10]
    assert b"".join(reader.read(8, 130)) == DATA[8:130]
    assert b"".join(reader.read(130, 500)) == DATA[130:500]
    assert store.reads == [("k", 0, 300), ("k", 300, 500)]


def test_an_object_can_be_begun_before_anybody_asks_for_its_head() -> None:
    store = MemoryStore({"k": DATA})
    reader = reader_of(store, "k")
    reader.begin(300)
    assert reader.head(10, ahead=200) == DATA[:10]
    assert b"".join(reader.read(10, 300)) == DATA[10:300]
    assert store.reads == [("k", 0, 300)]


class Asked(MemoryStore):
    """Remembers what it was asked for, whether anybody waited for the answer or not, and refuses the first requests."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__({"k": DATA}, chunk=100)
        self.asked: list[tuple[int, int]] = []
        self._failures = failures

    def ask(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Callable[[], Body]:
        self.asked.append((start, stop))
        if len(self.asked) <= self._failures:
            raise TransientStoreError("no connection came about")
        return super().ask(key, start, stop, etag, seconds)


def test_what_was_asked_for_before_it_is_begun_is_asked_for_once() -> None:
    store = Asked()
    reader = reader_of(store, "k")
    reader.ask(300)
    assert (store.asked, store.reads) == ([(0, 300)], [])
    reader.begin(300)
    assert b"".join(reader.read(0, 300)) == DATA[:300]
    assert store.asked == [(0, 300)]


def test_what_nobody_waits_for_fails_nobody() -> None:
    store = Asked(failures=1)
    reader = reader_of(store, "k")
    reader.ask(300)
    reader.end_ahead()
    assert b"".join(reader.read(10, 20)) == DATA[10:20]
    assert store.asked == [(0, 300), (10, 20)]


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_request_that_fails_at_once_is_tried_again_by_whoever_waits(failures: int) -> None:
    store = Asked(failures)
    reader = reader_of(store, "k")
    reader.ask(300)
    reader.begin(300)
    if failures < 3:
        assert reader.head(10) == DATA[:10]
        assert reader.retries == failures
    else:
        with pytest.raises(StoreError, match="gave up after 3 tries"):
            reader.head(10)


def test_a_range_can_be_asked_for_before_it_is_read() -> None:
    store = Asked(failures=1)
    reader = reader_of(store, "k")
    early, late = reader.read(100, 500, now=True), reader.read(500, 700)
    assert store.asked == [(100, 500)]
    assert b"".join(late) == DATA[500:700]
    assert b"".join(early) == DATA[100:500]
    assert store.asked == [(100, 500), (500, 700), (100, 500)]


def test_bytes_that_were_read_are_let_go_of_and_fetched_again_when_wanted_again() -> None:
    store = MemoryStore({"k": DATA}, chunk=100)
    reader = reader_of(store, "k")
    reader.head(10, ahead=1000)
    for _ in range(2):
        assert b"".join(reader.read(200, 400)) == DATA[200:400]
    assert store.reads == [("k", 0, 1000), ("k", 200, 400)]


@pytest.mark.parametrize("persistent", [False, True])
def test_a_failure_ahead_is_tried_again_and_then_told_to_whoever_reads(persistent: bool) -> None:
    reader = reader_of(FailsAt(6, {"k": DATA}, persistent=persistent, chunk=100), "k")
    assert reader.head(10, ahead=2000) == DATA[:10]
    if persistent:
        assert b"".join(reader.read(0, 300)) == DATA[:300]
        for _ in range(2):
            with pytest.raises(StoreError, match="gave up"):
                list(reader.read(100, 2000))
    else:
        assert b"".join(reader.read(0, 3000)) == DATA[:3000]


def test_nothing_more_is_fetched_ahead_once_nobody_will_read_it() -> None:
    served, go = [], threading.Event()

    class Slow(MemoryStore):
        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            for chunk in chunks:
                served.append(chunk)
                yield chunk
                if len(served) > 1:
                    go.wait(10)

    reader = reader_of(Slow({"k": DATA}, chunk=100), "k")
    reader.head(50, ahead=5000)
    reader.end_ahead()
    go.set()
    assert len(served) <= 3


@pytest.mark.parametrize(("wanted", "fetched"), [([(20, 320), (500, 900)], 400), ([(120, 900)], 100), ([], 100)])
def test_what_is_fetched_ahead_is_narrowed_to_what_is_wanted(wanted: list[tuple[int, int]], fetched: int) -> None:
    narrowed = threading.Event()

    class Waiting(MemoryStore):
        def on_chunks(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
            yield next(chunks)
            narrowed.wait(10)
            yield from chunks

    store = Waiting({"k": DATA}, chunk=100)
    reader = reader_of(store, "k")
    reader.head(50, ahead=5000)
    reader.narrow_ahead(wanted)
    narrowed.set()
    assert b"".join(reader.read(0, 900)) == DATA[:900]
    assert store.reads == [("k", 0, 5000), ("k", fetched, 900)]


def test_an_empty_object_says_so() -> None:
    with pytest.raises(EmptyObjectError, match="memory://k"):
        reader_of(MemoryStore({"k": b""}), "k").head(10)


def test_size_and_version_are_not_known_before_a_read() -> None:
    reader = reader_of(MemoryStore({"k": DATA}), "k")
    with pytest.raises(ValueError, match="nothing was read"):
        _ = reader.size


@pytest.mark.parametrize("window", [1000, 3333, 20_000])
def test_reading_ahead_keeps_the_order(window: int) -> None:
    reader = reader_of(MemoryStore({"k": DATA}, chunk=777), "k")
    with_gap = reader.read_ahead(5, 9_999, window=window, connections=3)
    assert b"".join(with_gap) == DATA[5:9_999]


def test_reading_ahead_stops_at_the_first_failure() -> None:
    store = FailsAt(4, {"k": DATA}, persistent=True, chunk=1000)
    with pytest.raises(StoreError, match="gave up"):
        list(reader_of(store, "k").read_ahead(0, len(DATA), window=1000, connections=2))


def test_reading_ahead_can_be_closed_early() -> None:
    store = MemoryStore({"k": DATA}, chunk=1000)
    chunks = reader_of(store, "k").read_ahead(0, len(DATA), window=1000, connections=2)
    assert next(chunks) == DATA[:1000]
    chunks.close()
    assert len(store.reads) <= 4


def test_a_reader_that_was_stopped_says_so() -> None:
    reader = reader_of(MemoryStore({"k": DATA}), "k")
    reader.stop()
    with pytest.raises(StoreError, match="called off"):
        list(reader.read(0, 10))


@pytest.mark.parametrize("chunk", [1, 7, 65536])
def test_ranges_are_cut_out_of_any_chunks(chunk: int) -> None:
    ranges = [(3, 10), (10, 11), (500, 2_000), (9_990, 10_000)]
    chunks = (DATA[start : start + chunk] for start in range(0, len(DATA), chunk))
    assert list(cut(chunks, ranges)) == [DATA[start:stop] for start, stop in ranges]


def test_a_transient_error_is_a_store_error() -> None:
    assert issubclass(TransientStoreError, StoreError)  # callers that do not retry see one kind
