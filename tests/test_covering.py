"""The choice of cases that `make test` runs of a product, and the nightly rest."""

from itertools import product

from covering import covering, rest_nightly

OPTIMIZERS, METHODS, MODELS = ("sgd", "adam"), ("none", "set", "rigl", "dsr"), ("mlp", "lenet")
CASES = list(product(OPTIMIZERS, METHODS, MODELS))


def with_each_model(optimizer, method, model):
    return (optimizer, model), (method, model)


def test_every_part_is_there_and_no_more_cases_than_it_takes():
    chosen = covering(CASES, with_each_model)
    assert {case[::2] for case in chosen} == set(product(OPTIMIZERS, MODELS))
    assert {case[1:] for case in chosen} == set(product(METHODS, MODELS))
    assert len(chosen) == len(METHODS) * len(MODELS)
    assert chosen == sorted(chosen, key=CASES.index)


def test_the_others_are_shared_out():
    chosen = covering(CASES, with_each_model)
    assert [sum(case[0] == optimizer for case in chosen) for optimizer in OPTIMIZERS] == [4, 4]


def test_a_value_that_few_cases_have_is_taken_with_them():
    cases = [("adam", "none"), ("adam", "set"), ("adamwprune", "state"), ("sgd", "none")]
    assert covering(cases, lambda *case: case) == [cases[1], cases[2], cases[3]]


def test_what_is_left_out_is_nightly():
    marked = rest_nightly(CASES, with_each_model)
    assert [each.values for each in marked] == CASES
    nightly = [each.values for each in marked if each.marks]
    assert sorted(nightly + covering(CASES, with_each_model)) == sorted(CASES)
