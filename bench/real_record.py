"""A record of real recordings: five takes of unequal length become one song, mixed, mastered and checked.

Run with ``python -m bench.real_record [FOLDER]``; needs the corpus. The takes are a funk band at 75 bpm whose
bass is three seconds shorter than the rest; the song is longer than all of them, and gets a played organ.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.harness import Row, corpus, machine, show
from stemwright.checks import Check, failures
from stemwright.pipeline.produce import ProduceOptions, Production, produce

SPEC = """\
title = "Funk, longer"
artist = "MDN multi-track, CC0"
bpm = 75
key = "E minor"
sample_rate = 48000
subtype = "PCM_24"
[sections]
intro = "4 bars"
theme = "12 bars"
solo = "12 bars"
return = "8 bars"
[[stem]]
name = "drums"
file = "{drums}"
together = "band"
gain_db = -1
effects = [{{ type = "compressor", threshold_db = -16, ratio = 2.5, attack_ms = 15, release_ms = 120 }}]
[[stem]]
name = "bass"
file = "{bassguitar}"
together = "band"
align = "loop"
gain_db = -1
effects = [{{ type = "highpass", cutoff_hz = 35 }}]
[[stem]]
name = "clav"
file = "{clav}"
together = "band"
gain_db = -4
pan = -0.3
effects = [{{ type = "highpass", cutoff_hz = 120 }}]
[[stem]]
name = "horns"
file = "{horns}"
together = "band"
gain_db = -3
effects = [{{ type = "highpass", cutoff_hz = 150 }}, {{ type = "reverb", room_size = 0.5, wet_level = 0.15 }}]
[[stem]]
name = "lead guitar"
file = "{leadguitar}"
together = "band"
gain_db = -4
pan = 0.3
[[stem]]
name = "pads"
gain_db = -12
effects = [{{ type = "highpass", cutoff_hz = 200 }}]
score = {{ instrument = "Rock Organ", pattern = {{ default = "sustained", intro = "rest" }}, chords = "Em7" }}
[master]
loudness_lufs = -14
fade_out_s = 4
"""


def make(folder: Path) -> Production | None:
    """Write the spec and produce it; None without the corpus."""
    takes = corpus("stems", "dev_mdn_multitrack")
    if takes is None:
        return None
    names = ("drums", "bassguitar", "clav", "horns", "leadguitar")
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "spec.toml"
    spec.write_text(SPEC.format(**{name: takes / f"{name}.mp3" for name in names}), encoding="utf-8")
    return produce(spec, options=ProduceOptions(out=folder / "record"))


def rows(folder: Path = Path("out/real-record")) -> list[Row]:
    """What the checks of the finished record say."""
    made = make(folder)
    if made is None:
        return [Row("real recordings", "skipped: no corpus", "", None)]
    report = made.report
    wanted = ("audible joins", "level across joins", "null against the mix", "loudness")
    told = [check for check in report.checks if check.name in wanted]
    told += [check for check in report.checks if check.name == "true peak" and "master" in check.subject]
    found = [Row(f"{c.subject}: {c.name}", _shown(c), c.limit, c.passed) for c in told]
    warnings = [check.sentence() for check in failures(report.checks)]
    good = report.status != "failed"
    return [
        *found,
        Row("status", report.status, "not failed", good),
        Row("warnings", "; ".join(warnings) or "none", "", None),
    ]


def _shown(check: Check) -> str:
    value = f"{check.measured:.2f}" if isinstance(check.measured, float) else str(check.measured)
    return f"{value} {check.unit}".strip()


if __name__ == "__main__":
    print(machine())
    sys.exit(show("A record of real recordings", rows(*map(Path, sys.argv[1:]))))
