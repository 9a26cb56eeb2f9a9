"""Is what people ask for what is heard? Prompts of the planner's table, rendered; every clause measured.

Two songs of about a minute with their stems, one store. A row passes when the plan promises what the table
expects, every clause check of the report passed, and the delivered files say the same to a second reader.

python -m bench.prompts
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import soundfile as sf

from bench.harness import Row, show
from bench.songs import NIGHT, TIDE, make_song

if TYPE_CHECKING:
    from planning.prompts import Case
    from stemwright.pipeline.remix import Remix
    from stemwright.planning.plan import Clause

PROMPTS = (
    "Vocals from A over B's beat",
    "Put song B's vocals over the instrumental of song A.",
    "use the drums from the first song and everything else from the second, vocals from the second",
    "A's vocals, B's drums, 90 seconds",
    "bass of A under the drums of B",
    "no drums in the intro",
    "only vocals in the breakdown",
    "Start with just the drums and end on the chorus",
    "vocals louder, bass quieter",
    "make the drums louder in the breakdown",
    "instrumental only, no vocals please",
    "intro, verse, chorus, bridge, chorus, outro",
    "drop the drums before the last chorus",
    "swap the drums halfway",
    "DJ style club mix with a big drop",
    "acapella intro, then drop the beat",
    "ambient version without drums",
    "vocals from both songs",
    "120 bpm",
    "a bit faster please",
    "slow it down",
    "in A minor",
    "don't touch the key",
    "keep it short",
    "alternate the singers",
    "both singing together",
    "voclas from song a, durms from song b",
    "Gesang von Song B über das Schlagzeug von Song A, ohne Bass, 90 Sekunden",
    "everything except the drums",
    "drums not too loud",
)
SILENT_DBFS = -80.0
LIMIT_CPU_S = 240.0


def cases() -> Iterator[Case]:
    """Look up the prompts in the planner's table; one that is no longer there is an error."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from planning.prompts import CASES

    table = {case.prompt: case for case in CASES}
    for prompt in PROMPTS:
        yield table[prompt]


def level_dbfs(path: Path, part: slice = slice(None)) -> float:
    """RMS of a delivered stem, or of a part of it; silence where there is none."""
    if not path.exists():
        return -200.0
    samples: npt.NDArray[np.float64] = sf.read(path, dtype="float64", always_2d=True)[0][part]
    return float(10 * np.log10(np.mean(samples**2) + 1e-20))


def heard(folder: Path, stem: str, song: str, part: slice = slice(None)) -> bool:
    """Whether a stem of a song ("a", "b", or "ab" for either) is heard."""
    return any(level_dbfs(folder / f"stems/{one}_{stem}.wav", part) > SILENT_DBFS for one in song)


def contradiction(clause: Clause, folder: Path) -> str:
    """Read the delivered files against a clause, with nothing of stemwright; empty when they agree."""
    song = clause.song.value[-1] if clause.song else "ab"
    stem = "vocals" if clause.kind == "vocals_from" else str(clause.stem)
    if clause.section is None and clause.kind == "without" and heard(folder, stem, "ab"):
        return f"{stem} is heard"
    if clause.kind in ("vocals_from", "stem_from") and clause.section is None:
        other = "b" if song == "a" else "a"
        if heard(folder, stem, other) or not heard(folder, stem, song):
            return f"{stem} is not {song}'s alone"
    if clause.kind == "present" and not heard(folder, stem, song):
        return f"{stem} of {song} is silent"
    if clause.kind == "starts_with" and clause.stem is not None:
        names = {path.stem.partition("_")[2] for path in (folder / "stems").iterdir()} - {stem}
        if any(heard(folder, name, "ab", slice(0, 44_100)) for name in names):
            return f"more than {stem} in the first second"
    if clause.kind.startswith("length_at") and clause.value is not None:
        seconds = sf.info(folder / "mix.wav").duration
        if (seconds < clause.value) if clause.kind == "length_at_least_s" else (seconds > clause.value):
            return f"{seconds:.1f} s long"
    return ""


def broken(case: Case, made: Remix) -> list[str]:
    """Everything about a remix that is not what was asked."""
    promised = made.plan.clauses
    missing = [
        f"no clause {kind}"
        for kind, fields in case.expects
        if not any(
            clause.kind is kind
            and all(getattr(clause, name) == value for name, value in fields.items() if name != "value")
            for clause in promised
        )
    ]
    asked = [check for check in made.report.checks if check.subject == "prompt"]
    unmet = [check.sentence() for check in asked if not check.passed]
    silent = [] if len(asked) == len(promised) else [f"{len(promised)} clauses, {len(asked)} checks"]
    other = [said for clause in promised if (said := contradiction(clause, made.folder))]
    return [*missing, *unmet, *silent, *other]


def rows() -> list[Row]:
    """Render every prompt."""
    from stemwright.pipeline.remix import RemixOptions, SongRequest, remix
    from stemwright.pipeline.store import Store, StoreSettings

    found = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        masters = [make_song(one, folder / one.title, rounds=1) for one in (NIGHT, TIDE)]
        songs = [SongRequest(path, path.parent / "stems") for path in masters]
        store = Store(StoreSettings(folder / "store"))
        options = RemixOptions(out=folder / "out", planner="offline", report_page=False, pack=False)
        started, children = time.process_time(), _children_s()
        for case in cases():
            made = remix(songs[0], songs[1], case.prompt, options=options, store=store)
            wrong = broken(case, made)
            said = "; ".join(wrong) or f"{len(made.plan.clauses)} clauses as asked"
            found.append(Row(f'"{case.prompt}"', said, "all clauses heard", not wrong))
        spent = time.process_time() - started + _children_s() - children
    return [*found, Row("all of them, CPU", f"{spent:.0f} s", f"≤ {LIMIT_CPU_S:g} s", spent <= LIMIT_CPU_S)]


def _children_s() -> float:
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(show("Prompts against the rendered audio", rows()))
