"""The data of a trial: split by class, scaled by the training samples, sealed for the test."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espalier.core.contracts import CannotTrain, Dataset, Run
from espalier.core.samples import RawData, Split, piece_size, steps_in
from espalier.core.trial_config import Config
from espalier.train.data import splits
from espalier.train.data.augment import Augmentation
from espalier.train.data.splits import DataPlan, SealedTest, batches, divide_samples

CPU = torch.device("cpu")
VALUES = {
    "TRAIN_SUBSET": "0",
    "VALIDATION_FRACTION": "0.25",
    "SPLIT_SEED": "0",
    "NORMALIZE": "y",
    "BATCH_SIZE": "4",
    "AUGMENT_FLIP": "n",
    "AUGMENT_CROP_PADDING": "0",
}
SETTINGS = {"DATA_DIR": "data", "DOWNLOAD": "n", "DATA_MEMORY": "0", "DATA_WORKERS": "0"}


@dataclass(frozen=True)
class Fake(Dataset):
    """40 training and 8 test images of 4x4 pixels, two channels, four classes; counts its loads."""

    number: int = 0

    def load(self, data_dir: Path, download: bool) -> RawData:
        LOADS.append((data_dir, download))
        return raw_data()


LOADS: list[tuple[Path, bool]] = []


def raw_data(train=40, test=8):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (train + test, 2, 4, 4), generator=generator, dtype=torch.uint8)
    y = torch.arange(train + test) % 4
    return RawData(x[:train], y[:train], x[train:], y[train:], classes=4)


@pytest.fixture(autouse=True)
def fresh():
    splits.prepare_splits.cache_clear()
    LOADS.clear()


def load(input_size=None, number=0, **values):
    config = Config({**VALUES, **values})
    return splits.load_data(config, Config(SETTINGS), Fake(number), input_size, CPU)


def keys(split):
    """Samples as a set: the images are random, so no two are equal."""
    return {tuple(x.flatten().tolist()) for x in split.x}


def test_splits_are_disjoint_and_complete():
    raw = raw_data()
    train, validation, test = divide_samples(raw, DataPlan(validation_fraction=0.25))
    assert (len(train), len(validation), len(test)) == (30, 10, 8)
    assert not keys(train) & keys(validation)
    assert keys(train) | keys(validation) == keys(Split(raw.train_x, raw.train_y))
    assert keys(test) == keys(Split(raw.test_x, raw.test_y))


def test_labels_stay_with_their_images():
    raw = raw_data()
    label = {
        tuple(x.flatten().tolist()): int(y) for x, y in zip(raw.train_x, raw.train_y, strict=True)
    }
    for split in divide_samples(raw, DataPlan())[:2]:
        assert [label[tuple(x.flatten().tolist())] for x in split.x] == split.y.tolist()


def test_classes_keep_their_share():
    train, validation, _ = divide_samples(
        raw_data(), DataPlan(validation_fraction=0.2, train_subset=16)
    )
    assert train.y.bincount().tolist() == [4, 4, 4, 4]
    assert validation.y.bincount().tolist() == [2, 2, 2, 2]


def test_the_split_follows_its_own_seed():
    first, again, other = (
        divide_samples(raw_data(), DataPlan(split_seed=seed))[1] for seed in (1, 1, 2)
    )
    assert keys(first) == keys(again) != keys(other)


def test_a_smaller_subset_is_part_of_a_larger_one_and_validation_stays():
    small, large = (divide_samples(raw_data(), DataPlan(train_subset=size)) for size in (8, 20))
    assert len(small[0]) == 8 and keys(small[0]) < keys(large[0])
    assert keys(small[1]) == keys(large[1])


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_no_part_may_be_empty(fraction):
    with pytest.raises(CannotTrain, match="CONFIG_VALIDATION_FRACTION=.*each part needs one"):
        divide_samples(raw_data(), DataPlan(validation_fraction=fraction))


@pytest.mark.parametrize("size", [3, 35])
def test_a_subset_has_every_class_and_is_no_larger_than_what_is_left(size):
    with pytest.raises(CannotTrain, match=r"CONFIG_TRAIN_SUBSET=.*in 4\.\.34"):
        divide_samples(raw_data(), DataPlan(train_subset=size, validation_fraction=0.15))


def test_a_batch_is_no_larger_than_the_training_samples():
    assert len(load(BATCH_SIZE="30").train) == 30
    with pytest.raises(CannotTrain, match="CONFIG_BATCH_SIZE=31: must be at most the 30"):
        load(BATCH_SIZE="31")


def test_images_are_normalised_by_the_training_split_alone():
    raw_train, raw_validation, raw_test = divide_samples(
        raw_data(), DataPlan(validation_fraction=0.25)
    )
    scale = raw_train.x.double() / 255
    mean = scale.mean((0, 2, 3), keepdim=True)
    std = scale.std((0, 2, 3), correction=0, keepdim=True)
    loaded = load()
    for ours, theirs in (
        (loaded.train, raw_train),
        (loaded.validation, raw_validation),
        (loaded.test.open(), raw_test),
    ):
        expected = (theirs.x.double() / 255 - mean) / std
        torch.testing.assert_close(ours.x, expected.float(), atol=1e-5, rtol=0)
    assert abs(float(loaded.validation.x.mean())) > 1e-3  # not centred by its own mean


def test_without_normalisation_pixels_are_in_the_unit_interval():
    loaded, (raw_train, _, _) = (
        load(NORMALIZE="n"),
        divide_samples(raw_data(), DataPlan(validation_fraction=0.25)),
    )
    assert torch.equal(loaded.train.x, raw_train.x.float() / 255)


def test_images_are_resized_once_to_what_the_model_wants():
    loaded = load(input_size=8)
    assert loaded.train.x.shape == (30, 2, 8, 8) and loaded.test.open().x.shape == (8, 2, 8, 8)
    assert (loaded.shape.height, loaded.shape.width, loaded.shape.classes) == (8, 8, 4)
    plain = load().train.x
    # Corners of a bilinear enlargement by two are the corners themselves.
    torch.testing.assert_close(loaded.train.x[..., 0, 0], plain[..., 0, 0])


def test_the_test_set_opens_once():
    sealed = SealedTest(Split(torch.zeros(3, 1), torch.zeros(3)))
    assert len(sealed) == 3 and len(sealed.open()) == 3
    with pytest.raises(RuntimeError, match="opened before"):
        sealed.open()
    assert len(sealed) == 3


def test_trials_with_equal_data_settings_share_the_samples_but_not_the_seal():
    first, second = load(), load(BATCH_SIZE="8")
    assert first.train.x is second.train.x and len(LOADS) == 1
    first.test.open()
    assert len(second.test.open()) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"number": 1},
        {"input_size": 6},
        {"NORMALIZE": "n"},
        {"SPLIT_SEED": "1"},
        {"TRAIN_SUBSET": "8"},
        {"VALIDATION_FRACTION": "0.5"},
    ],
    ids=str,
)
def test_any_other_data_setting_prepares_anew(change):
    first, second = load(), load(**change)
    assert first.train.x is not second.train.x and len(LOADS) == 2


def test_shared_samples_are_the_same_as_freshly_prepared_ones():
    load()
    shared = load()
    splits.prepare_splits.cache_clear()
    assert torch.equal(load().train.x, shared.train.x)


def test_a_write_into_shared_samples_is_found_out():
    load().train.x.zero_()
    with pytest.raises(RuntimeError, match="wrote into the samples"):
        load()


def test_the_fingerprint_is_that_of_the_samples_of_each_split():
    base = load().fingerprint
    assert len(base) == 16 and int(base, 16) >= 0
    assert load(NORMALIZE="n").fingerprint == base == load(input_size=8).fingerprint
    assert base != load(SPLIT_SEED="1").fingerprint
    raw = raw_data()
    changed = raw.test_x.clone()
    changed[0, 0, 0, 0] ^= 1
    fingerprints = {
        splits.fingerprint(divide_samples(part, DataPlan()))
        for part in (raw, replace(raw, test_x=changed))
    }
    assert len(fingerprints) == 2


def run_over(split, seed=0, batch_size=4, augmentation=None):
    names = ("batches", "augment")
    return Run(
        model=torch.nn.Identity(),
        optimizer=None,
        method=None,
        train=split,
        validation=split,
        epochs=1,
        batch_size=batch_size,
        generators={name: torch.Generator().manual_seed(seed) for name in names},
        augmentation=augmentation,
    )


@given(st.integers(1, 200), st.integers(1, 40))
def test_batches_are_as_many_as_announced_and_hold_each_sample_once(samples, batch_size):
    split = Split(torch.arange(samples).view(-1, 1, 1, 1).float(), torch.arange(samples))
    parts = list(batches([run_over(split, batch_size=batch_size)]))
    sizes = [len(y) for _, y in parts]
    assert len(parts) == steps_in(samples, batch_size)
    assert torch.cat([y for _, y in parts]).sort().values.tolist() == list(range(samples))
    assert all(torch.equal(x.flatten().long(), y) for x, y in parts)
    assert all(size == batch_size for size in sizes[:-1]) and sizes[-1] <= batch_size + 1
    assert 1 not in sizes or batch_size == 1 or samples == 1


@pytest.mark.parametrize(
    ("samples", "batch_size", "sizes"),
    [(8, 4, [4, 4]), (10, 4, [4, 4, 2]), (9, 4, [4, 5]), (3, 2, [3]), (2, 1, [1, 1])],
)
def test_a_single_sample_left_over_joins_the_batch_before(samples, batch_size, sizes):
    split = Split(torch.zeros(samples, 1, 1, 1), torch.zeros(samples))
    for runs in (1, 3):
        parts = batches([run_over(split, seed, batch_size) for seed in range(runs)])
        assert [len(y) for _, y in parts] == [runs * size for size in sizes]


def test_the_order_follows_the_generator_and_changes_every_epoch():
    split = Split(torch.zeros(50, 1, 1, 1), torch.arange(50))

    def two_epochs(seed):
        run = run_over(split, seed, batch_size=8)
        return [torch.cat([y for _, y in batches([run])]).tolist() for _ in range(2)]

    assert two_epochs(1) == two_epochs(1) != two_epochs(2)
    assert two_epochs(1)[0] != two_epochs(1)[1]
    order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    assert two_epochs(1)[0] == order.tolist()


def test_batches_are_copies():
    split = Split(torch.ones(4, 1, 1, 1), torch.arange(4))
    for x, _ in batches([run_over(split, batch_size=2)]):
        x.zero_()
    assert float(split.x.sum()) == 4


SHIFTED, BOTH, OFF = Augmentation(crop_padding=2), Augmentation(True, 1), Augmentation()


@pytest.mark.parametrize(
    "augmentations",
    [(None,), (BOTH,), (None, None, None), (OFF, None, OFF), (SHIFTED, None, BOTH)],
    ids=["one", "one augmented", "three", "three, off", "three, mixed"],
)
@pytest.mark.parametrize("samples", [12, 14, 17])  # 17: the last batch of four has five
def test_a_group_has_the_batches_that_each_run_has_alone(augmentations, samples):
    split = Split(torch.randn(samples, 1, 4, 4), torch.arange(samples))

    def runs():
        return [
            run_over(split, seed, 4, augmentation)
            for seed, augmentation in enumerate(augmentations)
        ]

    group, alone = runs(), runs()
    for _ in range(2):  # epochs
        expected = zip(*(batches([run]) for run in alone), strict=True)
        for (x, y), parts in zip(batches(group), expected, strict=True):
            assert torch.equal(x, torch.cat([part for part, _ in parts]))
            assert torch.equal(y, torch.cat([part for _, part in parts]))


def test_a_group_shares_one_split_and_one_batch_size():
    split, other = (Split(torch.zeros(8, 1, 1, 1), torch.arange(8)) for _ in range(2))
    for stranger in (run_over(other), run_over(split, batch_size=2)):
        with pytest.raises(ValueError, match="same training split and batch size"):
            batches([run_over(split), stranger])


def test_pieces_are_the_samples_in_order():
    split = Split(torch.randn(7, 1, 2, 2), torch.arange(7))
    xs, ys = zip(*split.pieces(3), strict=True)
    assert [len(y) for y in ys] == [3, 3, 1]
    assert torch.equal(torch.cat(xs), split.x) and torch.equal(torch.cat(ys), split.y)


def test_shuffling_and_augmenting_draw_from_generators_of_their_own():
    split = Split(torch.randn(12, 1, 4, 4), torch.arange(12))
    plain, shifted = run_over(split, 1), run_over(split, 1, augmentation=SHIFTED)
    for _ in range(2):  # epochs
        for (x, y), (moved, same) in zip(batches([plain]), batches([shifted]), strict=True):
            assert torch.equal(x, split.x[y]) and torch.equal(y, same)
            assert not torch.equal(x, moved)
    assert plain.steps_per_epoch == len(list(batches([plain])))


@pytest.mark.parametrize(
    ("sample", "size"),
    [((1, 8, 8), 2048), ((3, 32, 32), 2048), ((3, 224, 224), 41), ((3, 4096, 4096), 1)],
)
def test_pieces_of_large_images_have_fewer_samples(sample, size):
    assert piece_size(2048, sample) == size  # 2048 * 3072 numbers at most
