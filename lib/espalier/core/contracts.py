"""The base class of each kind of component, and the run that every hook of a method is given.

A component is a frozen dataclass of hyperparameters, whose fields are Kconfig symbols (see
`espalier.kconfig.config_dataclass`). Whatever changes while training lies on the `Run`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor, nn
from typing_extensions import TypeVar

from espalier.core.birth_record import BirthRecord
from espalier.core.errors import CannotTrain as CannotTrain
from espalier.core.run_length import RunLength, steps_in
from espalier.core.samples import Augment, RawData, RawText, Samples, SampleShape, Shape, Split
from espalier.core.self_measuring import Costs, KeepsMasks, MaskListener, Measures

State_co = TypeVar("State_co", default=object, covariant=True)
"""The state that a method keeps on a run. A function that takes a `Run` takes one of any state."""

State_contra = TypeVar("State_contra", default=object, contravariant=True)
"""The state of the runs that a method is given."""

StateDict: TypeAlias = dict[str, Any]
"""Plain data and tensors, as torch's `state_dict` returns them."""


@dataclass(frozen=True)
class Model(ABC):
    """The contract of a model component."""

    # The input that it is built for: images (SampleShape) or text (TokenShape).
    takes: ClassVar[type[Shape]] = SampleShape
    # Pixels a side that images are resized to; None: as the data set has them.
    input_size: ClassVar[int | None] = None
    # Fields that a budget of parameters can be solved for. In these, 0 stands for the largest
    # number that fits, and no module is built before that number is known.
    free: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def build(self, shape: Any) -> nn.Module:
        """Return a new module for data of `shape`, an instance of what the model `takes`.

        For images it maps (n, channels, height, width) float32 to (n, classes) logits. For text it
        maps (n, context) int64 to (n, context, vocabulary) logits, and those of a place depend on
        no later character. Weights are drawn from torch's global generator, which is seeded before.
        Raises CannotTrain for fields that do not go together.
        """

    def parameters(self, shape: Any) -> int:
        """Count the parameters of the module for `shape` that are trained.

        The count must not fall as a `free` field grows. This one builds a module without memory; a
        closed form is many times faster. Raises what `build` raises.
        """
        with torch.device("meta"):
            module = self.build(shape)
        return sum(p.numel() for p in module.parameters() if p.requires_grad)

    def largest(self, field: str, shape: Any) -> int:
        """Return the largest value, 1 or more, that makes sense for `field`, one of `free`."""
        raise ValueError(f"{type(self).__name__}.{field}: no budget can be solved for it")


@dataclass(frozen=True)
class Dataset(ABC):
    """The contract of a data set component."""

    # Images (SampleShape) or text (TokenShape).
    holds: ClassVar[type[Shape]] = SampleShape
    # The shape of its samples, where it is known without reading them.
    shape: ClassVar[Shape | None] = None

    @abstractmethod
    def load(self, data_dir: Path, download: bool) -> RawData | RawText:
        """Read and verify the whole set: RawData for images, RawText for text.

        Only with `download` may it use the network. Raises UserError, with the path and how to get
        the data, if files are absent or damaged.
        """

    def shifted(self) -> Dataset | None:
        """Return the data set that CONFIG_SHIFT=return changes to, of the same shape; or None."""
        return None


@dataclass(frozen=True)
class Optimizer(ABC):
    """The contract of an optimizer component."""

    @abstractmethod
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        """Return a torch optimizer over the trainable parameters of `model`.

        It must not decay biases and the weights of normalisation (`ndim <= 1`). One that is a
        `Switching` is switched by the loop: to training before the updates of an epoch, and to
        evaluation after them. So what is evaluated, saved, kept or resumed from is what it says.
        """


@runtime_checkable
class Switching(Protocol):
    """An optimizer whose parameters are of one kind in training and of another in evaluation.

    Schedule-free ones are: they evaluate an average. It is in training when it is made. Both
    change the parameters in place, and do nothing if that is what they are already.
    """

    def train(self) -> None:
        """Make the parameters those to be trained."""
        ...

    def eval(self) -> None:
        """Make the parameters those to be evaluated and saved."""
        ...


@runtime_checkable
class TrainsAlone(Protocol):
    """An optimizer under which a run in a pack would not be what it is alone."""

    why_alone: str


