"""The second process: same bytes, same errors, same events; told when it ends where it should not."""

import os
import pickle
import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemwright.audio import Samples
from stemwright.checks import Check
from stemwright.errors import CheckFailedError, InternalError, SpecError, StemwrightError, UnreadableError
from stemwright.io.writer import write_audio
from stemwright.pipeline import worker
from stemwright.pipeline.crew import Crew, Job
from stemwright.pipeline.events import Cancelled, Event, Progress, StepFinished, StepStarted, Ticker
from stemwright.pipeline.produce import ProduceOptions, produce
from stemwright.pipeline.step import Outcome, Runner
from stemwright.pipeline.store import Store, StoreSettings
from stemwright.pipeline.together import Next, Several
from stemwright.pipeline.worker import Order, Worker, hired, standing_by

HERE = [__name__]
FAILED = Check("true peak", "mix", 1.0, "dBTP", "≤ 0", passed=False)


class OddError(Exception):
    """An error whose constructor takes more than it keeps: pickle can't make it again."""

    def __init__(self, what: str, *, where: str) -> None:
        super().__init__(f"{what} in {where}")


def process_of(_runner: Runner) -> int:
    print("libraries print things")  # noqa: T201 - what must not get between the answers
    return os.getpid()


def meeting(folder: Path, _runner: Runner) -> int:
    """Wait for the other hand: only two processes can meet here."""
    (folder / f"here-{os.getpid()}").touch()
    for _ in range(3_000):
        if len(list(folder.glob("here-*"))) > 1:
            break
        time.sleep(0.01)
    return os.getpid()


def a_step(name: str, runner: Runner) -> int:
    def work(folder: Path, ticker: Ticker) -> Outcome:
        (folder / "made").write_text(name)
        ticker.tell(0.5)
        return Outcome(details={"process": os.getpid()})

    result = runner.run(name, inputs={}, work=work)
    return int(result.outcome.details["process"])


def raising(error: Exception, _runner: Runner) -> None:
    raise error


def raising_odd(_runner: Runner) -> None:
    raise OddError("a fault", where="there")


def dying(_runner: Runner) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def waiting(folder: Path, runner: Runner) -> None:
    """Work until the run is cancelled."""

    def work(workspace: Path, ticker: Ticker) -> Outcome:
        (workspace / "half").write_text("made")
        (folder / f"started-{os.getpid()}").touch()
        for nap in range(3_000):
            time.sleep(0.01)
            ticker.tell(nap / 3_000)
        return Outcome()

    runner.run("wait", inputs={}, work=work)


def failing_beside(folder: Path, _runner: Runner) -> None:
    """Fail as soon as the other hand is at work."""
    for _ in range(3_000):
        if list(folder.glob("started-*")):
            raise UnreadableError("a file is bad")
        time.sleep(0.01)


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def runner(tmp_path: Path, told: list[Event]) -> Runner:
    return Runner(Store(StoreSettings(tmp_path / "store")), told.append, total_weight=2.0)


@pytest.mark.parametrize(
    "error",
    [SpecError("line 3 is wrong", way_out="Mend it."), CheckFailedError([FAILED]), InternalError("ours")],
)
def test_errors_travel_whole(error: StemwrightError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.way_out, again.exit_code) == (str(error), error.way_out, error.exit_code)
    assert getattr(again, "checks", ()) == getattr(error, "checks", ())


def test_jobs_are_done_here_and_there_and_told_alike(
    runner: Runner, told: list[Event], tmp_path: Path
) -> None:
    with hired(HERE, wanted=True) as worker:
        assert worker is not None
        there = worker.run(partial(a_step, "one"), runner)
        assert worker.run(process_of, runner) == there != os.getpid()
        met = Crew(runner, worker).run([partial(meeting, tmp_path)] * 2)
        assert set(met) == {os.getpid(), there}
    names = [(type(event), getattr(event, "name", "")) for event in told]
    assert names == [(StepStarted, "one"), (Progress, "one"), (StepFinished, "one")]
    (step,) = runner.steps(["one"])
    assert step.details == {"process": there}
    assert a_step("one", runner) == there  # it is in the store
    assert runner.cache_hits == ["one"]


