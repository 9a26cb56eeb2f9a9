"""The recipe `produce`: a spec becomes a record that has been checked.

The way: spec, timing, reference, then for every stem source, align and effects, then mix, master, verify,
deliver. Every step is checked before the next one sees its result.

Little is imported up here: the second process starts first, and gets ready while this one does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stemwright.checks import Report
from stemwright.pipeline.events import Listener, ignore
from stemwright.pipeline.worker import Worker, cores, hired, standing_by

if TYPE_CHECKING:
    from stemwright.pipeline.store import Store

__all__ = ["ProduceOptions", "Production", "at_hand", "produce"]

RECIPE = "stemwright.pipeline.production"
MOST_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class ProduceOptions:
    """How a production may run.

    Parameters
    ----------
    out : Path or str, optional
        Output folder; by default a folder named after the title, beside the spec.
    seed : int, optional
        Another take: replaces the spec's seed.
    allow_commands, allow_plugins : bool
        Whether external generators may run and VST3 plug-ins may be loaded.
    force : bool
        Whether files that no run of ours made may be replaced.
    processes : int, optional
        1 or 2; by default two where there are two cores and enough to do. What comes out is the same.
    """

    out: Path | str | None = None
    seed: int | None = None
    allow_commands: bool = False
    allow_plugins: bool = False
    force: bool = False
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Production:
    """A finished production.

    Attributes
    ----------
    report : Report
        Every step, check and notice.
    folder : Path
        Where everything is.
    highlights : tuple of (str, str)
        What to open first: label and name inside the folder.
    """

    report: Report
    folder: Path
    highlights: tuple[tuple[str, str], ...]


def at_hand() -> AbstractContextManager[None]:
    """Start the second process of a production while this one still imports what it needs itself."""
    return standing_by([RECIPE])


def produce(
    spec: Path | str,
    *,
    options: ProduceOptions | None = None,
    listener: Listener = ignore,
    store: Store | None = None,
) -> Production:
    """Make the record that a spec asks for.

    Parameters
    ----------
    spec : Path
        A TOML file; ``stemwright init`` writes one.
    options : ProduceOptions, optional
        Output folder, seed, what is allowed.
    listener : callable, optional
        Is told what happens.
    store : Store, optional
        Where finished steps are kept; by default the user's.

    Returns
    -------
    Production
        Its report's status is ``"passed"`` or ``"warning"``.

    Raises
    ------
    CheckFailedError
        When a check of severity *error* did not pass; what was good is kept in the store.
    InputError
        When the spec or a file that it names can't be used.
    StorageError
        When nothing can be written.
    """
    options = options or ProduceOptions()
    processes = options.processes or min(cores(), MOST_PROCESSES)
    with hired([RECIPE], wanted=processes > 1) as worker:
        return _produce(Path(spec), options, listener, store, worker)


def _produce(
    path: Path, options: ProduceOptions, listener: Listener, store: Store | None, worker: Worker | None
) -> Production:
    from stemwright.io.files import safe_name
    from stemwright.memory import keep_freed_memory
    from stemwright.pipeline.deliver import output_names
    from stemwright.pipeline.folder import OutputFolder
    from stemwright.pipeline.production import highlights, make_record, total_weight
    from stemwright.pipeline.read_spec import load_spec
    from stemwright.pipeline.step import Runner
    from stemwright.pipeline.store import Store, load_store_settings

    keep_freed_memory()
    spec = load_spec(path, seed=options.seed, allow_plugins=options.allow_plugins)
    store = store or Store(load_store_settings())
    folder = Path(options.out) if options.out else spec.path.parent / safe_name(spec.title)
    with OutputFolder(folder, force=options.force) as output:
        output.refuse_strangers(output_names(spec))
        with store.in_use():
            runner = Runner(store, listener, total_weight=total_weight(spec))
            report = make_record(
                spec,
                output,
                runner,
                allow_commands=options.allow_commands,
                worker=worker,
                forced=options.processes is not None,
            )
    store.trim()
    return Production(report, folder, highlights(spec))