@dataclass(frozen=True)
class LrSchedule(ABC):
    """The contract of a learning-rate schedule component: a pure function of the step."""

    @abstractmethod
    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the factor of the base learning rate at update `step`, from 0."""


@dataclass(frozen=True)
class Method(Generic[State_contra]):
    """The contract of a method: what differs from plain training. Every hook is optional.

    `attach` puts whatever changes while training on `run.method_state`. Its type is the method's
    parameter: the hooks of `class SparseTraining(Method[Sparse])` are given a `Run[Sparse]`. A
    method is written for one model and knows nothing of sweeps or packs. Between two hooks the
    tensors of parameters, gradients and optimizer state may be replaced by equal ones: keep
    parameters, never their data. Draw random numbers from `run.generators["method"]`. A method
    that masks weights announces its masks (`run.announce`) when it attaches.
    """

    @property
    def packable(self) -> bool:
        """Whether several runs may be trained as one program.

        False for a method that changes shapes, sets attributes of modules, or replaces tensors of
        the model, gradients, optimizer state or parameter groups instead of changing them in place.
        """
        return True

    def attach(self, run: Run[State_contra]) -> None:
        """Begin, before the first step. Raises `CannotTrain` for a trial that makes no sense."""

    def charge(self, run: Run[State_contra]) -> int:
        """Return the number of epochs that `attach` has used up; the run trains that many fewer."""
        return 0

    def rate_position(self, run: Run[State_contra]) -> tuple[int, int]:
        """Return the step and the epochs by which the coming update's learning rate is set."""
        return run.step, run.epochs

    def before_task(self, run: Run[State_contra]) -> None:
        """Act before the first update of each task but the first, where CONFIG_SHIFT makes tasks.

        `run.train` has the samples of the new task, `run.step` updates are done. A run that goes on
        from the end of a task begins here.
        """

    def after_backward(self, run: Run[State_contra]) -> None:
        """Act on gradients, which are not yet clipped; `run.step` updates are done."""

    def after_step(self, run: Run[State_contra]) -> None:
        """Act after the optimizer has done update number `run.step`, from 1."""

    def after_epoch(self, run: Run[State_contra]) -> None:
        """Act after epoch number `run.epoch`, from 1."""

    def check(self, run: Run[State_contra]) -> None:
        """Assert what must hold after every update. Called only with CONFIG_DEBUG_CHECKS=y."""

    def measures(self, run: Run[State_contra]) -> Measures:
        """Return scalars for the record of an epoch and the final result, as `sparsity` (0..1)."""
        return {}

    def connectivity(self, run: Run[State_contra]) -> Measures:
        """Return scalars of how the network is connected, for the final result.

        Not called where the model measures itself (see `SelfMeasuring`).
        """
        return {}

    def birth_record(self, run: Run[State_contra]) -> BirthRecord | None:
        """Return when each weight was born, or None if the method makes no new ones."""
        return None

    def changes(self, run: Run[State_contra]) -> int:
        """Count the changes of the network's structure so far.

        Early stopping waits anew after each. Return 0 where changes are so frequent or so small
        that validation need not recover from them.
        """
        return 0

    def unfinished(self, run: Run[State_contra]) -> bool:
        """Return whether early stopping must wait: the network is not yet as configured."""
        return False

    def write(self, run: Run[State_contra], folder: Path) -> None:
        """Write files for people into the trial's `folder`. Called once, when the run is over."""

    def state_dict(self, run: Run[State_contra]) -> StateDict:
        """Return all that `load_state_dict` needs to go on exactly from here."""
        return {}

    def load_state_dict(self, run: Run[State_contra], state: StateDict) -> None:
        """Go back to the state that `state_dict` returned, also in a run that has gone on since.

        Called after `attach` and before the model's state is loaded: give layers their sizes again.
        """


@runtime_checkable
class ReadsGradients(Protocol[State_contra]):
    """A method that reads gradients of pruned weights too.

    In a loop of the user's they are summed as they arrive, over the backward passes of an update,
    before they are masked. `step` is the number of an update, from 1.
    """

    def reads_at(self, run: Run[State_contra], step: int) -> bool:
        """Return whether gradients of update `step` are read."""
        ...

    def acts_at(self, run: Run[State_contra], step: int) -> bool:
        """Return whether masks change after update `step`."""
        ...

    def from_gradient(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """Return what is summed, in the shape of both; it may be the gradient itself."""
        ...

    def take_gradients(self, run: Run[State_contra], sums: Sequence[Tensor | None]) -> None:
        """Take the sums of an update, one for each masked weight; None where nothing came."""
        ...

    def from_data(self, run: Run[State_contra]) -> list[Tensor]:
        """Return the tensors that `take_gradients` writes, which processes have to average."""
        ...


@dataclass
class Run(Generic[State_co]):
    """One live training: the single argument of every hook."""

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
    layers: str | Sequence[str] | None = None  # what alone is masked, see `sparse.prunable`
    samples: Samples | None = None  # what criteria look at; None: those of `train`
    masks: KeepsMasks | None = None  # those that the method has announced
    mask_listener: MaskListener | None = None  # set before `attach`
    costs: Costs | None = None  # set before `attach`; None: nothing is counted

    def announce(self, masks: KeepsMasks) -> None:
        """Take the masks that the method keeps, before it changes them for the first time."""
        self.masks, masks.listener = masks, self.mask_listener

    def count_passes(self, forward: int, backward: int) -> None:
        """Count samples that are about to pass the network, forward and backward."""
        if self.costs is not None:
            self.costs.add(self, forward, backward)

    def attach(self) -> None:
        """Attach the method, and take the epochs that it charges. Raises `CannotTrain`."""
        self.method.attach(self)
        self.epochs -= self.method.charge(self)

    @property
    def steps_per_epoch(self) -> int:
        """The number of updates in an epoch."""
        return steps_in(len(self.train), self.batch_size)

    @property
    def total_steps(self) -> int:
        """The number of updates in the whole run."""
        return self.length.total_steps

    @property
    def length(self) -> RunLength:
        """The epochs of the run and the updates in each."""
        return RunLength(self.epochs, self.steps_per_epoch)
