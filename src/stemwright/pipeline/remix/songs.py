"""Steps 1 and 2 of the text for one song: decode, take apart, understand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stemwright.audio import SourceSum, iter_blocks
from stemwright.checks import Notice
from stemwright.dsp.loudness import measure
from stemwright.errors import InputError
from stemwright.io.decode import decode_to
from stemwright.io.reader import open_audio
from stemwright.io.sort_out import is_audio_name
from stemwright.io.tags import clean_text
from stemwright.io.writer import write_audio
from stemwright.pipeline.digests import folder_sha256, remembered_sha256
from stemwright.pipeline.events import Announced, Ticker
from stemwright.pipeline.remix.session import SAMPLE_RATE_HZ, RemixOptions, Song, SongRequest
from stemwright.pipeline.step import Outcome, Result, Runner, Work
from stemwright.pipeline.store import Store
from stemwright.planning.plan import SongId
from stemwright.separation import choose_separator, stems_from_folder
from stemwright.songs import SongFacts, SongStem
from stemwright.units import SILENCE_DB

__all__ = ["SongSteps", "heard_stems", "prepare_song", "song_title", "song_word"]

DECODED = "song.wav"
SHORTEST_S = 8.0
SILENT_LUFS = -60.0
TITLE_CHARACTERS = 80
SILENT_STEM_DB = -80.0
"""A stem this far under its song is left out: nobody hears it, and stretching it costs as much as any."""


def song_word(song: SongId) -> str:
    """Return how people call a song: ``"song A"``."""
    return f"song {song.value[-1].upper()}"


def prepare_song(runner: Runner, *, song: SongId, request: SongRequest, options: RemixOptions) -> Song:
    """Decode a song, take it apart and analyse it; what was done once is not done again.

    Raises
    ------
    InputError
        When it can't be used: unreadable, silent, too short; or its stems are not its own.
    """
    work = SongSteps(song, request, options, runner)
    decoded = work.decode()
    require_usable(decoded, song_word(song))
    separated = work.separate(decoded)
    stems = heard_stems(separated)
    analyzed = work.analyze(decoded, separated, stems)
    facts = SongFacts.from_dict(analyzed.outcome.details["facts"])
    title = song_title(request)
    return Song(song, title, facts.sha256, decoded.file(DECODED), stems, separated.key, facts, analyzed.key)


def require_usable(decoded: Result, subject: str) -> None:
    """Raise `InputError` unless a song has a few bars that can be heard."""
    seconds, lufs = (float(decoded.outcome.details[name]) for name in ("duration_s", "loudness_lufs"))
    if seconds < SHORTEST_S:
        raise InputError(
            f"{subject[0].upper()}{subject[1:]} is {seconds:.1f} s long; a remix needs at least "
            f"{SHORTEST_S:g} s of each song.",
            way_out="Give a longer excerpt.",
        )
    if lufs < SILENT_LUFS:
        raise InputError(
            f"{subject[0].upper()}{subject[1:]} is silent ({lufs:.0f} LUFS).", way_out="Is it the right file?"
        )


def _heard(path: Path) -> dict[str, float]:
    """Measure how long and how loud a song is."""
    with open_audio(path) as file:
        loudness = measure(file, true_peak=False).integrated_lufs
        lufs = SILENCE_DB if loudness is None else loudness
        return {"duration_s": file.frames / file.sample_rate, "loudness_lufs": lufs}


def heard_stems(separated: Result) -> dict[SongStem, Path]:
    """Return the stems that somebody could hear."""
    return {
        SongStem(name): separated.file(f"{name}.wav")
        for name, level_db in separated.outcome.details["levels_db"].items()
        if level_db > SILENT_STEM_DB
    }


class SongSteps:
    """The three steps of one song."""

    def __init__(self, song: SongId, request: SongRequest, options: RemixOptions, runner: Runner) -> None:
        self.request = request
        self.options = options
        self.runner = runner
        self.subject = song_word(song)

    def decode(self) -> Result:
        """Bring the song to 44.1 kHz stereo float; without one, the sum of its stems is the song."""
        given = self.request.path or self.request.stems
        if given is None:
            raise InputError(f"{self.subject}: neither a file nor a folder of stems was given.")
        digest = _digest(given, self.runner.store)
        read = self._sum_stems if given.is_dir() else self._decode

        def work(into: Path, ticker: Ticker) -> Outcome:
            with _naming(given):
                notices = read(given, into, ticker)
                return Outcome((), {"sha256": digest, **_heard(into / DECODED)}, notices)

        return self._run("decode", inputs={"sha256": digest}, work=work)

    def _run(self, step: str, *, inputs: Mapping[str, Any], work: Work, weight: float = 1.0) -> Result:
        """Run a step of this song; who did it for the same song before may have called it the other one."""
        name = f"{step} {self.subject}"
        return self.runner.run(name, inputs=inputs, work=work, weight=weight, subject=self.subject)

    def _decode(self, path: Path, into: Path, ticker: Ticker) -> tuple[Notice, ...]:
        decoded = decode_to(path, into / DECODED, sample_rate=SAMPLE_RATE_HZ, channels=2, watch=ticker.watch)
        return self._about(decoded.notices)

    def _sum_stems(self, folder: Path, into: Path, ticker: Ticker) -> tuple[Notice, ...]:
        with TemporaryDirectory(dir=into) as scratch, ExitStack() as stack:
            given = stems_from_folder(folder, into=Path(scratch), watch=lambda done: ticker.tell(done / 2))
            files = tuple(stack.enter_context(open_audio(path)) for path in given.files.values())
            blocks = ticker.watch(iter_blocks(SourceSum(files)), given.frames, start=0.5, share=0.5)
            write_audio(into / DECODED, blocks, sample_rate=SAMPLE_RATE_HZ, channels=2)
        return self._about([Notice("Only its stems were given: the song is their sum.")])

    def separate(self, decoded: Result) -> Result:
        """Take the song apart, or bring its given stems to its form."""
        folder = self.request.stems
        separator = None if folder else choose_separator(self.options.separator, model=self.options.model)
        source = (
            {"given": _digest(folder, self.runner.store)}
            if folder
            else {"separator": separator.key if separator else ""}
        )

        def work(into: Path, ticker: Ticker) -> Outcome:
            with open_audio(decoded.file(DECODED)) as song:
                if separator is not None:
                    found = separator.separate(song, into=into, watch=ticker.tell, announce=self._announce)
                else:
                    found = stems_from_folder(folder or Path(), into=into, song=song, watch=ticker.tell)
            checks = tuple(replace(check, subject=self.subject) for check in found.checks)
            return Outcome(checks, found.details, self._about(found.notices))

        inputs = {"song": decoded.key, **source}
        return self._run("separate", inputs=inputs, work=work, weight=12.0)

    def analyze(self, decoded: Result, separated: Result | None, stems: Mapping[SongStem, Path]) -> Result:
        """Find tempo, beats, key, energy, voice, groove and form; with stems more than without."""
        from stemwright.analysis import analyze_song, checks_of

        overrides, engine = self.request.overrides, self.options.engine

        def work(_into: Path, _ticker: Ticker) -> Outcome:
            with ExitStack() as stack:
                facts = analyze_song(
                    stack.enter_context(open_audio(decoded.file(DECODED))),
                    sha256=str(decoded.outcome.details["sha256"]),
                    stems={name: stack.enter_context(open_audio(path)) for name, path in stems.items()},
                    overrides=overrides,
                    engine=engine,
                )
            checks = tuple(replace(check, subject=self.subject) for check in checks_of(facts))
            notices = tuple(Notice(text, self.subject) for text in facts.notices)
            return Outcome(checks, {"facts": facts.as_dict()}, notices)

        source = decoded if separated is None else separated
        inputs = {"from": source.key, "overrides": asdict(overrides), "engine": engine}
        return self._run("analyze", inputs=inputs, work=work, weight=4.0)

    def _announce(self, notice: Notice) -> None:
        self.runner.listener(Announced(replace(notice, subject=self.subject)))

    def _about(self, notices: Iterable[Notice]) -> tuple[Notice, ...]:
        return tuple(replace(notice, subject=self.subject) for notice in notices)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in what is wrong with its samples; the rooms that found it saw only those."""
    try:
        yield
    except InputError as error:
        if path.name in error.message:
            raise
        way_out = error.way_out or "Export it again."
        raise type(error)(f"{path.name}: {error.message}", way_out=way_out) from error


def _digest(path: Path, store: Store) -> str:
    """Digest of a file, or of every audio file of a folder with its name."""
    if not path.exists():
        raise InputError(f"{path} does not exist.", way_out="Is the path spelled right?")
    if not path.is_dir():
        return remembered_sha256(path, store)
    files = (file for file in path.rglob("*") if file.is_file() and is_audio_name(file.name))
    return folder_sha256(path, files, store)


def song_title(request: SongRequest) -> str:
    """Title from the tags, else the name of the file or folder; hostile until escaped."""
    tags: dict[str, str] = {}
    if request.path is not None:
        with open_audio(request.path) as file:
            tags = dict(file.info.tags)
    name = request.path.stem if request.path is not None else (request.stems or Path()).name
    return clean_text(tags.get("title") or name, max_characters=TITLE_CHARACTERS) or "untitled"
