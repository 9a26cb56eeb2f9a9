"""The public names are pinned: adding one is a decision, losing one breaks somebody's program."""

import subprocess
import sys

import stemwright

NAMES = [
    "Audio", "Check", "Notice", "ProduceOptions", "Production", "Remix", "Report", "Severity",
    "StemwrightError",
    "__version__", "align", "analyze", "master", "measure_loudness", "open_audio", "produce",
    "read_audio", "refine", "remix", "verify",
]  # fmt: skip


def test_the_public_names() -> None:
    assert sorted(stemwright.__all__) == sorted(NAMES)
    assert all(getattr(stemwright, name) is not None for name in NAMES)


def test_importing_costs_next_to_nothing() -> None:
    code = "import stemwright, sys; print([m for m in ('numpy', 'scipy', 'av', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom stemwright.cli.app import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('numpy', 'scipy', 'av', 'rich', 'soundfile', 'pedalboard') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
