"""Events are numbered without a gap, and only who holds a job writes about it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_scene import Postgres
from stemwright.engine import tables
from stemwright.engine.jobs import JobKind, JobRequest, JobStatus, StoredEvent
from stemwright.engine.leases import Leases, Watch
from stemwright.engine.ledger import Claim, FencedError, Ledger
from stemwright.engine.orders import Site
from stemwright.engine.stages import phases_of
from stemwright.engine.story import Story
from stemwright.engine.tidy import Tidy
from stemwright.pipeline.store import Store, StoreSettings

REQUEST = JobRequest(JobKind.MASTER, "me")
PHASE = phases_of(JobKind.MASTER)[0].name


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = tables.database_url(tmp_path)
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = tables.database_url(server.url)
    engine = tables.open_database(url)
    tables.make_tables(engine)
    with engine.begin() as connection:
        for table in reversed(tables.meta.sorted_tables):
            connection.execute(table.delete())
    yield Ledger(engine)
    engine.dispose()


def begun(ledger: Ledger, session: str, worker: str = "w") -> Claim:
    Leases(ledger.engine).enlist(worker, {"render": 1})
    with ledger.engine.begin() as connection:
        ledger.insert(connection, session, REQUEST)
    claim = ledger.begin(session, worker, PHASE)
    assert claim is not None
    return claim


def test_numbers_have_no_gap_whoever_writes_at_once(ledger: Ledger) -> None:
    claims = [begun(ledger, f"s{number}") for number in range(3)]
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for turn in range(12):
            new = [("notice", {"by": number, "turn": turn, "of": part}) for part in range(1 + turn % 3)]
            ledger.write(claims[number % 3], new)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))

    for claim in claims:
        events = ledger.events(claim.session)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        for number in range(8):
            mine = [
                (event.data["turn"], event.data["of"]) for event in events if event.data.get("by") == number
            ]
            assert mine == sorted(mine)
    # two events when a job is made and begun, 24 of each writer
    assert sum(len(ledger.events(claim.session)) for claim in claims) == 3 * 2 + 8 * 24


def test_who_reads_while_others_write_sees_every_number_once(ledger: Ledger) -> None:
    claim = begun(ledger, "s")
    seen: list[StoredEvent] = []

    def write() -> None:
        for number in range(40):
            ledger.write(claim, [("notice", {"n": number})])

    writer = threading.Thread(target=write)
    writer.start()
    while len(seen) < 42:
        seen += ledger.events("s", after=seen[-1].number if seen else 0)
    writer.join()

    assert [event.number for event in seen] == list(range(1, 43))


def test_a_later_claim_takes_the_pen_away(ledger: Ledger) -> None:
    first, second = begun(ledger, "s"), ledger.begin("s", "w", PHASE)
    assert second is not None

    with pytest.raises(FencedError):
        ledger.write(first, [("notice", {})])
    with pytest.raises(FencedError):
        ledger.finish(first, {"outputs": {}}, event=("complete", {}))
    ledger.finish(second, {"outputs": {}}, event=("complete", {}))

    state = ledger.state("s")
    assert state is not None
    assert state.status is JobStatus.COMPLETE
    assert [event.kind for event in ledger.events("s")] == ["queued", "started", "complete"]


def test_a_worker_declared_dead_writes_and_claims_nothing(ledger: Ledger) -> None:
    claim, leases = begun(ledger, "s"), Leases(ledger.engine)
    leases.declare_dead(["w"])

    assert not leases.beat("w")
    with pytest.raises(FencedError):
        ledger.write(claim, [("notice", {})])
    with pytest.raises(FencedError):
        ledger.begin("s", "w", PHASE)
    assert [event.kind for event in ledger.events("s")] == ["queued", "started"]


def test_what_is_over_stays_over(ledger: Ledger) -> None:
    claim = begun(ledger, "s")

    assert ledger.close("s", JobStatus.CANCELLED, detail="", event=("cancelled", {}))
    assert not ledger.close("s", JobStatus.ERROR, detail="", event=("error", {}))
    with pytest.raises(FencedError):
        ledger.fail(claim, "too late", event=("error", {}))
    assert ledger.begin("s", "w", PHASE) is None
    assert ledger.held([claim]) == set()


def test_a_worker_that_began_to_count_again_is_not_declared_dead(ledger: Ledger) -> None:
    leases = Leases(ledger.engine)
    leases.enlist("w", {})
    seen = leases.beats()
    assert leases.beat("w")

    leases.declare_dead(["w"], seen=seen)

    assert leases.dead() == []


def test_watch_needs_a_whole_lease_of_seeing_nothing_new() -> None:
    watch = Watch(lease_s=10.0)

    assert watch.look({"a": 1, "b": 1}, now_s=100.0) == {}
    for now in (103.0, 106.0, 109.0):
        assert watch.look({"a": 1, "b": int(now)}, now_s=now) == {}
    assert watch.look({"a": 1, "b": 200}, now_s=110.5) == {"a": 1}


def test_who_was_blind_begins_to_watch_anew() -> None:
    watch = Watch(lease_s=10.0)
    watch.look({"a": 1}, now_s=100.0)

    assert watch.look({"a": 1}, now_s=130.0) == {}, "we were frozen, not the other one"
    assert watch.look({"a": 1}, now_s=133.0) == {}
    for now in (136.0, 139.0):
        watch.look({"a": 1}, now_s=now)
    assert watch.look({"a": 1}, now_s=140.0) == {"a": 1}


LINES = st.lists(
    st.one_of(
        st.tuples(st.just("step_started"), st.sampled_from("abc").map(lambda n: {"name": n, "weight": 0.3})),
        st.tuples(
            st.just("progress"),
            st.builds(lambda n, f: {"name": n, "fraction": f}, st.sampled_from("abc"), st.floats(0, 1)),
        ),
        st.tuples(
            st.just("step_finished"), st.sampled_from("abc").map(lambda n: {"name": n, "cached": False})
        ),
        st.tuples(st.just("notice"), st.sampled_from("xy").map(lambda t: {"text": t, "subject": ""})),
    ),
    max_size=30,
)


@given(before=LINES, after=LINES)
def test_a_story_told_by_two_children_says_nothing_twice(
    before: list[tuple[str, dict[str, object]]], after: list[tuple[str, dict[str, object]]]
) -> None:
    first = Story([], progress=0.0)
    told = [event for kind, data in before for event in first.take(kind, data)]
    stored = [StoredEvent(number, kind, data) for number, (kind, data) in enumerate(told, 1)]
    second = Story(stored, progress=first.progress)
    told += [event for kind, data in after for event in second.take(kind, data)]

    once = [
        (kind, data.get("name"), data.get("text"))
        for kind, data in told
        if kind in ("step_finished", "notice")
    ]
    progress = [data["progress"] for _, data in told if "progress" in data]
    assert len(once) == len(set(once))
    assert progress == sorted(progress)
    assert all(value < 1.0 for value in progress)


def test_a_store_that_grew_too_large_holds_new_work_back_until_it_was_trimmed(tmp_path: Path) -> None:
    tidy, stop = Tidy(Site(tmp_path, tmp_path / "store", store_bytes=1000)), threading.Event()
    store = Store(StoreSettings(tmp_path / "store", 1000))
    for number in range(3):
        work = store.workspace()
        (work / "x").write_bytes(bytes(600))
        store.keep(f"{number}" * 64, work, {})

    tidy.measure()
    stop.set()
    assert not tidy.wait_for_room(stop)
    tidy.look(busy=True)
    assert store.size()[0] == 3, "somebody builds on it"
    tidy.look(busy=False)

    assert tidy.wait_for_room(threading.Event())
    assert store.size()[1] <= 1000
