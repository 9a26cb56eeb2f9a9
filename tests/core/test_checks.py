import math

import pytest

from stemwright.checks import Check, Notice, Report, Severity, Step, failures, require
from stemwright.errors import CheckFailedError


def test_nan_never_passes() -> None:
    assert Check.at_most("peak", "mix", math.nan, 1).failed
    assert Check.at_least("peak", "mix", math.nan, 1).failed
    assert Check.within("peak", "mix", math.nan, 1, 1).failed


def test_limits_read_with_their_unit() -> None:
    assert Check.at_most("true peak", "master", -1.2, -1, "dBTP").limit == "≤ -1 dBTP"
    assert Check.within("loudness", "master", -14, -14, 0.1, "LUFS").limit == "-14 ± 0.1 LUFS"


def test_errors_stop_warnings_do_not() -> None:
    warning = Check.at_most("peak", "a", 2, 1, severity=Severity.WARNING)
    assert require([warning]) == [warning]
    with pytest.raises(CheckFailedError, match=r"a: peak is 2, asked for ≤ 1.*lower it") as caught:
        require([warning, Check.at_most("peak", "a", 2, 1, advice="lower it")])
    assert caught.value.exit_code == 1


def test_not_checked_is_neither_passed_nor_failed() -> None:
    check = Check.not_checked("dialogue gate", "mix", "-27 LKFS", "no dialogue detector")
    assert check.passed is None
    assert not check.failed
    assert "not checked" in check.sentence()


def test_a_report_has_the_worst_status_of_its_steps() -> None:
    good = Step("a", (Check.equal("frames", "a", 1, 1),))
    odd = Step("b", (Check.equal("frames", "b", 1, 2, severity=Severity.WARNING),))
    report = Report("1", "produce", "t", (good, odd), (Notice("n"),), ("mix.wav",))
    assert report.status == "warning"
    assert len(failures(report.checks)) == 1
    assert report.as_dict()["steps"][1]["checks"][0]["severity"] == "warning"
    assert list(report.as_dict()) == ["version", "recipe", "title", "status", "steps", "notices", "outputs"]
