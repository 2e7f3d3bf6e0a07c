"""What is wrong with a training loop besides its gradients: updates, data, numerics; each finder asked in turn.

Mistakes come in the order in which they explain: what spoils updates first, then what is never updated, then the data,
then numbers that cannot be right. A later finder is not asked where an earlier one has explained what it would see.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from shapecheck.diagnose.added_twice import added_twice
from shapecheck.diagnose.ascent import climbing, turned_round
from shapecheck.diagnose.born_numbers import biases_of_samples
from shapecheck.diagnose.cancelled_errors import cancelled_errors
from shapecheck.diagnose.changed_data import changed_data
from shapecheck.diagnose.class_numbers import class_numbers
from shapecheck.diagnose.compounding_rates import compounding_rates
from shapecheck.diagnose.course import Course
from shapecheck.diagnose.divided_twice import divided_twice
from shapecheck.diagnose.dropped import dropped_sums
from shapecheck.diagnose.filled_late import filled_late
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.finite import not_finite
from shapecheck.diagnose.gone_on_twice import gone_on_twice
from shapecheck.diagnose.growing_weights import growing_weights
from shapecheck.diagnose.idle_velocities import idle_velocities
from shapecheck.diagnose.kept_best import kept_best
from shapecheck.diagnose.lagging import late_steps
from shapecheck.diagnose.later import hardly_updated, later_versions
from shapecheck.diagnose.later_passes import later_passes
from shapecheck.diagnose.left_early import left_early
from shapecheck.diagnose.left_views import left_views
from shapecheck.diagnose.lost import lost_steps
from shapecheck.diagnose.lost_numbers import lost_numbers
from shapecheck.diagnose.mirrored_sums import mirrored_sums
from shapecheck.diagnose.mixed_samples import mixed_samples
from shapecheck.diagnose.moments import moments
from shapecheck.diagnose.moved_copies import moved_copies
from shapecheck.diagnose.moved_views import moved_views
from shapecheck.diagnose.number_steps import number_steps
from shapecheck.diagnose.one_list import one_list
from shapecheck.diagnose.one_object import one_object
from shapecheck.diagnose.only_last import only_last
from shapecheck.diagnose.other_loss import differing_loss
from shapecheck.diagnose.other_records import other_records
from shapecheck.diagnose.other_starts import other_starts
from shapecheck.diagnose.outside_loops import outside_loops
from shapecheck.diagnose.overwritten_shares import overwritten_shares
from shapecheck.diagnose.overwritten_squares import overwritten_squares
from shapecheck.diagnose.pairs import lost_rows, parted
from shapecheck.diagnose.passed_by import passed_by
from shapecheck.diagnose.rate_alone import rate_alone
from shapecheck.diagnose.read_for_another import read_for_another
from shapecheck.diagnose.repeated import never_renewed, never_reset, shared_state
from shapecheck.diagnose.repeated_rows import repeated_rows
from shapecheck.diagnose.replaced import replaced
from shapecheck.diagnose.second_names import second_names
from shapecheck.diagnose.short_strides import short_strides
from shapecheck.diagnose.squared_means import rooted_means, squared_means
from shapecheck.diagnose.start import constant_output, equal_units, out_of_reach, saturated
from shapecheck.diagnose.step_counters import step_counters
from shapecheck.diagnose.stuck_counters import stuck_counters
from shapecheck.diagnose.thrown_away import thrown_away
from shapecheck.diagnose.unapplied import nothing_moves
from shapecheck.diagnose.uneven_parts import uneven_parts
from shapecheck.diagnose.unfed import unfed_velocities
from shapecheck.diagnose.unmoved import unmoved
from shapecheck.diagnose.unread_biases import unread_biases
from shapecheck.diagnose.unread_scales import unread_scales
from shapecheck.diagnose.unread_targets import unread_targets
from shapecheck.diagnose.unused import forgotten_siblings, unused_gradients
from shapecheck.diagnose.unused_deltas import unused_deltas
from shapecheck.diagnose.update import lost_updates
from shapecheck.diagnose.used_up import used_up
from shapecheck.diagnose.velocities import turned_velocities
from shapecheck.diagnose.wrapped import wrapped

Finder = Callable[[Course], list[Finding]]


def _by_numbers(course: Course) -> list[Finding]:
    return number_steps(course) or rate_alone(course)


def _uphill(course: Course) -> list[Finding]:
    return turned_velocities(course) or climbing(course)


_UPDATES: tuple[Finder, ...] = (
    outside_loops,
    one_list,
    second_names,
    other_starts,
    _by_numbers,
    lost_steps,
    lost_numbers,
    replaced,
    dropped_sums,
    unfed_velocities,
    late_steps,
    never_reset,
    never_renewed,
    _uphill,
    turned_round,
    moved_views,
    left_views,
    later_versions,
    hardly_updated,
    later_passes,
    moments,
    idle_velocities,
    squared_means,
    rooted_means,
    overwritten_squares,
    overwritten_shares,
    step_counters,
    shared_state,
    added_twice,
    gone_on_twice,
    filled_late,
    only_last,
    repeated_rows,
    growing_weights,
    biases_of_samples,
    passed_by,
    read_for_another,
)
_DATA: tuple[Finder, ...] = (
    wrapped,
    changed_data,
    lost_rows,
    short_strides,
    left_early,
    used_up,
    parted,
    other_records,
    mixed_samples,
    mirrored_sums,
    thrown_away,
    stuck_counters,
    unread_scales,
    unread_targets,
    kept_best,
    compounding_rates,
)
_NUMBERS: tuple[Finder, ...] = (
    constant_output,
    not_finite,
    equal_units,
    saturated,
    class_numbers,
    out_of_reach,
)
# Right updates cannot be out of order, and nothing is added to them twice.
_OF_WRONG_UPDATES = frozenset({later_versions, later_passes, added_twice, passed_by, read_for_another})


def update_mistakes(course: Course) -> Iterator[Finding]:
    """Mistakes that make updates wrong although every formula may be right; each names the parameters it explains."""
    if not course.tape.operations:
        return
    copies = _asked(moved_copies, course) or _asked(one_object, course)
    if copies:  # what such steps do besides is done to nothing, or to what should be several
        yield from copies
        return
    yield from _asked(_lost_updates, course)
    explained = False
    for finder in _UPDATES:
        if explained and finder is later_versions:
            return
        if finder in _OF_WRONG_UPDATES and _follows_a_gradient(course):
            continue
        if explained and finder in {
            unfed_velocities,
            hardly_updated,
            later_passes,
            moved_views,
            only_last,
            passed_by,
            read_for_another,
        }:
            continue  # a sum that nobody keeps stays zero, too, and all but the last are lost
        for finding in _asked(finder, course):
            explained = True
            yield finding


def other_mistakes(course: Course, *, blamed: bool) -> Iterator[Finding]:
    """Mistakes of the data and the numbers.

    Args:
        course: Of the run.
        blamed: Whether its updates or gradients are known to be wrong: what goes astray then is no mistake of its own.
    """
    if not course.tape.operations:
        return
    for finder in _DATA:
        for finding in _asked(finder, course):
            blamed = True
            yield finding
    if blamed:
        return
    if not course.parameters:
        yield from _asked(nothing_moves, course)
        return
    found = False
    for finder in (unread_biases, _never_moved, cancelled_errors, differing_loss, uneven_parts, *_NUMBERS):
        if found and finder is uneven_parts:
            continue  # a penalty that no step has is said already
        for finding in _asked(finder, course):
            found = True
            yield finding
        if found and finder not in {_never_moved, differing_loss, uneven_parts}:
            return
    if not found and _follows_a_gradient(course):
        yield from _asked(divided_twice, course)


def remains(course: Course, code: str) -> bool:
    """Whether a mistake is found again: asks the finders of that code only."""
    finders = _OF_CODE.get(code, ())
    skipped = _OF_WRONG_UPDATES if _follows_a_gradient(course) else frozenset()
    return any(f.code == code for finder in finders if finder not in skipped for f in _asked(finder, course))


def _never_moved(course: Course) -> list[Finding]:
    # The half of a layer that is moved says better where the other half's step belongs than its gradient does.
    halves = unmoved(course)
    known = {value for finding in halves for value, _ in course.unmoved[finding.parameters]}
    unused = unused_gradients(course, known)
    return [*halves, *unused] or unused_deltas(course) or forgotten_siblings(course)


def _lost_updates(course: Course) -> list[Finding]:
    layers = {p.name: course.layer(p.birth) for p in course.parameters}
    found = lost_updates(course.trace)
    return [replace(f, layer=layers.get(f.parameters[0])) if f.code == "SC406" and f.parameters else f for f in found]


def _follows_a_gradient(course: Course) -> bool:
    verdict = course.verdict
    return verdict.verdict == "right" and verdict.same_factor and not verdict.ascent


def _asked(finder: Finder, course: Course) -> list[Finding]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return finder(course)


_OF_CODE: dict[str, tuple[Finder, ...]] = {
    "SC202": (biases_of_samples,),
    "SC302": (uneven_parts,),
    "SC303": (growing_weights,),
    "SC305": (other_starts, passed_by, read_for_another),
    "SC306": (overwritten_shares, unread_targets),
    "SC308": (cancelled_errors, differing_loss),
    "SC309": (_by_numbers,),
    "SC401": (late_steps, later_versions, hardly_updated, filled_late),
    "SC402": (_uphill, turned_round),
    "SC403": (never_reset,),
    "SC404": (one_list, one_object, second_names, later_versions, later_passes, moved_views, kept_best, changed_data),
    "SC405": (_lost_updates, wrapped),
    "SC406": (
        replaced,
        _lost_updates,
        moved_copies,
        unfed_velocities,
        lost_steps,
        lost_numbers,
        dropped_sums,
        added_twice,
        left_views,
        only_last,
        moments,
        idle_velocities,
        overwritten_squares,
        repeated_rows,
        _never_moved,
        outside_loops,
        nothing_moves,
    ),
    "SC407": (parted, other_records, mixed_samples, mirrored_sums),
    "SC408": (never_renewed,),
    "SC409": (lost_rows, short_strides, left_early, used_up),
    "SC410": (moments, squared_means, rooted_means, step_counters, shared_state, compounding_rates),
    "SC411": (thrown_away, stuck_counters, unread_scales, unread_biases),
    "SC501": (not_finite,),
    "SC502": (not_finite,),
    "SC503": (saturated,),
    "SC504": (equal_units,),
    "SC505": (class_numbers, out_of_reach),
    "SC506": (constant_output,),
}

__all__ = ["other_mistakes", "remains", "update_mistakes"]
