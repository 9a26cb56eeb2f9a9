"""The bench's scorer against mir_eval's own expected scores, and the bars on the corpus."""

import json
from pathlib import Path

import numpy as np
import pytest
from bench.rhythm import f_measure, right_tempo, rows, score, songs

from signals import corpus


def times(path: Path) -> list[float]:
    return [float(line.split()[0]) for line in path.read_text().splitlines() if line[:1].isdigit()]


def test_the_scorer_agrees_with_mir_eval() -> None:
    folder = corpus("annotations", "mir_eval", "beat")
    outputs = sorted(folder.glob("output*.json"))
    assert len(outputs) >= 10
    for output in outputs:
        number = output.stem.removeprefix("output")
        expected = json.loads(output.read_text())["F-measure"]
        reference, estimate = (times(folder / f"{kind}{number}.txt") for kind in ("ref", "est"))
        assert f_measure(reference, estimate) == pytest.approx(expected, abs=1e-9)


def test_the_scorer_on_closed_forms() -> None:
    beats = list(np.arange(0.0, 60.0, 0.5))
    assert f_measure(beats, beats) == 1.0
    assert f_measure(beats, [beat + 0.0699 for beat in beats]) == pytest.approx(1.0, abs=0.01)
    assert f_measure(beats, [beat + 0.0701 for beat in beats]) == 0.0
    assert f_measure(beats, beats[::2]) == pytest.approx(2 / 3, abs=0.01)
    assert f_measure(beats, []) == 0.0
    assert right_tempo(124.0, 120.0, (1.0,))
    assert not right_tempo(126.0, 120.0, (1.0,))
    assert right_tempo(61.0, 120.0, (1.0, 0.5))


def test_the_renders_are_exact() -> None:
    corpus("stems", "render")
    scored = [score(song, with_stems=False) for song in songs() if song.name in ("dev_r03", "dev_r05")]
    assert len(scored) == 2
    for one in scored:
        assert one.acc1
        assert one.median_ms is not None
        assert one.p95_ms is not None
        assert one.downbeat_f is not None
        assert abs(one.median_ms) < 5
        assert one.p95_ms < 10
        assert one.downbeat_f > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("with_stems", [False, True])
def test_the_corpus_reaches_the_bars(with_stems: bool) -> None:
    corpus("real")
    found = rows(with_stems=with_stems)
    assert len(found) == 5
    assert [row.name for row in found if not row.passed] == []
