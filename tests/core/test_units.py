from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemwright.units import (
    SILENCE_DB,
    beats_to_seconds,
    cents_to_ratio,
    db_to_gain,
    exact,
    format_duration,
    gain_to_db,
    power_to_db,
    seconds_to_frames,
    semitones_to_ratio,
)


def test_closed_forms() -> None:
    assert db_to_gain(20) == pytest.approx(10.0)
    assert gain_to_db(-0.5) == pytest.approx(-6.0206, abs=1e-4)
    assert power_to_db(0.01) == pytest.approx(-20.0)
    assert semitones_to_ratio(12) == 2.0
    assert cents_to_ratio(1200) == 2.0
    assert beats_to_seconds(4, 120) == 2


def test_nothing_is_minus_infinity() -> None:
    assert gain_to_db(0.0) == SILENCE_DB == power_to_db(0.0)


@pytest.mark.parametrize("written", [92.1, "92.1", Decimal("92.1")])
def test_a_number_is_what_people_wrote(written: float | str | Decimal) -> None:
    assert exact(written) == Fraction(921, 10)


def test_frames_are_rounded_once_ties_to_even() -> None:
    assert seconds_to_frames(Fraction(1, 96_000), 48_000) == 0
    assert seconds_to_frames(Fraction(3, 96_000), 48_000) == 2
    assert seconds_to_frames(137.7, 48_000) == 6_609_600


@given(st.floats(-150, 60))
def test_db_round_trip(gain_db: float) -> None:
    assert gain_to_db(db_to_gain(gain_db)) == pytest.approx(gain_db, abs=1e-9)


@pytest.mark.parametrize(
    ("seconds", "said"), [(137.7, "2:17.7"), (59.96, "1:00.0"), (3723.0, "1:02:03.0"), (0, "0:00.0")]
)
def test_durations_as_people_say_them(seconds: float, said: str) -> None:
    assert format_duration(seconds) == said
