import os
from pathlib import Path

import pytest

from stemwright.checks import Check, Notice, Severity
from stemwright.errors import CheckFailedError, RefusedError, StorageError
from stemwright.pipeline.events import Cancelled, Event, Progress, Ticker, ignore
from stemwright.pipeline.step import Outcome, Runner
from stemwright.pipeline.store import Store, StoreSettings, change_store, key_of, load_store_settings


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreSettings(tmp_path / "store"))


def runner(store: Store) -> Runner:
    return Runner(store, ignore, total_weight=1.0)


def test_keys_are_pinned() -> None:
    assert key_of("align", "0.1.0", {"b": 1, "a": "x"}) == key_of("align", "0.1.0", {"a": "x", "b": 1})
    assert (
        key_of("align", "0.1.0", {"a": 1})
        == "3e725c7c9335f5e2c6e8f027e307d6618175186b4e62d9dd17bf75643d7c7620"
    )


def test_work_is_done_once(store: Store) -> None:
    calls: list[int] = []

    def work(folder: Path, ticker: Ticker) -> Outcome:
        calls.append(1)
        (folder / "a.txt").write_text("x")
        ticker.tell(1.0)
        return Outcome((Check.equal("frames", "a", 1, 1),), {"n": 1}, (Notice("told"),))

    first = runner(store).run("align a", inputs={"x": 1}, work=work)
    again = runner(store)
    second = again.run("align b", inputs={"x": 1}, work=work)
    assert len(calls) == 1
    assert second.outcome == first.outcome
    assert second.file("a.txt").read_text() == "x"
    assert again.cache_hits == ["align b"]
    runner(store).run("align a", inputs={"x": 2}, work=work)
    assert len(calls) == 2


def test_a_failed_error_leaves_nothing(store: Store) -> None:
    def work(folder: Path, _ticker: Ticker) -> Outcome:
        (folder / "a.txt").write_text("x")
        return Outcome((Check.equal("frames", "a", 1, 2),))

    run = runner(store)
    with pytest.raises(CheckFailedError, match="asked for 2"):
        run.run("align a", inputs={}, work=work)
    assert store.size() == (0, 0)
    assert run.steps(["align a"])[0].status == "failed"


def test_a_failed_warning_goes_on(store: Store) -> None:
    check = Check.equal("frames", "a", 1, 2, severity=Severity.WARNING)
    result = runner(store).run("align a", inputs={}, work=lambda _f, _t: Outcome((check,)))
    assert result.outcome.checks == (check,)


def test_an_exception_leaves_nothing(store: Store) -> None:
    def work(folder: Path, _ticker: Ticker) -> Outcome:
        (folder / "half.wav").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner(store).run("align a", inputs={}, work=work)
    assert store.size() == (0, 0)
    assert list((store.settings.folder / "tmp").iterdir()) == []


def test_an_edited_result_is_no_result(store: Store) -> None:
    def work(folder: Path, _ticker: Ticker) -> Outcome:
        (folder / "a.txt").write_text("x")
        return Outcome()

    result = runner(store).run("align a", inputs={}, work=work)
    result.file("a.txt").write_text("edited")
    assert store.find(result.key) is None
    assert runner(store).run("align a", inputs={}, work=work).file("a.txt").read_text() == "x"


def keep(store: Store, name: str, size: int, used_at: int) -> str:
    folder = store.workspace()
    (folder / "data").write_bytes(b"0" * size)
    key = key_of(name, "1", {})
    entry = store.keep(key, folder, {})
    os.utime(entry.folder, (used_at, used_at))
    return key


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    store = Store(StoreSettings(tmp_path, max_bytes=2600))
    old, middle, new = (keep(store, name, 1000, used) for name, used in (("a", 3), ("b", 2), ("c", 1)))
    store.find(new)  # looking it up makes it the most recently used
    assert store.trim() >= 1000
    assert store.find(middle) is None
    assert store.find(old) is not None
    assert store.find(new) is not None


def test_nothing_goes_while_a_run_uses_the_store(tmp_path: Path) -> None:
    store = Store(StoreSettings(tmp_path, max_bytes=0))
    keep(store, "a", 10, 1)
    with store.in_use():
        assert store.trim() == 0
        with pytest.raises(RefusedError, match="A run is using the store"):
            store.clear()
    assert store.clear() > 0
    assert store.size() == (0, 0)


def test_workspaces_of_dead_processes_are_swept(tmp_path: Path) -> None:
    dead = tmp_path / "tmp" / "4194999-x"
    mine = tmp_path / "tmp" / f"{os.getpid()}-x"
    for folder in (dead, mine):
        folder.mkdir(parents=True)
    Store(StoreSettings(tmp_path))
    assert not dead.exists()
    assert mine.exists()


def test_a_store_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be used"):
        Store(StoreSettings(tmp_path / "file"))


def test_settings_are_kept_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("STEMWRIGHT_STORE", raising=False)
    monkeypatch.delenv("STEMWRIGHT_STORE_GIB", raising=False)
    state = change_store(folder=tmp_path / "s", max_gib=1.5)
    assert (state.entries, state.bytes_used, state.max_bytes) == (0, 0, 1_610_612_736)
    assert load_store_settings() == StoreSettings(tmp_path / "s", 1_610_612_736)
    monkeypatch.setenv("STEMWRIGHT_STORE", str(tmp_path / "other"))
    assert load_store_settings().folder == tmp_path / "other"


def test_a_ticker_stops_a_cancelled_run(store: Store) -> None:
    told: list[Event] = []
    run = Runner(store, told.append, total_weight=1.0)
    ticker = run.ticker("mix")
    for step in range(1000):
        ticker.tell(step / 999)
    assert 90 <= len(told) <= 101
    assert told[-1] == Progress("mix", 1.0)
    run.cancelled.set()
    with pytest.raises(Cancelled):
        ticker.tell(0.5)


def test_some_entries_can_be_forgotten(store: Store) -> None:
    keys = [
        runner(store).run(f"align {name}", inputs={"name": name}, work=lambda *_: Outcome()).key
        for name in ("old", "used since", "of another job")
    ]
    for key, used_s in zip(keys, (100.0, 300.0, 100.0), strict=True):
        os.utime(store.settings.folder / "objects" / key, (used_s, used_s))
    outside = store.settings.folder / "keep.txt"
    outside.write_text("x")

    assert store.forget([*keys[:2], "../keep.txt", "f" * 64], unused_since_s=200.0)
    assert [store.find(key) is not None for key in keys] == [False, True, True]
    assert outside.exists()


def test_nothing_is_forgotten_while_a_run_uses_the_store(store: Store) -> None:
    key = runner(store).run("align a", inputs={}, work=lambda *_: Outcome()).key
    with store.in_use():
        assert not store.forget([key], unused_since_s=2**40)
    assert store.find(key) is not None
    assert store.forget([key], unused_since_s=2**40)
    assert store.find(key) is None
