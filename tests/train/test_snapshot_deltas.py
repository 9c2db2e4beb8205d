"""What was encoded comes out again bit for bit, or it is noticed; what was equal costs nothing."""

import pytest
import torch

from espalier.train import deltas
from espalier.train.deltas import DamagedError, decode, encode


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


def odd():
    """Every kind of tensor that a position has, and some that it may have."""
    shared = torch.tensor([1.5, -0.0, float("nan"), float("inf")])
    return {
        "whole": torch.arange(5),
        "mask": torch.tensor([[True, False], [False, True]]),
        "half": torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
        "long": torch.tensor([1 + 2j], dtype=torch.complex128),
        "bytes": torch.tensor([0, 255, 7], dtype=torch.uint8),
        "single": torch.tensor(3.0, dtype=torch.float64),
        "none": torch.empty(0, 4),
        "turned": torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last),
        "nested": [shared, {0: shared, "0": (torch.ones(3), None, True, "text", 0.1)}],
    }


def same(one, other):
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert (one.dtype, one.shape, one.stride()) == (other.dtype, other.shape, other.stride())
        assert bits(one) == bits(other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert one == other


def round_trip(content, base=None):
    made = encode(content, base)
    found = decode(made.record(), made.sha256, base)
    same(found, content)
    return found


def test_all_comes_out_as_it_was():
    found = round_trip(odd())
    assert found["nested"][0] is found["nested"][1][0]


def test_a_difference_gives_the_same_as_the_whole():
    base = odd()
    content = odd()
    content["whole"][2] = -1
    content["nested"][0][0] = 1.0
    content["mask"] = torch.ones(3, 2, dtype=torch.bool)  # another shape
    content["half"] = content["half"].float()  # another type
    content["turned"] = content["turned"].contiguous()  # another order in memory
    content["new"] = torch.ones(2)
    del content["bytes"]
    round_trip(content, base)
    assert encode(content).sha256 == encode(content, base).sha256


def test_what_differs_is_what_is_written():
    base = torch.tensor([1.0, 2.0, 3.0])
    now = torch.tensor([1.0, 2.0, -3.0])  # the sign: the highest bit of the third
    assert deltas._changed(now, base) == bytes([0b00100000, 0, 0, 0, 0x80])
    assert deltas._changed(base, base) == bytes([0])
    # 1.0 and 2.0 are 3F800000 and 40000000: lowest bytes of both first
    two = torch.tensor([1.0, 0.0, 2.0])
    assert deltas._changed(two, None) == bytes([0b10100000, 0, 0, 0, 0, 0x80, 0, 0x3F, 0x40])


def test_what_is_as_it_was_or_zero_costs_next_to_nothing():
    draw = torch.Generator().manual_seed(1)
    weights = torch.randn(10000, generator=draw)
    moved = weights.clone()
    moved[:100] += 1
    whole, delta = encode({"w": moved}), encode({"w": moved}, {"w": weights})
    assert whole.size > 35000
    assert delta.size < 1200
    assert encode({"w": torch.zeros(10000)}).size < 600


@pytest.mark.parametrize("name", ["rest", "values"])
def test_damage_is_noticed(name):
    made = encode(odd())
    for at in (0, -1):
        record = made.record()
        record[name] = record[name].clone()
        record[name][at] ^= 1
        with pytest.raises(DamagedError):
            decode(record, made.sha256)


def test_another_base_is_noticed():
    base, content = {"w": torch.ones(50)}, {"w": torch.full((50,), 2.0)}
    made = encode(content, base)
    with pytest.raises(DamagedError, match="another checksum"):
        decode(made.record(), made.sha256, {"w": torch.full((50,), 3.0)})
    with pytest.raises(DamagedError):
        decode(made.record(), made.sha256)
