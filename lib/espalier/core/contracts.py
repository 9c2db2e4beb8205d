"""What each kind of component must offer, and the run that is handed to every hook.

Every component is a frozen dataclass of hyperparameters: its fields are Kconfig symbols (see
`espalier.kconfig.config_dataclass`). Objects that change while training live on the `Run`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from typing_extensions import TypeVar

from espalier.core.birth_record import BirthRecord
from espalier.core.self_measuring import Measures

State_co = TypeVar("State_co", default=object, covariant=True)
"""What a method keeps while it trains a run. A function that takes a `Run` takes any."""

State_contra = TypeVar("State_contra", default=object, contravariant=True)
"""The state of the runs that a method takes."""

StateDict: TypeAlias = dict[str, Any]
"""Plain data and tensors, as of torch's `state_dict`."""


@dataclass(frozen=True)
class SampleShape:
    """One input sample: channels, height, width, and the number of classes."""

    channels: int
    height: int
    width: int
    classes: int

    @property
    def inputs(self) -> int:
        """Numbers in a sample."""
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class TokenShape:
    """One window of text: its characters, and how many different ones there can be."""

    vocabulary: int
    context: int


Shape: TypeAlias = SampleShape | TokenShape
"""What a data set holds and a model takes: images or text."""


@dataclass(frozen=True)
class RawData:
    """A data set as its files hold it, on the CPU, before any split.

    `train_x` and `test_x` are (n, channels, height, width), uint8 in 0..255 or float32;
    `train_y` and `test_y` are (n,) int64 in 0..classes-1.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int


@dataclass(frozen=True)
class RawText:
    """A text, on the CPU, before it is cut into windows.

    `train` and `test` are (n,) int64, places in `symbols`, the characters that can occur. A window
    is `context` characters and starts `stride` after the one before. A validation loss below
    `least_loss`, in nats a character, is taken for a leak and not for a good model (0: none is).
    """

    train: Tensor
    test: Tensor
    symbols: str
    context: int
    stride: int
    least_loss: float


PIECE_VALUES = 2048 * 3072  # numbers in a piece: 2048 colour images of 32x32 pixels


@dataclass(frozen=True)
class Split:
    """Samples as they are kept; `batches` and `pieces` hand them out as the model sees them.

    Images: `x` (n, channels, height, width) float32 and `y` (n,) int64 on the run's device; raw
    samples on the CPU where a set is `streamed`, because it would not fit. Windows of text: `x`
    and `y`, the characters that follow those of `x`, both (n, context) int64.
    """

    x: Tensor
    y: Tensor
    streamed: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.y)

    @property
    def device(self) -> torch.device:
        """Where batches and pieces are."""
        return self.x.device

    def batches(self, orders: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Copies of the samples in the order of `orders` (K, n), taken as `chunks` says.

        x is (K * b, channels, height, width), y (K * b,); of text, both (K * b, context).
        """
        for indices in chunks(orders.to(self.device), batch_size):
            yield self.x.index_select(0, indices), self.y.index_select(0, indices)

    def pieces(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Every sample once and in order, at most `size` at a time: views, not to be changed.

        Fewer at a time where samples are large (see `piece_size`).
        """
        size = piece_size(size, self.x.shape[1:])
        for start in range(0, len(self), size):
            yield self.x[start : start + size], self.y[start : start + size]


def piece_size(wanted: int, sample: Sequence[int]) -> int:
    """At most `wanted` samples, each of the shape `sample`, so that memory stays within bounds."""
    return max(1, min(wanted, PIECE_VALUES // math.prod(sample)))


@dataclass(frozen=True)
class Model(ABC):
    """Contract of a model component."""

    # What it is built for: images (SampleShape) or text (TokenShape).
    takes: ClassVar[type[Shape]] = SampleShape
    # Pixels a side the images are resized to; None: as the data set has them.
    input_size: ClassVar[int | None] = None
    # Fields that a budget of parameters can be solved for: there 0 stands for the largest number
    # that fits. A module with one of them at 0 is never built.
    free: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def build(self, shape: Any) -> nn.Module:
        """A fresh module for data of `shape`, which is of the kind that the model `takes`.

        For images it maps (n, channels, height, width) float32 to (n, classes) logits, for text
        (n, context) int64 to (n, context, vocabulary), where the logits of a place depend on
        nothing behind it. Initialised from torch's global generator, which the engine has seeded.
        Raises CannotTrain for fields that do not go together.
        """

    def parameters(self, shape: Any) -> int:
        """How many numbers the module for `shape` trains; it does not fall as a `free` field grows.

        Counted here on a module without memory; a closed form is many times faster. Raises what
        `build` raises.
        """
        with torch.device("meta"):
            module = self.build(shape)
        return sum(p.numel() for p in module.parameters() if p.requires_grad)

    def most(self, field: str, shape: Any) -> int:
        """The largest value, 1 or more, that makes sense for `field`, one of `free`."""
        raise ValueError(f"{type(self).__name__}.{field}: no budget can be solved for it")


@dataclass(frozen=True)
class Dataset(ABC):
    """Contract of a data set component."""

    # Images (SampleShape) or text (TokenShape).
    holds: ClassVar[type[Shape]] = SampleShape
    # What its samples measure, where that is known without reading them.
    shape: ClassVar[Shape | None] = None

    @abstractmethod
    def load(self, data_dir: Path, download: bool) -> RawData | RawText:
        """Read the whole set, verified: RawData for images, RawText for text.

        Raises UserError with one line (path looked at, how to get the data) when files are
        absent or damaged; touches the network only when `download` is true.
        """

    def shifted(self) -> Dataset | None:
        """The data set of the same shape that CONFIG_SHIFT=return goes to and comes back from.

        None if there is none.
        """
        return None


@dataclass(frozen=True)
class Optimizer(ABC):
    """Contract of an optimizer component."""

    @abstractmethod
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        """An ordinary torch optimizer over the trainable parameters of `model`.

        Weight decay must not touch biases and normalisation weights (`ndim <= 1`).
        """


@dataclass(frozen=True)
class LrSchedule(ABC):
    """Contract of a learning-rate schedule component: a pure function of the step."""

    @abstractmethod
    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """What the base learning rate is multiplied with at update `step` (0 is the first)."""


@dataclass(frozen=True)
class Method(Generic[State_contra]):
    """Contract of a method: what differs from plain training. Every hook may be left out.

    `attach` puts whatever changes while training on `run.method_state`; the type of that is the
    method's parameter: `class Clamp(Method[Bounds])` has hooks of a `Run[Bounds]`. A method knows
    one ordinary model; it never learns of sweeps or packs. Between two hooks the tensors behind the
    model's parameters, their gradients and the optimizer's state may be replaced by equal ones:
    keep the parameters, never their data. Random numbers come from `run.generators["method"]`.
    """

    # Whether runs may be trained as one program. False for a method that changes shapes, sets
    # attributes of modules, or replaces tensors of the model, gradients, or parts of the optimizer
    # (state, groups) instead of changing them in place.
    packable: ClassVar[bool] = True

    def attach(self, run: Run[State_contra]) -> None:
        """Before the first step. Raises `CannotTrain` if the trial can make no sense."""

    def charge(self, run: Run[State_contra]) -> int:
        """Return how many epochs of the run `attach` has used up; they are not trained."""
        return 0

    def after_backward(self, run: Run[State_contra]) -> None:
        """Gradients are there, not yet clipped; `run.step` updates are done."""

    def after_step(self, run: Run[State_contra]) -> None:
        """The optimizer has just done update number `run.step` (1 is the first)."""

    def after_epoch(self, run: Run[State_contra]) -> None:
        """`run.epoch` epochs are complete (1 is the first)."""

    def check(self, run: Run[State_contra]) -> None:
        """Assert what must hold after every update; called only with CONFIG_DEBUG_CHECKS=y."""

    def measures(self, run: Run[State_contra]) -> Measures:
        """Scalars for the epoch's record and the final result, `sparsity` (0..1) among them."""
        return {}

    def connectivity(self, run: Run[State_contra]) -> Measures:
        """Scalars for the final result: how the network hangs together, where the method knows.

        Not called where the model measures itself (see `SelfMeasuring`).
        """
        return {}

    def birth_record(self, run: Run[State_contra]) -> BirthRecord | None:
        """Return when each weight was born, or None if the method makes no new ones."""
        return None

    def changes(self, run: Run[State_contra]) -> int:
        """How often the network's structure has changed so far.

        Early stopping begins a new wait when the number does. Leave it at 0 where changes are so
        frequent or so small that validation need not recover from them.
        """
        return 0

    def unfinished(self, run: Run[State_contra]) -> bool:
        """Whether a network stopped now would not be the one asked for; early stopping waits."""
        return False

    def write(self, run: Run[State_contra], folder: Path) -> None:
        """Leave files for people in the trial's `folder`, once, when the run is complete."""

    def state_dict(self, run: Run[State_contra]) -> StateDict:
        """What `load_state_dict` needs to go on exactly from here."""
        return {}

    def load_state_dict(self, run: Run[State_contra], state: StateDict) -> None:
        """The inverse of `state_dict`, after `attach`, also of a run that has gone on since.

        Layers take the sizes that they had: this is called before the model's state is loaded.
        """


class Augment(Protocol):
    """What changes the training images of a run each time they are seen."""

    @property
    def active(self) -> bool:
        """Whether it changes anything."""
        ...

    def apply(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A changed copy of `x` (n, channels, height, width), or `x` itself if not active."""
        ...


def steps_in(samples: int, batch_size: int) -> int:
    """Batches in one pass over `samples`; the last may be smaller, and counts.

    A single sample left over joins the batch before it: BatchNorm cannot train on one alone.
    """
    leftover = 1 if batch_size > 1 and samples > batch_size and samples % batch_size == 1 else 0
    return -(-samples // batch_size) - leftover


def chunks(orders: Tensor, batch_size: int) -> Iterator[Tensor]:
    """The indices of each batch, (K * b,): `batch_size` of each row of `orders` (K, samples).

    The first row's come first. There are `steps_in` batches, the last as large as it has to be.
    """
    last = steps_in(orders.shape[1], batch_size) - 1
    for step in range(last + 1):
        end = None if step == last else (step + 1) * batch_size
        yield orders[:, step * batch_size : end].reshape(-1)


@dataclass
class Run(Generic[State_co]):
    """One live training, its counters and generators: the single argument of every hook."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    method: Method[State_co]
    train: Split
    validation: Split
    epochs: int
    batch_size: int
    generators: dict[str, torch.Generator]  # one a purpose, see `espalier.train.engine.seeds`
    step: int = 0  # updates done
    epoch: int = 0  # epochs complete
    method_state: State_co = field(default=None)  # type: ignore[assignment]  # until `attach`
    augmentation: Augment | None = None

    def attach(self) -> None:
        """Let the method begin, and charge the run what that has cost. Raises `CannotTrain`."""
        self.method.attach(self)
        self.epochs -= self.method.charge(self)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one epoch."""
        return steps_in(len(self.train), self.batch_size)

    @property
    def total_steps(self) -> int:
        """Updates in the whole run."""
        return self.epochs * self.steps_per_epoch


class CannotTrain(Exception):
    """This trial would run without meaning what it says; `reason` is a short code.

    The engine turns it into a `failed` result before the first step.
    """

    def __init__(self, reason: str, message: str) -> None:
        """`reason` is the code kept with the result, `message` the line shown to the user."""
        super().__init__(message)
        self.reason = reason
