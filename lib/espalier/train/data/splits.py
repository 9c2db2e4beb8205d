"""The samples of a trial: read, split, normalised and resized once, then held on the device.

A set that would not fit is kept raw and prepared batch by batch (see `device_residency`). Text is
cut into windows instead (see `text_windows`).

Trials of a worker with equal data settings share the tensors. The test set is sealed: it can be
opened once, at the end.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from espalier.core import component
from espalier.core.component import symbol
from espalier.core.contracts import Dataset, Run
from espalier.core.paths import BASE
from espalier.core.samples import RawData, RawText, SampleShape, Shape, Split, TokenShape
from espalier.core.trial_config import Config
from espalier.datasets.sample_counts import ImageCounts
from espalier.datasets.sample_counts import check_batch as check_batch
from espalier.datasets.stratified_split import members_of_classes, stratified_order
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.train.data.device_residency import ResidencyPlan
from espalier.train.data.text_windows import (
    TextFacts,
    WindowPlan,
    cut_windows,
    measure_text,
    text_fingerprint,
)
from espalier.train.data.transforms import Normalization, Preparation, scale_to_unit
from espalier.train.engine.task_sequence import TaskSequence

SETS_KEPT = 2  # prepared data sets that a worker keeps in memory


@kconfig_dataclass
class DataPlan:
    """Which images a trial sees and how they are scaled."""

    train_subset: int = symbol("TRAIN_SUBSET")
    validation_fraction: float = symbol("VALIDATION_FRACTION")
    split_seed: int = symbol("SPLIT_SEED")
    normalize: bool = symbol("NORMALIZE")
    noise: float | None = symbol("INPUT_NOISE")


Plan: TypeAlias = DataPlan | WindowPlan
PLANS: dict[type[Shape], type[Plan]] = {SampleShape: DataPlan, TokenShape: WindowPlan}


class SealedTest:
    """The test samples, which can be read once: after every decision has been taken."""

    def __init__(self, split: Split) -> None:
        self._split: Split | None = split
        self._samples = len(split)

    def __len__(self) -> int:
        return self._samples

    def open(self) -> Split:
        """Return the samples. Raises RuntimeError the second time."""
        if self._split is None:
            raise RuntimeError("the test set was opened before: it is read once, at the end")
        split, self._split = self._split, None
        return split


@dataclass(frozen=True)
class Data:
    """The training, validation and test samples of a trial.

    `shape` is that of the prepared samples; `fingerprint` identifies the samples of each split
    before scaling, so it is the same on every device. `text` holds the statistics of a text.
    `request` reproduces the samples, and `tasks` says whether they change while a trial trains.
    """

    train: Split
    validation: Split
    test: SealedTest
    shape: Shape
    fingerprint: str
    text: TextFacts | None
    request: SplitRequest
    tasks: TaskSequence = TaskSequence()


def load_data(  # noqa: PLR0913 (the last two are how images are prepared)
    config: Config,
    settings: Config,
    dataset: Dataset,
    input_size: int | None,
    device: torch.device,
    normalization: Normalization | None = None,
) -> Data:
    """Return the trial's data on `device`, images resized to `input_size` pixels a side if given.

    They are normalised as CONFIG_NORMALIZE says, or by a given `normalization`.

    Raises UserError if files are absent or damaged, CannotTrain if the data cannot be divided as
    configured.
    """
    folder = BASE / settings.read("DATA_DIR", str)
    download = settings.read("DOWNLOAD", bool)
    plan: Plan = component.build(PLANS[dataset.holds], config, "")
    residency = component.build(ResidencyPlan, settings, "")
    target = (input_size, str(device))
    request = SplitRequest(dataset, folder, download, plan, target, residency, normalization)
    prepared = prepare_splits(request)
    prepared.check_untouched()
    check_batch(config.read("BATCH_SIZE", int), len(prepared.train))
    return Data(
        prepared.train,
        prepared.validation,
        SealedTest(prepared.test),
        prepared.shape,
        prepared.fingerprint,
        prepared.text,
        request,
    )


def batches(runs: Sequence[Run]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield every training sample once for each of K runs, in `steps_in` common batches.

    A batch is copies `x` (K * b, channels, height, width) and `y` (K * b,); for text both
    (K * b, context): the samples of the first run, then those of the second. Each run's order and
    augmentation are drawn from its own generators, so its part is what it would be alone. Raises
    ValueError unless all runs have the same training split and batch size.
    """
    split, size = runs[0].train, runs[0].batch_size
    if any(run.train is not split or run.batch_size != size for run in runs):
        raise ValueError("runs must have the same training split and batch size to share batches")
    streams = [run.generators["batches"] for run in runs]
    orders = [torch.randperm(len(split), generator=s, device=s.device) for s in streams]
    plain = split.batches(torch.stack(orders), size)
    augment = any(run.augmentation is not None and run.augmentation.active for run in runs)
    return _augmented(runs, plain) if augment else plain


