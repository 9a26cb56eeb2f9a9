"""The command line: parse, call a recipe, turn what comes back into an exit code.

Exit codes: 0 good, 1 a check failed, 2 bad usage or bad input, 3 our fault, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from stemwright._version import __version__
from stemwright.cli.options import (
    PATH,
    engine_option,
    examples,
    force_option,
    json_option,
    llm_option,
    model_option,
    planner_option,
    separator_option,
    song_options,
    strict_option,
)
from stemwright.errors import CheckFailedError, FailedCheck, StemwrightError

__all__ = ["main"]

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


class InOrder(click.Group):
    """Lists commands in the order in which one meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks it so
        """Name them as they stand in this file."""
        return list(self.commands)


@click.group(
    cls=InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 good, 1 a check failed, 2 bad usage or bad input, 3 our fault, 130 interrupted.",
)
@click.version_option(__version__, prog_name="stemwright")
def app() -> None:
    """Stems in, or two songs and a sentence; out comes a record that has been checked."""


@app.command(
    short_help="Write a commented spec that runs as it is.",
    epilog=examples("init spec.toml"),
)
@click.argument("path", type=PATH, default=Path("spec.toml"))
@force_option
def init(path: Path, *, force: bool) -> int:
    """Write a commented spec to PATH (default spec.toml); it runs as it is."""
    from stemwright.pipeline.template import write_template

    write_template(path, force=force)
    click.echo(f"Wrote {path}. Now: stemwright produce {path}")
    return 0


@app.command(
    short_help="Make the record that a spec asks for: mixed, mastered, checked.",
    epilog=examples(
        "produce spec.toml --out record",
        "produce spec.toml --seed 7 --strict",
    ),
)
@click.argument("spec", type=PATH)
@click.option("--out", type=PATH, help="Output folder (default: the title, beside the spec).")
@click.option("--seed", type=click.IntRange(min=0), help="Another number is another take of what is played.")
@click.option("--allow-commands", is_flag=True, help="Run the external generators that the spec names.")
@click.option("--allow-plugins", is_flag=True, help="Load the VST3 plug-ins that the spec names.")
@force_option
@strict_option
@json_option
def produce(spec: Path, *, as_json: bool, strict: bool, **options: Any) -> int:
    """Make, align, mix, master, verify and pack the record that SPEC asks for."""
    from stemwright.pipeline.produce import ProduceOptions, at_hand
    from stemwright.pipeline.produce import produce as run

    with at_hand():
        from stemwright.cli.view import view_of

        view = view_of(as_json=as_json)
        with view.running():
            result = run(spec, options=ProduceOptions(**options), listener=view.listen)
    view.production(result)
    return _exit_code(result.report.status, strict=strict)


