"""The choice among links: exact counts, ties and chances."""

import torch

from espalier.methods.rewiring.topology import link_choice


def keys(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_smallest_weights_go_and_nothing_else():
    weight = torch.tensor([[0.3, -0.1, 0.0], [0.2, 0.0, -0.5]])
    live = torch.tensor([[1, 1, 0], [1, 1, 1]]).bool()
    gone = link_choice.remove_smallest(weight, live, 2)
    assert gone.tolist() == [[False, True, False], [False, True, False]]


def test_the_highest_scores_come_and_of_equal_ones_those_with_the_lowest_keys():
    scores = torch.tensor([[3.0, 1.0, 1.0 + 1e-12], [1.0, 0.0, 9.0]], dtype=torch.float64)
    missing = torch.tensor([[1, 1, 1], [1, 1, 0]]).bool()
    drawn = torch.tensor([[0.9, 0.5, 0.2], [0.1, 0.0, 0.0]])
    grown = link_choice.grow_highest(scores, missing, 3, drawn)
    assert grown.tolist() == [[True, False, True], [True, False, False]]


def test_links_stay_in_proportion_to_their_weights_powers():
    weight, live = torch.tensor([[1.0, 2.0, 3.0, 7.0]]), torch.tensor([[1, 1, 1, 0]]).bool()
    for exponent in (0.0, 1.0, 2.0):
        stayed = torch.zeros(4)
        for seed in range(3000):
            gone = link_choice.remove_softly(weight, live, 2, exponent, keys(1, 4, seed=seed))
            assert int(gone.sum()) == 2
            stayed += (live & ~gone)[0]
        expected = torch.tensor([1.0, 2.0, 3.0]) ** exponent
        torch.testing.assert_close(stayed[:3] / 3000, expected / expected.sum(), atol=0.03, rtol=0)


def test_links_come_in_proportion_to_their_scores():
    scores = torch.tensor([[1.0, 3.0, 0.0, 5.0]], dtype=torch.float64)
    missing, came = torch.tensor([[1, 1, 1, 0]]).bool(), torch.zeros(4)
    for seed in range(3000):
        came += link_choice.grow_softly(scores, missing, 1, keys(1, 4, seed=seed))[0]
    torch.testing.assert_close(came / 3000, torch.tensor([0.25, 0.75, 0.0, 0.0]), atol=0.03, rtol=0)


def test_where_too_few_have_a_path_the_others_come_too():
    scores = torch.tensor([[0.0, 3.0, 0.0, 5.0]], dtype=torch.float64)
    missing = torch.tensor([[1, 1, 1, 0]]).bool()
    for seed in range(20):
        grown = link_choice.grow_softly(scores, missing, 2, keys(1, 4, seed=seed))
        assert int(grown.sum()) == 2 and grown[0, 1] and not grown[0, 3]
