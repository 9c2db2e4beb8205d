"""Records: where they are kept, which counts, and what they say of a comparison."""

from __future__ import annotations

import pytest
import records
from records import Unsupported
from scipy import stats

ONE, OTHER = [1.0, 1.4, 0.9, 1.3], [0.2, -0.3, 0.4, 0.1]


def figure(what, mean, half_width, n=10, family="digits", **more):
    numbers = {"mean": mean, "half_width": half_width, "n": n}
    return {"what": what, "unit": "points", "family": family, **numbers, **more}


def record(*figures, name="sparse", when="2026-01-02", **more):
    code = {"commit": "0123456789"}
    kept = {"name": name, "when": when, "code": code, "notes": [], "figures": [*figures]}
    return kept | more


def test_what_was_measured_last_counts_and_what_was_published_where_nothing_was_measured():
    old, new = record(when="2026-01-02"), record(when="2026-03-04")
    page, other = record(when="2026-05-06"), record(name="growth")
    assert records.by_name([new, old], [page, other]) == {"sparse": new, "growth": other}


def test_p_is_corrected_for_the_family_and_no_other():
    values = [dict(figure("a", 1.15, 0.4), values=ONE), dict(figure("b", 0.1, 0.5), values=OTHER)]
    alone = dict(figure("c", 1.15, 0.4, family="other"), values=ONE)
    kept = record(*values, alone)
    p, larger = (stats.ttest_1samp(v, 0).pvalue for v in (ONE, OTHER))
    assert records.corrected_p(kept, values[0]) == pytest.approx(2 * p)
    assert records.corrected_p(kept, values[1]) == pytest.approx(larger)
    assert records.corrected_p(kept, alone) == pytest.approx(p)


def test_without_values_p_is_that_of_the_interval():
    interval = stats.t.ppf(0.975, 3) * stats.sem(ONE)
    (only,) = kept = [figure("a", 1.15, interval, n=4)]
    assert records.corrected_p(record(*kept), only) == pytest.approx(
        stats.ttest_1samp(ONE, 0).pvalue
    )


def test_comparisons_that_no_record_has_count_too():
    first = figure("a", 2.0, 1.0)
    alone = records.corrected_p(record(first), first)
    of_five = records.corrected_p(record(first, families={"digits": 5}), first)
    assert of_five == pytest.approx(5 * alone)


def test_a_published_p_counts_as_it_is():
    published = figure("a", 2.0, 1.0, p=0.04)
    assert records.corrected_p(record(published, families={"digits": 9}), published) == 0.04


@pytest.mark.parametrize(
    ("mean", "half_width", "outcome"),
    [(2.0, 1.0, "higher"), (-2.0, 1.0, "lower"), (1.0, 1.5, "no difference")],
)
def test_the_outcome_of_a_comparison(mean, half_width, outcome):
    every = {"sparse": record(figure("a - b", mean, half_width))}
    assert records.outcome(every, "sparse", "a - b") == outcome


def test_what_holm_leaves_no_difference_is_none_though_its_own_interval_is_above_0():
    every = {"sparse": record(figure("a - b", 1.2, 1.0), families={"digits": 20})}
    assert records.outcome(every, "sparse", "a - b") == "no difference"


def test_an_outcome_needs_a_record_a_figure_and_a_family():
    every = {"sparse": record(figure("level", 90.0, 1.0, family=""))}
    with pytest.raises(Unsupported, match="no record 'other'"):
        records.outcome(every, "other", "level")
    with pytest.raises(Unsupported, match="has no figure 'a - b'"):
        records.outcome(every, "sparse", "a - b")
    with pytest.raises(Unsupported, match="'level' of 'sparse' is no comparison"):
        records.outcome(every, "sparse", "level")


def test_texts_are_those_of_the_record_and_of_its_notes_but_never_of_a_figure():
    kept = record(
        figure("a", 1.0, 0.5), notes=["why: gain: 9", "a: +1.00"], texts={"table": "| x |"}
    )
    assert records.find_text({**kept, "notes": ["why: gain: 9"]}, "why") == "gain: 9"
    assert records.find_text(kept, "table") == "| x |"
    assert records.find_text(kept, "a") is None and records.find_text(kept, "b") is None
