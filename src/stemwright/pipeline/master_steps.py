"""Step 7 of the text, second half: the master, in every format that was asked for.

A lossy encoder moves peaks: the file is decoded again and measured, and where it goes over the ceiling the
limiter is set lower and everything is rendered once more, so that loudness and ceiling hold in every format.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from stemwright.audio import AudioSource, iter_blocks
from stemwright.checks import Check
from stemwright.dsp.loudness import Loudness, measure
from stemwright.errors import InternalError
from stemwright.io.files import sha256_of
from stemwright.io.reader import AudioFile, open_audio
from stemwright.io.writer import write_audio, write_mp3
from stemwright.mastering import MasterPlan, MasterSettings, check_master, plan_master, render_master
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.mix_steps import MIX
from stemwright.pipeline.session import Session
from stemwright.pipeline.step import Outcome, Result

__all__ = ["MASTER", "MasterFiles", "make_master", "master_mix"]

MASTER = "master"
MAX_ROUNDS = 5
LOSSY_MARGIN_DB = 0.2
STEP_MARGIN_DB = 0.02


class MasterFiles:
    """Render a master into a folder, in several formats.

    Parameters
    ----------
    folder : Path
        Where ``master.wav``, ``master.flac`` and ``master.mp3`` go.
    formats : Sequence[str]
        ``"wav"`` is always made; others are made from it.
    subtype : str
        Of the WAV; FLAC gets 24 bits where the WAV is float.
    tags : dict
        For the MP3 and FLAC.
    """

    def __init__(self, folder: Path, *, formats: Sequence[str], subtype: str, tags: dict[str, str]) -> None:
        self.folder = folder
        self.formats = formats
        self.subtype = subtype
        self.tags = tags

    def path(self, suffix: str) -> Path:
        """Path of one format."""
        return self.folder / f"{MASTER}.{suffix}"

    def render(self, source: AudioSource, plan: MasterPlan, ticker: Ticker) -> dict[str, Loudness]:
        """Render every format and measure each as it decodes."""
        blocks = ticker.watch(render_master(source, plan), source.frames, start=0.4, share=0.3)
        rate, channels = source.sample_rate, source.channels
        write_audio(
            self.path("wav"),
            blocks,
            sample_rate=rate,
            channels=channels,
            subtype=self.subtype,
            overwrite=True,
        )
        with open_audio(self.path("wav")) as wav:
            measured = {"wav": measure(wav)}
            if "mp3" in self.formats:
                write_mp3(
                    self.path("mp3"), iter_blocks(wav), sample_rate=rate, channels=channels, tags=self.tags
                )
                measured["mp3"] = self._measured("mp3")
        ticker.tell(0.9)
        return measured

    def write_flac(self) -> None:
        """Make the FLAC from the WAV."""
        with open_audio(self.path("wav")) as wav:
            write_audio(
                self.path("flac"), iter_blocks(wav), sample_rate=wav.sample_rate, channels=wav.channels,
                subtype="PCM_24" if self.subtype == "FLOAT" else self.subtype,
            )  # fmt: skip

    def _measured(self, suffix: str) -> Loudness:
        with open_audio(self.path(suffix)) as file:
            return measure(file)


def make_master(
    source: AudioSource,
    settings: MasterSettings,
    files: MasterFiles,
    *,
    match: AudioSource | None,
    ticker: Ticker,
) -> tuple[MasterPlan, dict[str, Loudness]]:
    """Master `source` so that every format holds loudness and ceiling.

    Returns
    -------
    MasterPlan, dict
        What was done, and the loudness of each format as it decodes.
    """
    lowered = LOSSY_MARGIN_DB if "mp3" in files.formats else 0.0
    for _ in range(MAX_ROUNDS):
        inner = replace(settings, ceiling_dbtp=settings.ceiling_dbtp - lowered)
        plan = plan_master(source, settings=inner, match=match)
        measured = files.render(source, plan, ticker)
        peaks = [m.true_peak_dbtp for m in measured.values()]
        excess_db = max(peaks) - settings.ceiling_dbtp
        if excess_db <= 0.0:
            if "flac" in files.formats:
                files.write_flac()
            return plan, measured
        lowered += excess_db + STEP_MARGIN_DB
    raise InternalError(
        f"After {MAX_ROUNDS} rounds the master still reaches {max(peaks):.2f} dBTP, over the ceiling of "
        f"{settings.ceiling_dbtp:g} dBTP."
    )


def master_mix(session: Session, mix: Result) -> Result:
    """Master the mix of a production."""
    spec = session.spec

    def work(folder: Path, ticker: Ticker) -> Outcome:
        tags = {"title": spec.title, "artist": spec.artist, "software": "stemwright"}
        files = MasterFiles(folder, formats=spec.delivery.formats, subtype=spec.subtype, tags=tags)
        with ExitStack() as stack:
            source = stack.enter_context(open_audio(mix.file(MIX)))
            match = _match(session, stack)
            plan, measured = make_master(source, _settings(session), files, match=match, ticker=ticker)
        checks = master_checks(measured, spec.master, plan)
        return Outcome(tuple(checks), _details(plan, measured), plan.notices)

    inputs: dict[str, Any] = {
        "mix": mix.key,
        "settings": asdict(_settings(session)),
        "match": [sha256_of(spec.match.path), spec.match.amount] if spec.match else None,
        "formats": spec.delivery.formats,
        "tags": [spec.title, spec.artist],
    }
    return session.runner.run("master", inputs=inputs, work=work, weight=4.0)


def master_checks(measured: dict[str, Loudness], settings: MasterSettings, plan: MasterPlan) -> list[Check]:
    """Check loudness and ceiling of every format as it decodes."""
    return [
        check
        for suffix, loudness in measured.items()
        for check in check_master(loudness, settings=settings, plan=plan, subject=f"{MASTER}.{suffix}")
    ]


def _settings(session: Session) -> MasterSettings:
    spec = session.spec
    return replace(spec.master, match_amount=spec.match.amount) if spec.match else spec.master


def _match(session: Session, stack: ExitStack) -> AudioFile | None:
    spec = session.spec
    return stack.enter_context(open_audio(spec.match.path)) if spec.match else None


def _details(plan: MasterPlan, measured: dict[str, Loudness]) -> dict[str, Any]:
    figures = {
        suffix: {
            "integrated_lufs": m.integrated_lufs,
            "range_lu": m.range_lu,
            "true_peak_dbtp": m.true_peak_dbtp,
            "short_term_max_lufs": m.short_term_max_lufs,
        }
        for suffix, m in measured.items()
    }
    return {"plan": plan.as_dict(), "measured": figures}
