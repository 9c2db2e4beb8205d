"""Lives, generations and ages of a lineage made by hand."""

from __future__ import annotations

from lineages import family

from espalier.report.figures.lineage_lives import (
    NeuronLife,
    ages_between_events,
    ages_over_time,
    births,
    descents,
    generations,
    lives,
)


def test_lives_are_followed_from_birth_to_death() -> None:
    assert lives(family(), "a", 40) == [
        NeuronLife(0, 0, 0, 30),
        NeuronLife(1, 1, 0, 10),
        NeuronLife(2, 2, 0, 40),
        NeuronLife(5, 1, 10, 40),
        NeuronLife(6, 0, 30, 40),
    ]


def test_a_generation_is_one_more_than_the_highest_of_its_parents() -> None:
    lineage = family()
    lineage.record_births(50, "b", [2], [[(0, 1.0)]])
    lineage.record_deaths(60, "a", [2], [0.0])
    lineage.record_births(60, "a", [2])  # fresh, without parents
    assert generations(lineage) == {5: 1, 6: 2, 7: 1, 8: 1}


def test_ages_over_time_are_those_of_the_living() -> None:
    assert [(step, sorted(ages)) for step, ages in ages_over_time(family(), "a", 40)] == [
        (10, [0, 10, 10]),
        (30, [0, 20, 30]),
        (40, [10, 30, 40]),
    ]
    # who dies with the last step is not among the living
    assert [sorted(ages) for _, ages in ages_over_time(family(), "a", 30)][-1] == [0, 20, 30]


def test_ages_grow_up_to_an_event_and_fall_with_it() -> None:
    assert [(step, sorted(ages)) for step, ages in ages_between_events(family(), "a", 40)] == [
        (0, [0, 0, 0]),
        (10, [10, 10, 10]),
        (10, [0, 10, 10]),
        (30, [20, 30, 30]),
        (30, [0, 20, 30]),
        (40, [10, 30, 40]),
        (40, [10, 30, 40]),
    ]


def test_births_are_the_events_of_a_layer_but_deaths() -> None:
    assert [(event.step, event.id) for event in births(family(), "a")] == [(10, 5), (30, 6)]
    assert births(family(), "b") == []


def test_descents_are_from_the_slot_of_a_parent_to_that_of_the_child() -> None:
    assert descents(family(), "a", 40) == [(10, 0, 1), (10, 2, 1), (30, 1, 0)]
    assert descents(family(), "b", 40) == []
