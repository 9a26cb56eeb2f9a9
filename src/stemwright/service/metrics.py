"""What is counted, in the text format of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

__all__ = ["Metrics"]


class Metrics:
    """Counts answers, jobs and steps; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self._submitted: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._uploaded_bytes = 0

    def answered(self, status: int) -> None:
        """Count an answer by the class of its status."""
        with self._lock:
            self._answers[f"{status // 100}xx"] += 1

    def submitted(self, kind: str) -> None:
        """Count a job."""
        with self._lock:
            self._submitted[kind] += 1

    def refused(self, why: str) -> None:
        """Count a refusal."""
        with self._lock:
            self._refused[why] += 1

    def uploaded(self, count: int) -> None:
        """Count bytes."""
        with self._lock:
            self._uploaded_bytes += count

    def text(self, *, jobs: Mapping[str, int], streams: int, steps: Mapping[str, tuple[int, float]]) -> str:
        """Write everything.

        Parameters
        ----------
        jobs : Mapping of str to int
            Jobs by status.
        streams : int
            Open event streams.
        steps : Mapping of str to (int, float)
            How often each step ran, and its seconds in all.
        """
        with self._lock:
            lines = [
                *_family(
                    "stemwright_answers_total",
                    "counter",
                    "Answers by class of status.",
                    "status",
                    self._answers,
                ),
                *_family(
                    "stemwright_jobs_submitted_total", "counter", "Jobs taken on.", "kind", self._submitted
                ),
                *_family(
                    "stemwright_refused_total", "counter", "Requests refused early.", "why", self._refused
                ),
                *_plain(
                    "stemwright_uploaded_bytes_total", "counter", "Bytes uploaded.", self._uploaded_bytes
                ),
            ]
        count = {name: number for name, (number, _) in steps.items()}
        seconds = {name: round(total, 6) for name, (_, total) in steps.items()}
        lines += [
            *_family("stemwright_jobs", "gauge", "Jobs that are known, by status.", "status", jobs),
            *_plain("stemwright_event_streams", "gauge", "Open event streams.", streams),
            *_family("stemwright_step_runs_total", "counter", "Steps that ran.", "step", count),
            *_family("stemwright_step_seconds_total", "counter", "Seconds in steps.", "step", seconds),
        ]
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, about: str, label: str, values: Mapping[str, float]) -> Iterable[str]:
    yield from _head(name, kind, about)
    for value, number in sorted(values.items()):
        yield f'{name}{{{label}="{_escaped(value)}"}} {number}'


def _plain(name: str, kind: str, about: str, value: float) -> Iterable[str]:
    yield from _head(name, kind, about)
    yield f"{name} {value}"


def _head(name: str, kind: str, about: str) -> Iterable[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