@pytest.mark.parametrize(
    "error", [SpecError("no", way_out="Yes."), CheckFailedError([FAILED]), KeyError("x")]
)
def test_an_error_over_there_is_raised_here(error: Exception, runner: Runner) -> None:
    with hired(HERE, wanted=True) as worker:
        assert worker is not None
        with pytest.raises(type(error)) as caught:
            worker.run(partial(raising, error), runner)
        assert str(caught.value) == str(error)
        assert "in raising" in "".join(caught.value.__notes__)  # where it came from
        assert worker.run(process_of, runner) != os.getpid()  # and it goes on


def test_an_error_that_cannot_travel_is_told(runner: Runner) -> None:
    with hired(HERE, wanted=True) as worker:
        assert worker is not None
        with pytest.raises(InternalError, match="OddError: a fault in there"):
            worker.run(raising_odd, runner)


def test_a_worker_that_dies_is_told_in_plain_words(runner: Runner) -> None:
    with hired(HERE, wanted=True) as worker:
        assert worker is not None
        with pytest.raises(InternalError, match=r"signal 9 \(SIGKILL\).*Finished steps are kept"):
            worker.run(dying, runner)
        with pytest.raises(InternalError, match="second process"):
            worker.run(process_of, runner)


def test_a_failure_here_stops_the_work_there(runner: Runner, tmp_path: Path) -> None:
    with hired(HERE, wanted=True) as worker:
        jobs = [partial(waiting, tmp_path), partial(failing_beside, tmp_path)]
        started = time.monotonic()
        with pytest.raises(UnreadableError, match="a file is bad"):
            Crew(runner, worker).run(jobs)
        assert time.monotonic() - started < 20
    assert not list((tmp_path / "store" / "tmp").iterdir())  # nothing half-made is left


def test_a_cancelled_run_stops_the_work_there(runner: Runner, tmp_path: Path) -> None:
    with hired(HERE, wanted=True) as worker:
        assert worker is not None
        threading.Timer(0.5, runner.cancelled.set).start()
        with pytest.raises(Cancelled):
            worker.run(partial(waiting, tmp_path), runner)
    assert not list((tmp_path / "store" / "tmp").iterdir())


