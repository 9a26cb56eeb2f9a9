"""Find the gain that gives the asked loudness after limiting: measure, correct, limit again, measure.

Limiting takes loudness away, so the gain is solved for: Newton's method with an assumed slope at first, the
secant method from the second pass on. Two passes are usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stemwright.audio import AudioSource
from stemwright.checks import Notice
from stemwright.dsp.limiter import LimiterSettings, Reduction
from stemwright.dsp.loudness import Loudness, LoudnessMeter, integrated_lufs, measure
from stemwright.dsp.match import EqCurve, long_term_spectrum, match_curve
from stemwright.errors import InternalError
from stemwright.mastering.rendering import Tape, amplify, limiter_for, prepare
from stemwright.mastering.settings import MasterPlan, MasterSettings

__all__ = ["plan_master"]

_CLOSE_ENOUGH_LU = 0.02
_MAX_PASSES = 8
_FIRST_SLOPE = 0.85  # of loudness over gain while a limiter works, in LU per dB
_SLOPES = (0.2, 1.2)
_CAP_MARGIN_DB = 0.01  # keeps the deepest reduction off its limit, where rounding would decide
_UNTOUCHED_DB = 0.02  # a peak so far below the ceiling needs no limiter
_GAIN_DIGITS = 4  # far above rounding errors, so that no machine plans another gain


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What the gain is found from; `match_lufs` is the loudness of the record to match."""

    measured: Loudness
    curve: EqCurve
    match_lufs: float | None

    @property
    def true_peak_dbtp(self) -> float:
        if self.measured.true_peak_dbtp is None:
            raise InternalError("A master was planned without its true peak. Please report this.")
        return self.measured.true_peak_dbtp

    def target_lufs(self, settings: MasterSettings) -> float:
        if self.match_lufs is None:
            return settings.loudness_lufs
        way = settings.match_amount * (self.match_lufs - settings.loudness_lufs)
        return round(settings.loudness_lufs + way, _GAIN_DIGITS)


def plan_master(
    source: AudioSource,
    *,
    settings: MasterSettings,
    match: AudioSource | None = None,
    previous: MasterPlan | None = None,
    measured: Loudness | None = None,
    tape: Tape | None = None,
) -> MasterPlan:
    """Plan a master.

    Parameters
    ----------
    source : AudioSource
        The mix.
    settings : MasterSettings
        What is asked.
    match : AudioSource, optional
        A record whose loudness and spectrum to move towards, by ``settings.match_amount``.
    previous : MasterPlan, optional
        A plan of the same source and match with the same fades and amount: what it measured is taken over, so
        that another ceiling costs only the limiter.
    measured : Loudness, optional
        Of the source, with true peak, where it is known: it is not measured again unless fades or match
        change it first.
    tape : Tape, optional
        Records what the limiter gives, for `render_master`.

    Returns
    -------
    MasterPlan
        Within ±0.02 LU of the target, except where ceiling and `max_limiting_db` forbid it or the source is
        below -70 LUFS or shorter than 0.4 s (then it is not raised); its notices say so.
    """
    if previous is None:
        prepared = _prepared(source, settings, match, measured)
    else:
        prepared = _Prepared(previous.source, previous.curve, previous.match_lufs)
    if prepared.measured.integrated_lufs is None:
        return _without_loudness(settings, prepared)
    linear_db = _linear_gain_db(prepared, prepared.target_lufs(settings))
    if prepared.true_peak_dbtp + linear_db <= settings.ceiling_dbtp - _UNTOUCHED_DB:
        return _plan(settings, prepared, linear_db, None)
    return _Search(source, settings, prepared, tape).run(previous.gain_db if previous else linear_db)


def _prepared(
    source: AudioSource, settings: MasterSettings, match: AudioSource | None, measured: Loudness | None
) -> _Prepared:
    curve, match_lufs = EqCurve(()), None
    if match is not None and settings.match_amount:
        amount = settings.match_amount
        curve = match_curve(long_term_spectrum(source), long_term_spectrum(match), amount=amount)
        match_lufs = measure(match, true_peak=False).integrated_lufs
    if measured is not None and curve.is_flat and not (settings.fade_in_s or settings.fade_out_s):
        return _Prepared(measured, curve, match_lufs)
    meter = LoudnessMeter(source.sample_rate, source.channels)
    for block in prepare(source, settings, curve):
        meter.feed(block)
    return _Prepared(meter.result(), curve, match_lufs)


