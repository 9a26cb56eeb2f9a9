import numpy as np
import pytest

from signals import noise, sine
from stemwright.audio import Audio
from stemwright.checks import Severity, failures
from stemwright.effects import check_effects

QUIET = sine(440, 2.0, peak=0.25, channels=2)


def changed(gain: float) -> Audio:
    return Audio((QUIET.samples * gain).astype(np.float32), QUIET.sample_rate)


def failed(after: Audio, before: Audio = QUIET, *, silent: bool = False) -> list[str]:
    return [
        check.name for check in failures(check_effects(before, after, subject="bass", declared_silent=silent))
    ]


def test_levels_of_a_sine() -> None:
    measured = {check.name: check.measured for check in check_effects(QUIET, QUIET, subject="bass")}
    assert measured["peak after effects"] == pytest.approx(-12.04, abs=0.01)
    assert measured["level after effects"] == pytest.approx(-15.05, abs=0.01)
    assert measured["length after effects"] == 96_000


def test_a_modest_change_passes_and_is_told() -> None:
    checks = check_effects(QUIET, changed(0.5), subject="bass")
    assert not failures(checks)
    change = next(check for check in checks if check.name == "change of level by effects")
    assert change.measured == pytest.approx(-6.02, abs=0.01)
    assert {check.subject for check in checks} == {"bass"}


def test_each_fault_is_found() -> None:
    assert failed(changed(4.1)) == ["peak after effects"]
    assert failed(changed(0.0)) == ["level after effects", "change of level by effects"]
    assert failed(changed(0.05)) == ["change of level by effects"]
    assert failed(changed(1.0)) == ["difference made by effects"]
    assert failed(changed(1.0 + 1e-6)) == []
    assert failed(Audio(QUIET.samples[:, :-1], 48_000)) == ["length after effects"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_sample_that_is_no_number_is_an_error(bad: float) -> None:
    samples = QUIET.samples.copy()
    samples[1, 70_000] = bad
    checks = check_effects(QUIET, Audio(samples, 48_000), subject="bass")
    (only,) = failures(checks)
    assert only.name == "finite samples after effects"
    assert only.measured == 1
    assert only.severity is Severity.ERROR


def test_silence_that_was_there_before_is_no_fault() -> None:
    silent = changed(0.0)
    assert failed(silent, silent) == []
    assert failed(silent, silent=True) == []


def test_a_source_above_full_scale_is_not_blamed_on_the_effects() -> None:
    hot = noise(0.5, rms=1.0)
    softer = Audio((hot.samples * 0.99).astype(np.float32), 48_000)
    assert failed(softer, hot) == []