def _augmented(
    runs: Sequence[Run], plain: Iterable[tuple[Tensor, Tensor]]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the `plain` batches with each run's part changed by its own augmentation."""
    for x, y in plain:
        parts = zip(runs, x.chunk(len(runs)), strict=True)
        changed = [_changed(run, part) for run, part in parts]
        yield torch.cat(changed) if len(changed) > 1 else changed[0], y


def _changed(run: Run, x: Tensor) -> Tensor:
    return x if run.augmentation is None else run.augmentation.apply(x, run.generators["augment"])


@dataclass(frozen=True)
class SplitRequest:
    """Everything that the prepared tensors depend on; equal requests share them."""

    dataset: Dataset
    folder: Path
    download: bool
    plan: Plan
    target: tuple[int | None, str]  # pixels a side, device
    residency: ResidencyPlan
    normalization: Normalization | None = None  # None: fitted on the training samples

    def preparation(self, train_x: Tensor, plan: DataPlan) -> Preparation:
        """Return the preparation of raw images, of which `train_x` are the training samples."""
        if self.normalization is None:
            return Preparation.of(train_x, plan.normalize, self.target[0])
        return Preparation.by(self.normalization, self.target[0])


@dataclass(frozen=True, eq=False)
class PreparedSplits:
    """The prepared samples of a data set, which the trials of a worker share."""

    train: Split
    validation: Split
    test: Split
    shape: Shape
    fingerprint: str
    text: TextFacts | None = None

    def check_untouched(self) -> None:
        """Raise RuntimeError if anything wrote into the tensors: later trials would differ."""
        splits = (self.train, self.validation, self.test)
        if any(split.x._version or split.y._version for split in splits):
            raise RuntimeError("a trial wrote into the samples that trials of a worker share")


@functools.lru_cache(maxsize=SETS_KEPT)
def prepare_splits(request: SplitRequest) -> PreparedSplits:
    """Return the samples of a request, the same object each time while they are cached.

    Raises what `load_data` raises.
    """
    raw = request.dataset.load(request.folder, request.download)
    match raw, request.plan:
        case RawData() as images, DataPlan() as plan:
            return _prepare_images(images, plan, request)
        case RawText() as text, WindowPlan() as plan:
            return _prepare_text(text, plan, request)
    raise TypeError(f"{request.dataset} must load what it holds, not {type(raw).__name__}")


def _prepare_text(raw: RawText, plan: WindowPlan, request: SplitRequest) -> PreparedSplits:
    _, device = request.target
    splits = cut_windows(raw, plan)
    train, validation, test = (part.split(torch.device(device)) for part in splits)
    shape = TokenShape(len(raw.symbols), raw.context)
    digest = text_fingerprint(splits, raw.symbols)
    return PreparedSplits(train, validation, test, shape, digest, measure_text(raw, splits[1]))


def _prepare_images(raw: RawData, plan: DataPlan, request: SplitRequest) -> PreparedSplits:
    splits = divide_samples(raw, plan)
    _, device = request.target
    preparation = request.preparation(splits[0].x, plan)
    splits = add_fixed_noise(splits, plan.noise or 0.0, plan.split_seed)
    train, validation, test = request.residency.place(splits, preparation, torch.device(device))
    _, channels, height, width = preparation.shape(splits[0].x)
    shape = SampleShape(channels, height, width, raw.classes)
    return PreparedSplits(train, validation, test, shape, fingerprint(splits))


def add_fixed_noise(
    splits: tuple[Split, Split, Split], sigma: float, seed: int
) -> tuple[Split, Split, Split]:
    """Return training and validation images with noise of deviation `sigma`, and the test as it is.

    Images are (n, channels, height, width) as loaded; with noise they are float32, 0..1.
    Source: `get_data` of Poirazi-Lab/dendritic_anns (one perturbation of each image).
    Differs: the test has noise of its own (CONFIG_TEST_NOISE).
    """
    if not sigma:
        return splits
    generator = torch.Generator().manual_seed(seed)
    train, validation = (_perturb(split, sigma, generator) for split in splits[:2])
    return train, validation, splits[2]


def _perturb(split: Split, sigma: float, generator: torch.Generator) -> Split:
    clean = scale_to_unit(split.x)
    noise = sigma * torch.randn(clean.shape, generator=generator, device="cpu")
    return Split((clean + noise).clamp(0, 1), split.y)


def divide_samples(raw: RawData, plan: DataPlan) -> tuple[Split, Split, Split]:
    """Return training, validation and test samples, unscaled, divided by the plan.

    Validation is cut off first, so it is the same for every size of training subset. Raises
    CannotTrain if a part would be empty or a class would be missing by design.
    """
    counts = ImageCounts(len(raw.train_y), len(members_of_classes(raw.train_y)))
    held_out = counts.held_out(plan.validation_fraction)
    size = counts.training(plan.train_subset, plan.validation_fraction)
    order = stratified_order(raw.train_y, plan.split_seed)
    chosen = (order[held_out : held_out + size], order[:held_out])
    train, validation = (Split(raw.train_x[part], raw.train_y[part]) for part in chosen)
    return train, validation, Split(raw.test_x, raw.test_y)


def fingerprint(splits: tuple[Split, ...]) -> str:
    """Return 16 hex digits of a hash over shape, type and content of every tensor, in order."""
    digest = hashlib.sha256()
    for split in splits:
        for tensor in (split.x, split.y):
            digest.update(f"{tuple(tensor.shape)} {tensor.dtype};".encode())
            digest.update(tensor.contiguous().cpu().numpy().data)
    return digest.hexdigest()[:16]