def _linear_gain_db(prepared: _Prepared, target_lufs: float) -> float:
    """Gain without limiting; gating is not linear, so it is repeated until it stands."""
    gain_db = 0.0
    for _ in range(_MAX_PASSES):
        reached = integrated_lufs(prepared.measured.hop_powers, gain_db=gain_db)
        if reached is None:
            break
        gain_db += target_lufs - reached
    return round(gain_db, _GAIN_DIGITS)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One run of the limiter."""

    gain_db: float
    lufs: float
    measured: Loudness
    reduction: Reduction


class _Search:
    """Solve for the gain with the limiter at work."""

    def __init__(
        self, source: AudioSource, settings: MasterSettings, prepared: _Prepared, tape: Tape | None
    ) -> None:
        self._source = source
        self._tape = tape
        self._settings = settings
        self._prepared = prepared
        aim_dbtp = settings.ceiling_dbtp - LimiterSettings().margin_db
        headroom_db = aim_dbtp - prepared.true_peak_dbtp
        unlimited_db = settings.ceiling_dbtp - _UNTOUCHED_DB - prepared.true_peak_dbtp
        self._unlimited_db = math.floor(unlimited_db * 10.0**_GAIN_DIGITS) / 10.0**_GAIN_DIGITS
        self._cap_db = headroom_db + settings.max_limiting_db - _CAP_MARGIN_DB

    def run(self, gain_db: float) -> MasterPlan:
        """Limit and measure until loudness and limiting are as asked; no worse than without a limiter."""
        passes = [self._limit(min(gain_db, self._cap_db))]
        while len(passes) < _MAX_PASSES:
            following = self._following(passes)
            if following is None:
                break
            passes.append(self._limit(following))
        found = passes[-1]
        if found.gain_db <= self._unlimited_db:
            return _plan(self._settings, self._prepared, self._unlimited_db, None)
        return _plan(self._settings, self._prepared, found.gain_db, found)

    def _following(self, passes: list[_Pass]) -> float | None:
        """Gain to try next; None when the last one was good."""
        last = passes[-1]
        excess_db = last.reduction.max_db - self._settings.max_limiting_db
        if excess_db > 0.0:
            self._cap_db = last.gain_db - excess_db - _CAP_MARGIN_DB
            return self._cap_db
        missing = self._prepared.target_lufs(self._settings) - last.lufs
        if abs(missing) <= _CLOSE_ENOUGH_LU:
            return None
        gain_db = min(last.gain_db + missing / self._slope(passes), self._cap_db)
        return gain_db if abs(gain_db - last.gain_db) > _CLOSE_ENOUGH_LU / 2.0 else None

    @staticmethod
    def _slope(passes: list[_Pass]) -> float:
        if len(passes) < 2 or passes[-1].gain_db == passes[-2].gain_db:
            return _FIRST_SLOPE
        before, last = passes[-2:]
        slope = (last.lufs - before.lufs) / (last.gain_db - before.gain_db)
        return min(max(slope, _SLOPES[0]), _SLOPES[1])

    def _limit(self, gain_db: float) -> _Pass:
        gain_db = round(gain_db, _GAIN_DIGITS)
        limiter = limiter_for(self._source, self._settings)
        meter = LoudnessMeter(self._source.sample_rate, self._source.channels, true_peak=False)
        prepared = prepare(self._source, self._settings, self._prepared.curve)
        limited = limiter.stream(amplify(prepared, gain_db))
        if self._tape is not None:
            limited = self._tape.record(
                limited, source=self._source, gain_db=gain_db, settings=self._settings
            )
        for block in limited:
            meter.feed(block)
        measured = meter.result()
        lufs = -70.0 if measured.integrated_lufs is None else measured.integrated_lufs
        return _Pass(gain_db, lufs, measured, limiter.reduction)


def _plan(settings: MasterSettings, prepared: _Prepared, gain_db: float, found: _Pass | None) -> MasterPlan:
    lufs = integrated_lufs(prepared.measured.hop_powers, gain_db=gain_db) if found is None else found.lufs
    plan = MasterPlan(
        settings=settings,
        target_lufs=prepared.target_lufs(settings),
        gain_db=gain_db,
        limits=found is not None,
        expected_lufs=lufs,
        reduction=found.reduction if found else Reduction(),
        source=prepared.measured,
        curve=prepared.curve,
        match_lufs=prepared.match_lufs,
        expected=found.measured if found else None,
    )
    return replace(plan, notices=tuple(Notice(text, "master") for text in _texts(plan)))


def _texts(plan: MasterPlan) -> Iterator[str]:
    """Say in plain words what is other than the settings read."""
    settings = plan.settings
    if plan.match_lufs is not None:
        yield (
            f"The master aims at {plan.target_lufs:.1f} LUFS: {settings.match_amount:g} of the way from "
            f"{settings.loudness_lufs:g} LUFS to the {plan.match_lufs:.1f} LUFS of the record to match."
        )
    if plan.expected_lufs is None:
        yield "The mix is silent, below -70 LUFS or shorter than 0.4 s: without a loudness it was not raised."
    elif plan.target_lufs - plan.expected_lufs > settings.loudness_tolerance_lu:
        yield (
            f"The master is at {plan.expected_lufs:.1f} LUFS, {plan.target_lufs - plan.expected_lufs:.1f} LU "
            f"quieter than asked: more would need over {settings.max_limiting_db:g} dB of limiting under a "
            f"ceiling of {settings.ceiling_dbtp:g} dBTP."
        )


def _without_loudness(settings: MasterSettings, prepared: _Prepared) -> MasterPlan:
    """Leave what has no loudness as it is, unless it is over the ceiling."""
    over_db = prepared.true_peak_dbtp - (settings.ceiling_dbtp - _UNTOUCHED_DB)
    return _plan(settings, prepared, -round(over_db, _GAIN_DIGITS) if over_db > 0.0 else 0.0, None)