def _list_presets(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from stemwright.pipeline.single import list_presets

        for name, title in list_presets():
            click.echo(f"{name:<12} {title}")
        context.exit()


@app.command(
    short_help="Check a set of stems: files, a folder or a zip; anybody's.",
    epilog=examples(
        "verify record",
        "verify their-stems.zip --mix mix.wav --preset pe-wing",
    ),
)
@click.argument("paths", type=PATH, nargs=-1, required=True)
@click.option("--mix", type=PATH, help="The mix that the stems belong to (default: found by its name).")
@click.option("--spec", type=PATH, help="The spec that the set was made from.")
@click.option("--preset", metavar="NAME", help="Delivery rules to be asked as well: see --list-presets.")
@click.option(
    "--list-presets",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_presets,
    help="Name the presets and leave.",
)
@strict_option
@json_option
def verify(paths: tuple[Path, ...], *, as_json: bool, strict: bool, **options: Any) -> int:
    """Check a set of stems: files, a folder or a zip; anybody's."""
    from stemwright.cli.view import view_of
    from stemwright.pipeline.single import verify_files

    view = view_of(as_json=as_json)
    with view.running():
        report = verify_files(paths, listener=view.listen, **options)
    view.report(report)
    return _exit_code(report.status, strict=strict)


@app.command(
    short_help="Bring one file to an exact length.",
    epilog=examples(
        "align loop.wav long.wav --to 137.7 --strategy loop --bpm 120",
        "align take.wav fitted.wav --to reference.wav",
    ),
)
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@click.option(
    "--to",
    "length",
    metavar="LENGTH",
    required=True,
    help="A file to be as long as, or seconds (137.7), or frames (6609600f).",
)
@click.option(
    "--strategy",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="auto, pad, loop, crossfade or truncate.",
)
@click.option("--bpm", metavar="BPM", help="Tempo of the source: loops are then cut on bars.")
@click.option("--meter", metavar="METER", default="4/4", show_default=True, help="Time signature, for --bpm.")
@click.option("--role", metavar="ROLE", help="What the stem is (default: read from its name).")
@click.option(
    "--crossfade",
    "crossfade_s",
    metavar="SECONDS",
    type=float,
    help="Length of each join (default: by what is joined).",
)
@click.option("--seamless/--no-seamless", default=True, show_default=True, help="Crossfade at the joins.")
@click.option(
    "--subtype", metavar="NAME", default="FLOAT", show_default=True, help="FLOAT, PCM_24 or PCM_16."
)
@force_option
@strict_option
@json_option
def align(source: Path, target: Path, *, as_json: bool, strict: bool, **options: Any) -> int:
    """Bring SOURCE to an exact length and write it to TARGET."""
    _require_together("meter", "bpm")
    from stemwright.cli.view import view_of
    from stemwright.pipeline.single import AlignRequest, align_file

    view = view_of(as_json=as_json)
    with view.running():
        report = align_file(AlignRequest(source, target, **options), listener=view.listen)
    view.report(report)
    return _exit_code(report.status, strict=strict)


@app.command(
    short_help="Bring one file to a loudness under a true-peak ceiling.",
    epilog=examples(
        "master mix.wav master.wav --loudness -14 --ceiling -1",
        "master mix.wav master.mp3 --match record.flac --amount 0.7",
    ),
)
@click.argument("source", type=PATH)
@click.argument("target", type=PATH)
@click.option(
    "--loudness", "loudness_lufs", metavar="LUFS", type=float, show_default="-14", help="Loudness to reach."
)
@click.option(
    "--ceiling", "ceiling_dbtp", metavar="DBTP", type=float, show_default="-1", help="Highest true peak."
)
@click.option("--match", type=PATH, help="Another record to come closer to, in loudness and spectrum.")
@click.option(
    "--amount",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="How close --match brings it: 1 is all the way.",
)
@click.option(
    "--subtype", metavar="NAME", default="PCM_24", show_default=True, help="FLOAT, PCM_24 or PCM_16."
)
@force_option
@strict_option
@json_option
def master(source: Path, target: Path, *, as_json: bool, strict: bool, **options: Any) -> int:
    """Master SOURCE to a loudness under a true-peak ceiling; TARGET is .wav, .flac or .mp3."""
    _require_together("amount", "match")
    from stemwright.cli.view import view_of
    from stemwright.pipeline.single import MasterRequest, master_file

    view = view_of(as_json=as_json)
    with view.running():
        report = master_file(MasterRequest(source, target, **options), listener=view.listen)
    view.report(report)
    return _exit_code(report.status, strict=strict)


@app.command(
    short_help="Find tempo, key, energy, voice and form of one song or two.",
    epilog=examples(
        "analyze one.mp3",
        "analyze one.mp3 two.m4a --tempo-b x2",
        "analyze --loudness master.wav master.mp3",
    ),
)
@click.argument("paths", type=PATH, nargs=-1, required=True)
@click.option(
    "--loudness", is_flag=True, help="Only loudness, loudness range and true peak; any number of files."
)
@click.option("--separate", is_flag=True, help="Take songs apart first: the voice is only known then.")
@song_options
@separator_option
@model_option
@engine_option
@json_option
def analyze(paths: tuple[Path, ...], *, loudness: bool, separate: bool, as_json: bool, **options: Any) -> int:
    """Find tempo, beats, key, energy, voice and form of a song, or of two and how they go together."""
    from stemwright.cli.view import view_of

    view = view_of(as_json=as_json)
    if loudness:
        from stemwright.pipeline.single import measure_files

        with view.running():
            rows = measure_files(paths, listener=view.listen)
        view.measurements(rows)
        return 0
    from stemwright.cli.remixing import requests_of
    from stemwright.pipeline.remix import RemixOptions, examine_songs

    with view.running():
        songs = requests_of(paths, options)
        found = examine_songs(songs, options=RemixOptions(**options), separate=separate, listener=view.listen)
    view.examination(found)
    return 0


@app.command(
    short_help="Make a remix of two songs, as a sentence says.",
    epilog=examples(
        'remix one.mp3 two.m4a "vocals of the first over the second, 90 seconds, big drop"',
        'remix one.mp3 two.m4a "start with only the drums" --plan-only',
        'remix one-stems two-stems "keep it short" --out remix',
    ),
)
@click.argument("song_a", type=PATH)
@click.argument("song_b", type=PATH)
@click.argument("prompt", default="")
@click.option("--out", type=PATH, help="Output folder (default: named after both songs).")
@song_options
@separator_option
@model_option
@engine_option
@planner_option
@llm_option
@click.option("--plan", type=PATH, help="Render this plan.json instead of planning.")
@click.option("--plan-only", is_flag=True, help="Show the plan and render nothing.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Another number is another take.")
@force_option
@strict_option
@json_option
def remix(song_a: Path, song_b: Path, prompt: str, *, as_json: bool, strict: bool, **options: Any) -> int:
    """Make a remix of SONG_A and SONG_B (files or folders of stems) as PROMPT says, in plain words."""
    from stemwright.pipeline.remix.hands import at_hand

    with at_hand():
        from stemwright.cli.remixing import requests_of
        from stemwright.cli.view import view_of
        from stemwright.pipeline.remix import RemixOptions, plan_remix
        from stemwright.pipeline.remix import remix as run

        plan_only = options.pop("plan_only")
        a, b = requests_of((song_a, song_b), options)
        view = view_of(as_json=as_json)
        with view.running():
            how = RemixOptions(**options)
            if plan_only:
                planned = plan_remix(a, b, prompt, options=how, listener=view.listen)
            else:
                result = run(a, b, prompt, options=how, listener=view.listen)
    if plan_only:
        view.plan(planned)
        return 0
    view.remix(result)
    return _exit_code(result.report.status, strict=strict)


@app.command(
    short_help="Change a remix, as a sentence says.",
    epilog=examples(
        'refine remix "drums louder in the drop, end on the chorus"',
        "refine remix --undo",
    ),
)
@click.argument("folder", type=PATH)
@click.argument("request", default="")
@click.option("--undo", is_flag=True, help="Take the last change back.")
@planner_option
@llm_option
@click.option("--song-a", type=PATH, help="Where song A is now, if it was moved.")
@click.option("--song-b", type=PATH, help="Where song B is now, if it was moved.")
@strict_option
@json_option
def refine(folder: Path, request: str, *, as_json: bool, strict: bool, **options: Any) -> int:
    """Change the remix in FOLDER as REQUEST says: "drums louder in the drop, end on the chorus"."""
    if bool(request) is options["undo"]:
        raise click.UsageError("Say what to change, or --undo.")
    from stemwright.pipeline.remix.hands import at_hand

    with at_hand():
        from stemwright.cli.remixing import moved_songs
        from stemwright.cli.view import view_of
        from stemwright.pipeline.remix import RefineOptions
        from stemwright.pipeline.remix import refine as run

        view = view_of(as_json=as_json)
        with view.running():
            how = RefineOptions(songs=moved_songs(options), **options)
            result = run(folder, request, options=how, listener=view.listen)
    view.remix(result)
    return _exit_code(result.report.status, strict=strict)


@app.command(
    short_help="Do both jobs over HTTP, with the web page.",
    epilog=examples(
        "serve",
        "serve --port 9000 --expire 24h",
    ),
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; beyond this machine only with STEMWRIGHT_TOKEN set.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0: any that is free."
)
@click.option("--data", type=PATH, help="Folder of uploads, jobs and results.")
@click.option("--name", "names", multiple=True, help="A host name that it is reached by; may be repeated.")
@click.option("--expire", metavar="3h", help="Forget what nobody asked for in so long (default: never).")
@click.option(
    "--max-song-mb",
    type=click.FloatRange(min=0.1),
    default=50.0,
    show_default=True,
    help="Largest song of a remix, in MB.",
)
@click.option(
    "--max-song-minutes",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Longest song of a remix.",
)
@click.option(
    "--max-queue",
    "most_waiting",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Jobs that may wait; more are refused.",
)
@click.option("--database", default="", help="postgresql://… that many machines share (default: SQLite).")
@click.option("--bucket", default="", help="s3://… for files that many machines share.")
def serve(*, most_waiting: int, database: str, bucket: str, **options: Any) -> int:
    """Serve both jobs over HTTP, with the web page, until interrupted."""
    from stemwright.cli.serving import run_service, settings_of

    run_service(settings_of(**options), most_waiting=most_waiting, database=database, bucket=bucket)
    return 0


@app.command(
    short_help="Do jobs that serve took in.",
    epilog=examples(
        "worker",
        "worker --database postgresql://db/stemwright --bucket s3://stemwright/files --queues render",
    ),
)
@click.option("--data", type=PATH, help="Folder for files, finished steps and, without --database, the jobs.")
@click.option("--database", envvar="STEMWRIGHT_DATABASE", default="", help="PostgreSQL of many machines.")
@click.option("--bucket", envvar="STEMWRIGHT_BUCKET", default="", help="s3://… for files of many machines.")
@click.option("--queues", default="separation,render", show_default=True, help="Which queues to work on.")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at once in each queue (default: by cores).")
@click.option("--memory-gib", type=click.FloatRange(min=0), help="What one job may take (0: no limit).")
def worker(**options: Any) -> int:
    """Do jobs that `serve` took in, on this machine or on many."""
    from stemwright.cli.working import work

    return work(**options)


@app.command(
    short_help="Do every job of a CSV file.",
    epilog=examples("batch jobs.csv --jobs 2"),
)
@click.argument("manifest", type=PATH)
@click.option("--data", type=PATH, help="Where jobs are kept (default: a hidden folder beside MANIFEST).")
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs at once in each queue (default: by cores).")
@force_option
@json_option
def batch(manifest: Path, **options: Any) -> int:
    """Do every job of MANIFEST, a CSV: kind, inputs, prompt, options, out. Run it again to go on."""
    from stemwright.cli.working import batch as run

    return run(manifest, **options)


@app.command(
    short_help="Say what is installed, what is missing, and what that means.",
)
@json_option
def doctor(*, as_json: bool) -> int:
    """Say what is installed, what is missing, and what that means."""
    from stemwright.cli.view import view_of
    from stemwright.pipeline.doctor import examine

    findings = examine()
    view_of(as_json=as_json).findings(findings)
    return 0 if all(finding.good for finding in findings if finding.needed) else EXIT_FAILED


@app.command(
    short_help="Show, move, limit or clear the store of finished steps.",
    epilog=examples(
        "cache --max-gib 5",
        "cache --folder /big/disk/stemwright",
    ),
)
@click.option("--folder", type=PATH, help="Keep finished steps there from now on.")
@click.option("--max-gib", type=click.FloatRange(min=0), help="How large it may grow.")
@click.option("--clear", is_flag=True, help="Remove everything in it.")
@json_option
def cache(*, folder: Path | None, max_gib: float | None, clear: bool, as_json: bool) -> int:
    """Show, move, limit or clear the store of finished steps."""
    from stemwright.cli.view import view_of
    from stemwright.pipeline.store import change_store

    view_of(as_json=as_json).store(change_store(folder=folder, max_gib=max_gib, clear=clear))
    return 0


def _require_together(name: str, needed: str) -> None:
    """Refuse an option that was given without the one it belongs to, instead of not reading it."""
    context = click.get_current_context()
    given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    if given and context.params[needed] is None:
        raise click.UsageError(f"--{name} says nothing without --{needed}.")


def _exit_code(status: str, *, strict: bool) -> int:
    return EXIT_FAILED if status == "failed" or (strict and status == "warning") else 0


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    # Stems already run side by side: threads inside matrix products would only get into their way.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGTERM, _interrupt)
    _write_anything()
    sys.exit(_run(arguments))


def _write_anything() -> None:
    """Let names that are no text, and terminals that know few letters, cost a ``?`` instead of the result."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _run(arguments: list[str]) -> int:
    """Catch what goes wrong, here and nowhere else: a sentence for people, or a document with --json."""
    as_json = "--json" in arguments
    try:
        code = app(arguments, prog_name="stemwright", standalone_mode=False)
    except click.ClickException as error:
        return _told(as_json, "usage", error.format_message(), 2, error.show)
    except CheckFailedError as error:
        return _told(as_json, "check", str(error), error.exit_code, checks=error.checks)
    except StemwrightError as error:
        return _told(as_json, type(error).__name__, str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _told(as_json, "interrupted", "Interrupted; finished steps are kept.", EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:  # noqa: BLE001 - the last catch: our own fault, never a bare traceback
        from stemwright.cli.crash import crash_message

        return _told(as_json, "internal", crash_message(error), 3)
    return code if isinstance(code, int) else 0


def _told(
    as_json: bool,
    kind: str,
    text: str,
    code: int,
    show: Callable[[], None] | None = None,
    *,
    checks: Sequence[FailedCheck] = (),
) -> int:
    """Tell how the run ended, in the way that was asked for."""
    if as_json:
        from stemwright.cli.view import error_document

        sys.stdout.write(error_document(kind, text, code, checks))
    elif show is not None:
        show()
    else:
        click.echo(f"stemwright: {text}", err=True)
    return code
