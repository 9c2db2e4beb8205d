"""Early stopping of a network that grows: it waits for growth, cools down, and gives it back."""

import loops
import pytest

from espalier.methods.growth.grow import Grow
from espalier.methods.growth.timing.growth_schedule import GrowthSchedule, Noise
from espalier.optimizers.adam import Adam
from espalier.train.early_stopping import Criterion, Stopping

EPOCHS = 20  # of 6 steps
TWICE = GrowthSchedule(events=2, stop=0.2)  # after steps 12 and 24, in epochs 2 and 4


def run_of(method):
    return loops.run_of(Adam(), method, EPOCHS, model=loops.blocks_network())


def heard(run, losses, patience, cooldown=0):
    """The last epoch of a run that trains really, with validation losses that are planted."""
    stopping = Stopping(patience, Criterion(cooldown=cooldown))
    for loss in losses:
        loops.train(run, run.steps_per_epoch)
        run.epoch += 1
        measures = run.method.measures(run)
        stopping.heed(run, {"val_loss": loss, "val_acc": 0.0, "sparsity": measures["sparsity"]})
        if stopping.stopped:
            break
    return run.epoch, stopping.epoch


@pytest.mark.parametrize(("patience", "cooldown"), [(1, 0), (2, 0), (2, 3)])
def test_the_wait_begins_anew_with_the_last_growth(patience, cooldown):
    run = run_of(Grow(moments=TWICE, to=0.7))
    ended, best = heard(run, [1.0] + [2.0] * 19, patience, cooldown)
    assert (ended, best) == (4 + patience + cooldown, 1)


def test_it_waits_for_growth_that_is_still_to_come():
    run = run_of(
        Grow(moments=GrowthSchedule(events=1, stop=0.5), to=0.7)
    )  # after step 60, in epoch 10
    assert heard(run, [1.0] + [2.0] * 19, 1) == (11, 1)


def test_what_a_trigger_may_still_bring_is_not_waited_for():
    noisy = GrowthSchedule(3, 0.9, "variance", Noise(window=50, reference=1))
    run = run_of(Grow(moments=noisy, to=0.7))
    assert heard(run, [1.0] + [2.0] * 19, 3) == (4, 1)


@pytest.mark.parametrize("best", [1, 3, 5])
def test_the_network_of_the_best_epoch_comes_back_with_its_edges(best):
    run = run_of(Grow(moments=TWICE, to=0.7))
    losses = [2.0] * 20
    losses[best - 1] = 1.0
    assert heard(run, losses, 3) == (max(4, best) + 3, best)
    then = run_of(Grow(moments=TWICE, to=0.7))
    loops.train(then, 6 * best)
    assert run.model.ledger() == then.model.ledger()
    held = (list(r.model.state_dict().values()) for r in (run, then))
    assert loops.same(*held)
    assert len(run.method_state.steps) == {1: 0, 3: 1, 5: 2}[best]
    run.model.assert_masked()
