"""Text as windows: nothing is shared between parts, each character follows its own, entropies."""

import math
from dataclasses import replace

import pytest
import torch

from espalier.core.contracts import CannotTrain
from espalier.core.samples import RawText, Split
from espalier.datasets.text import encode
from espalier.train.data.text_windows import (
    TextPart,
    WindowPlan,
    cut_windows,
    measure_text,
    text_fingerprint,
)
from espalier.train.engine.losses import mean_losses

CPU = torch.device("cpu")


def raw(train=100, test=20, context=4, stride=4):
    characters = torch.arange(train + test)
    symbols = "".join(map(chr, range(200, 320)))
    return RawText(characters[:train], characters[train:], symbols, context, stride, 0.0)


def cut(text, **plan):
    return cut_windows(text, WindowPlan(**plan))


def test_parts_follow_each_other_and_share_no_character():
    train, validation, test = cut(raw(), validation_fraction=0.25)
    assert train.characters.tolist() == list(range(73))  # 18 windows of 4, and what follows
    assert validation.characters.tolist() == list(range(75, 100))
    assert test.characters.tolist() == list(range(100, 120))
    assert [len(part) for part in (train, validation, test)] == [18, 6, 4]


def test_each_place_is_paired_with_the_character_after_it():
    split = TextPart(torch.arange(10), 3, 3).split(CPU)
    assert split.x.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert split.y.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_windows_overlap_if_the_stride_says_so_and_take_no_memory():
    characters = torch.arange(6)
    split = TextPart(characters, 3, 1).split(CPU)
    assert split.x.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert split.x.data_ptr() == characters.data_ptr()


@pytest.mark.parametrize(
    ("characters", "context", "stride", "expected"),
    [
        (4, 4, 4, 0),
        (5, 4, 4, 1),
        (8, 4, 4, 1),
        (9, 4, 4, 2),
        (9, 4, 1, 5),
        (9, 4, 9, 1),
        (0, 2, 9, 0),
    ],
)
def test_only_whole_windows_count(characters, context, stride, expected):
    part = TextPart(torch.arange(characters), context, stride)
    assert len(part) == expected
    if expected:
        assert len(part.split(CPU)) == expected == len(part.first(expected).split(CPU))


def test_a_subset_is_the_first_windows():
    small, large = (cut(raw(), train_subset=n)[0].split(CPU).x.tolist() for n in (3, 5))
    assert small == large[:3] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert len(large) == 5


def test_a_subset_leaves_validation_as_it_is():
    assert cut(raw(), train_subset=2)[1].characters.equal(cut(raw())[1].characters)


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_no_part_may_be_without_a_window(fraction):
    with pytest.raises(CannotTrain, match="CONFIG_VALIDATION_FRACTION=.*each part needs one"):
        cut(raw(), validation_fraction=fraction)


def test_a_subset_is_no_larger_than_what_is_left():
    with pytest.raises(CannotTrain, match=r"CONFIG_TRAIN_SUBSET=99: must be 0 \(all\) or in 1..21"):
        cut(raw(), train_subset=99)


def test_the_fingerprint_tells_characters_meaning_and_windows_apart():
    text = raw()
    changed = text.test.clone()
    changed[-1] -= 1
    others = [
        text,
        replace(text, test=changed),
        replace(text, symbols=text.symbols[::-1]),
        replace(text, context=5),
        replace(text, stride=2),
    ]
    fingerprints = {text_fingerprint(cut(each), each.symbols) for each in others}
    assert len(fingerprints) == len(others) and all(len(digest) == 16 for digest in fingerprints)


def text_facts(text):
    symbols = "".join(sorted(set(text)))
    codes = encode(text, symbols)
    return measure_text(RawText(codes, codes, symbols, 2, 2, 0.0), TextPart(codes, 2, 2))


def test_floors_of_a_text_where_each_character_tells_the_next():
    facts = text_facts("abcd" * 25 + "a")  # a quarter each, 100 characters to predict
    assert facts.unigram == pytest.approx(math.log(4))
    assert facts.bigram == pytest.approx(0, abs=1e-12)


def test_floors_of_a_text_counted_by_hand():
    # To predict: a b b a a, 3 to 2. After a: a once, b once, of 2 ... after b: a once, b once.
    facts = text_facts("aabbaa")
    assert facts.unigram == pytest.approx(-(0.6 * math.log(0.6) + 0.4 * math.log(0.4)))
    after_a = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))  # aa, ab, aa
    assert facts.bigram == pytest.approx(3 / 5 * after_a + 2 / 5 * math.log(2))  # bb, ba


def test_no_table_of_pairs_beats_the_bigram_floor():
    generator = torch.Generator().manual_seed(0)
    text = "".join("abc"[i] for i in torch.randint(3, (400,), generator=generator))
    codes = encode(text, "abc")
    counts = torch.zeros(3, 3).index_put((codes[:-1], codes[1:]), torch.ones(399), accumulate=True)
    best = (counts / counts.sum(1, keepdim=True)).log()[codes[:-1]]
    loss = float(mean_losses(best.unsqueeze(0), codes[1:].unsqueeze(0), 1))
    assert text_facts(text).bigram == pytest.approx(loss, abs=1e-5)


def test_final_measures_are_in_bits_too():
    measures = text_facts("aabbaa").measures(math.log(2), math.log(4))
    assert (measures["val_bpc"], measures["test_bpc"]) == (pytest.approx(1), pytest.approx(2))
    assert set(measures) == {"val_bpc", "test_bpc", "floor_unigram", "floor_bigram"}


def test_losses_of_windows_are_means_over_their_characters():
    logits, y = torch.randn(4, 3, 5), torch.randint(5, (4, 3))
    each = torch.nn.functional.cross_entropy(logits.transpose(1, 2), y, reduction="none")
    expected = each.view(2, -1).mean(1)  # two trials of two windows
    torch.testing.assert_close(mean_losses(logits, y, 2), expected)


def test_batches_and_pieces_hold_windows():
    split = TextPart(torch.arange(13), 3, 3).split(CPU)
    ((x, y),) = split.batches(torch.tensor([[3, 0], [1, 1]]), 2)
    assert x.tolist() == [[9, 10, 11], [0, 1, 2], [3, 4, 5], [3, 4, 5]]
    assert torch.equal(y, x + 1)
    assert [len(part) for part, _ in split.pieces(3)] == [3, 1]
    assert isinstance(split, Split)
