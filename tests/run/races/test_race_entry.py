"""What can be raced, and a plan that grows whole or not at all."""

from __future__ import annotations

from pathlib import Path

import fake_sweep
import pytest
from trial_results import trial

from espalier.core.errors import UserError
from espalier.core.records import RaceRecord
from espalier.core.trial import Trial
from espalier.plan import race_plan
from espalier.run.races import race_entry
from espalier.store import plan_files, results_dir
from espalier.store.rebuild import rebuild
from espalier.store.results_dir import STORE, SweepDir
from espalier.store.store import Store
from espalier.store.sweep_files import TRIALS

RULES = RaceRecord(alpha=0.05, margin=0.0, max_seeds=6, by="val_acc", seeds=["1"])


def arms(**values: list[str]) -> list[Trial]:
    (name, every), *_ = values.items()
    return [trial(n, 1, **{name: value}) for n, value in enumerate(every, 1)]


@pytest.mark.parametrize(
    ("trials", "rule"),
    [
        (arms(LR=["0.1"]), "has 1 configuration beside its seeds, and a race takes 2 or more"),
        (arms(SPLIT_SEED=["0", "1"]), "CONFIG_SPLIT_SEED=0|1: must have one value, since a race"),
        (arms(DATASET=["a", "b"]), "CONFIG_DATASET=a|b: must have one value, since scores on"),
        (arms(DIGITS_SHARE=["1", "2"]), "CONFIG_DIGITS_SHARE=1|2: must have one value"),
    ],
)
def test_what_cannot_be_raced_is_one_line(trials: list[Trial], rule: str) -> None:
    with pytest.raises(UserError) as raised:
        race_entry.check(trials, "my-range")
    (line,) = raised.value.lines
    assert line.startswith(f"my-range: {rule}")


def test_what_differs_otherwise_can_be_raced() -> None:
    race_entry.check(arms(LR=["0.1", "0.2"]), "my-range")


@pytest.fixture
def sweep(tmp_path: Path) -> SweepDir:
    """A sweep of two configurations with one seed each, that has not been run."""
    trials = [fake_sweep.trial(1), fake_sweep.trial(2)]
    folder = fake_sweep.created(fake_sweep.request(tmp_path, trials))
    made = SweepDir(folder)
    made.write_plan()
    return made


def entered(sweep: SweepDir) -> list[str]:
    store = sweep.store
    texts = [(each, store.config_text(each.number)) for each in store.trials()]
    header = race_plan.begin(store.header, texts, RULES).header
    race_entry.enter(sweep, header, texts)
    return [each.name for each in store.trials()]


def test_a_plain_sweep_becomes_a_race(sweep: SweepDir) -> None:
    assert entered(sweep) == [f"config_{n:03}" for n in range(1, 7)]
    header = sweep.store.header
    assert header.race == RULES and header.trials == 6 and header.plan_id != "plan"
    assert sweep.directory(6).name == "config_006_mlp_sgd"
    planned = plan_files.read_trials(sweep.folder)
    assert [each.trial for each in planned] == sweep.store.trials()
    assert plan_files.read_sweep(sweep.folder).header == header
    assert entered(sweep) == [f"config_{n:03}" for n in range(1, 7)]  # once more: nothing


def test_a_plan_grows_whole_or_not_at_all(sweep: SweepDir, monkeypatch: pytest.MonkeyPatch) -> None:
    before, files = sweep.store.header, plan_files.read_trials(sweep.folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plan_files, "atomic_write", full)
    with pytest.raises(UserError, match="no space left"):
        entered(sweep)
    assert sweep.store.header == before and len(sweep.store.trials()) == 2
    assert plan_files.read_trials(sweep.folder) == files


def test_files_that_are_ahead_of_the_store_make_it_again_whole(sweep: SweepDir) -> None:
    """A runner may be killed when the plan files are written and the store has it not yet."""
    entered(sweep)
    ahead = (sweep.folder / TRIALS).read_bytes()
    with sweep.store.writing():
        sweep.store._db.execute("DELETE FROM trials WHERE number > 4")
    sweep.write_plan()  # as the next runner does
    assert len(plan_files.read_trials(sweep.folder)) == 4
    sweep.close()
    (sweep.folder / TRIALS).write_bytes(ahead)
    (sweep.folder / STORE).unlink()
    list(rebuild(sweep.folder, Path("no_such_folder")))
    with Store.open(sweep.folder / STORE, readonly=True) as store:
        assert len(store.trials()) == 6 and store.header.race == RULES
    assert results_dir.without_store(sweep.folder) is None
