"""Synaptic resampling: see `espalier.methods.dendrites.synaptic_resampling`."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Method, Run, StateDict
from espalier.core.self_measuring import Measures, count_parameters
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.layers.dendrites.wiring import Pixels
from espalier.methods.dendrites.resample_schedule import ResampleSchedule
from espalier.methods.dendrites.synapse_turnover import SynapseTurnover
from espalier.methods.dendrites.synaptic_resampling import GrowthInputs, Resampler
from espalier.train.random_batch import draw_batch


@kconfig_dataclass
class Resampling(Method[Resampler]):
    """`run.method_state` is the Resampler; it acts after an update, never before one.

    `resamplings` are events so far, `swaps` the synapses replaced in them.
    """

    cadence: ResampleSchedule
    turnover: SynapseTurnover

    @override
    def attach(self, run: Run[Resampler]) -> None:
        self.cadence.check_length(run.length)
        around = GrowthInputs(lambda: draw_batch(run, run.batch_size), _loss, _pixels(run))
        random = run.generators["method"]
        try:
            made = Resampler(run.model, run.optimizer, random, self.turnover, around)
        except ValueError as error:
            raise CannotTrain("nothing_to_resample", f"synaptic resampling: {error}") from None
        run.method_state = made
        run.announce(made.masks)

    @override
    def after_step(self, run: Run[Resampler]) -> None:
        run.method_state.after_step()
        if self.cadence.due(run.step, run.total_steps):
            run.method_state.resample()

    @override
    def check(self, run: Run[Resampler]) -> None:
        run.method_state.assert_consistent()

    @override
    def measures(self, run: Run[Resampler]) -> Measures:
        counts = {"resamplings": run.method_state.resamplings, "swaps": run.method_state.swaps}
        return {"sparsity": 0.0, "live_parameters": count_parameters(run.model), **counts}

    @override
    def state_dict(self, run: Run[Resampler]) -> StateDict:
        return run.method_state.state_dict()

    @override
    def load_state_dict(self, run: Run[Resampler], state: StateDict) -> None:
        run.method_state.load_state_dict(state)


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs.float().flatten(0, -2), targets.flatten())


def _pixels(run: Run) -> Pixels | None:
    shape = tuple(run.train.x.shape[1:])
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None