def test_without_a_process_the_work_is_done_here(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr("subprocess.Popen", refused)
    with hired(HERE, wanted=True) as worker:
        assert worker is None
        assert Crew(runner, worker).run([process_of]) == [os.getpid()]


def test_no_process_is_left_behind() -> None:
    worker = Worker()
    process = worker._process
    worker.close()
    assert process.poll() == 0
    idle = Worker(HERE)
    idle.dismiss()
    idle.close()
    assert idle._process.poll() == -signal.SIGKILL


def counting(done: tuple[int, ...], runner: Runner) -> tuple[int, ...] | Next[tuple[int, ...]]:
    """Count to five, every number as a job of its own."""
    done = (*done, len(done))
    return done if len(done) == 5 else Next(partial(counting, done))


def failing_at_three(done: int, _runner: Runner) -> Next[int]:
    if done == 3:
        raise UnreadableError("three is bad")
    return Next(partial(failing_at_three, done + 1))


@pytest.mark.parametrize("wanted", [False, True])
def test_a_job_goes_on_as_another_in_any_hand(runner: Runner, *, wanted: bool) -> None:
    with hired(HERE, wanted=wanted) as worker:
        crew = Crew(runner, worker)
        assert crew.run([partial(counting, ())] * 3) == [(0, 1, 2, 3, 4)] * 3
        with pytest.raises(UnreadableError, match="three is bad"):
            jobs: list[Job[Any]] = [partial(counting, ()), partial(failing_at_three, 0)]
            crew.run(jobs)


def spreading(numbers: tuple[int, ...], _runner: Runner) -> Several[Any]:
    """Go on as a job for each number, which counts."""
    return Several([partial(counting, (number,) * number) for number in numbers])


@pytest.mark.parametrize("wanted", [False, True])
def test_a_job_goes_on_as_several_whose_results_stand_in_order(runner: Runner, *, wanted: bool) -> None:
    with hired(HERE, wanted=wanted) as worker:
        crew = Crew(runner, worker)
        jobs: list[Job[Any]] = [partial(spreading, (1, 3, 0)), partial(counting, ()), partial(spreading, ())]
        assert crew.run(jobs) == [[(1, 1, 2, 3, 4), (3, 3, 3, 3, 4), (0, 1, 2, 3, 4)], (0, 1, 2, 3, 4), []]


def stopping(_runner: Runner) -> Several[Any]:
    return Several([partial(counting, ()), partial(failing_at_three, 0), partial(counting, ())])


def test_one_of_several_that_fails_stops_all(runner: Runner) -> None:
    with hired(HERE, wanted=True) as worker, pytest.raises(UnreadableError, match="three is bad"):
        Crew(runner, worker).run([stopping])
    assert runner.cancelled.is_set()


def test_a_worker_whose_parent_is_gone_leaves_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(HERE)
    worker._wait_until_ready()
    store = StoreSettings(tmp_path / "store")
    worker._send(Order(partial(waiting, tmp_path), store, total_weight=1.0))
    for pipe in (worker._process.stdin, worker._process.stdout):
        assert pipe is not None
        pipe.close()
    assert worker._process.wait(20) == 0
    assert not capfd.readouterr().err
    assert not list((store.folder / "tmp").iterdir())


SPEC = """\
title = "Two hands"
bpm = 120
key = "A minor"
sample_rate = 48000
channels = 1
subtype = "PCM_24"
[sections]
verse = 16
[[stem]]
name = "bass"
effects = [{ type = "lowpass", cutoff_hz = 8000 }]
score = { instrument = "Electric Bass (finger)", pattern = "octaves", chords = "Am F C G" }
[[stem]]
name = "drums"
drums = { pattern = "rock" }
"""


WITH_TAKE = SPEC + '[[stem]]\nname = "keys"\nfile = "take.wav"\n'


def produced(
    folder: Path, processes: int, spec: str = SPEC, *, take: Samples | None = None
) -> tuple[bytes, list[Event]]:
    folder.mkdir()
    if take is not None:
        write_audio(folder / "take.wav", [take], sample_rate=48_000, channels=1)
    (folder / "spec.toml").write_text(spec)
    told: list[Event] = []
    options = ProduceOptions(out=folder / "out", processes=processes)
    store = Store(StoreSettings(folder / "store"))
    produce(folder / "spec.toml", options=options, store=store, listener=told.append)
    return (folder / "out" / "Two hands.zip").read_bytes(), told


def test_one_process_or_two_make_the_same_bytes(tmp_path: Path) -> None:
    one, told_by_one = produced(tmp_path / "one", 1)
    two, told_by_two = produced(tmp_path / "two", 2)
    assert one == two
    finished = [
        sorted(event.name for event in told if isinstance(event, StepFinished))
        for told in (told_by_one, told_by_two)
    ]
    assert finished[0] == finished[1]


def test_a_check_that_fails_fails_the_run_with_the_same_words(tmp_path: Path) -> None:
    said = []
    for name, processes in (("one", 1), ("two", 2)):
        with pytest.raises(CheckFailedError) as caught:
            produced(tmp_path / name, processes, WITH_TAKE, take=np.zeros((1, 96_000), np.float32))
        said.append((str(caught.value), caught.value.checks))
        assert not (tmp_path / name / "out" / "Two hands.zip").exists()
        assert not list((tmp_path / name / "store" / "tmp").iterdir())
    assert said[0] == said[1]
    assert said[0][0].startswith("keys: not silent")


def test_a_process_that_stands_by_is_taken(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "cores", lambda: 2)
    with standing_by(HERE):
        (early,) = worker._standing
        with hired(HERE, wanted=True) as taken:
            assert taken is early
            assert early.run(process_of, runner) == early._process.pid
        assert early._process.returncode == 0
    assert not worker._standing


def test_a_process_that_nobody_took_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "cores", lambda: 2)
    with pytest.raises(ValueError, match="no run"), standing_by(HERE):
        (early,) = worker._standing
        with hired(HERE, wanted=False) as taken:
            assert taken is None
        raise ValueError("no run came of it")
    assert early._process.returncode is not None
    assert not worker._standing


def test_on_one_core_nobody_stands_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "cores", lambda: 1)
    with standing_by(HERE):
        assert not worker._standing
