"""What a worker calls for each trial: configuration in, a trained and measured network out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import torch

from espalier import component
from espalier.config import Config
from espalier.contracts import (
    CannotTrain,
    Dataset,
    LrSchedule,
    Method,
    Model,
    Optimizer,
    Run,
)
from espalier.errors import UserError
from espalier.train import provenance, seeds
from espalier.train.data import Data, batch_source, load_data
from espalier.train.loop import DivergedError, Loop, Recipe
from espalier.trial import Job, Record, Result, Status


def warm() -> None:
    """Pay for imports and the first optimizer step before the first trial is timed."""
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.zeros(1, 2)).sum().backward()
    optimizer.step()


def train_trial(job: Job) -> Result:
    """Train one trial to its end.

    Divergence and trials that cannot mean what they say are `failed` results; what is missing on
    this machine (data, a GPU) is an `error` result. Anything unforeseen is raised. Whatever
    comes of it, the result says what was run and where.
    """
    origin = {"started": datetime.now(UTC).isoformat(), **_origin(job)}
    history: list[Record] = []
    try:
        trainee = prepare(job)
        origin |= {"data_fingerprint": trainee.data.fingerprint}
        measures = _train(trainee, job, history)
    except CannotTrain as error:
        return Result(Status.FAILED, error.reason, str(error), {}, history, origin)
    except DivergedError as error:
        return Result(Status.FAILED, "diverged", str(error), {}, history, origin)
    except UserError as error:
        return Result(Status.ERROR, "input", str(error), {}, history, origin)
    return Result(Status.PASSED, measures=measures, history=history, provenance=origin)


def _train(trainee: Trainee, job: Job, history: list[Record]) -> Record:
    clock = time.perf_counter()  # without reading data: a worker's first trial is no slower
    for record in trainee.loop.epochs(trainee.run):
        history.append(record)
        job.emit(record)
    return {**_final(trainee, history), "total_time": time.perf_counter() - clock}


@dataclass(frozen=True)
class Trainee:
    """A prepared trial: the run, how to step it, and the data with the sealed test part."""

    run: Run
    loop: Loop
    data: Data


def prepare(job: Job) -> Trainee:
    """Build everything a trial needs, in the order that its random streams are drawn.

    Raises RuntimeError when a symbol of the trial was read by nothing: it would be listed as
    varied although it changed nothing.
    """
    config, settings = Config(job.trial.config), Config(job.settings)
    recipe = component.build(Recipe, config, "")
    device = choose_device(settings.read("DEVICE", str), recipe.amp)
    make_deterministic(recipe.cpu_threads)
    data = _data(config, settings, device)
    run = _run(config, recipe, data, device)
    schedule = component.select("lr_schedule", config, LrSchedule)
    loop = Loop(recipe, schedule, batch_source(config), settings.read("DEBUG_CHECKS", bool))
    if unread := config.unread():
        raise RuntimeError(f"part of the trial but read by nothing: {', '.join(unread)}")
    run.method.attach(run)
    return Trainee(run, loop, data)


def preflight(job: Job) -> Result:
    """Whether this machine has what the trial needs: its device, and its data, whole."""
    config, settings = Config(job.trial.config), Config(job.settings)
    try:
        device = choose_device(settings.read("DEVICE", str), config.read("AMP", str))
        _data(config, settings, device)
    except CannotTrain as error:  # a matter of this trial alone, not of the machine
        return Result(Status.FAILED, error.reason, str(error))
    except UserError as error:
        return Result(Status.ERROR, "input", str(error))
    return Result(Status.PASSED)


def _data(config: Config, settings: Config, device: torch.device) -> Data:
    dataset = component.select("dataset", config, Dataset)
    input_size = component.select("model", config, Model).input_size
    return load_data(config, settings, dataset, input_size, device)


def _run(config: Config, recipe: Recipe, data: Data, device: torch.device) -> Run:
    seeds.seed_globals(recipe.seed)
    model = component.select("model", config, Model).build(data.shape).to(device)
    return Run(
        model=model,
        optimizer=component.select("optimizer", config, Optimizer).build(
            model, recipe.learning_rate
        ),
        method=component.select("method", config, Method),
        train=data.train,
        validation=data.validation,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        generators=seeds.generators(recipe.seed, device),
    )


def choose_device(wish: str, amp: str) -> torch.device:
    """The device a setting asks for: `auto`, `cpu` or `cuda`; it must be able to do `amp`.

    The runner has already limited each worker to the one GPU it may use.
    """
    if wish == "cuda" and not _uses_gpu(wish):
        raise UserError("CONFIG_DEVICE_CUDA=y: no NVIDIA GPU is visible; set CONFIG_DEVICE_AUTO=y")
    device = torch.device("cuda" if _uses_gpu(wish) else "cpu")
    if amp == "fp16" and device.type == "cpu":
        raise UserError("CONFIG_AMP_FP16=y: needs a GPU; on a CPU set CONFIG_AMP_BF16=y")
    return device


def _uses_gpu(wish: str) -> bool:
    return wish != "cpu" and torch.cuda.is_available()


def make_deterministic(threads: int) -> None:
    """Same seed, same numbers: fixed thread count and deterministic kernels."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)


def _origin(job: Job) -> Record:
    """Where a result comes from, as far as it is known before anything is built."""
    seed = int(job.trial.config["SEED"])
    device = "cuda" if _uses_gpu(job.settings["DEVICE"]) else "cpu"
    return {
        "config": dict(job.trial.config),
        "settings": dict(job.settings),
        "seeds": {purpose: seeds.derive(seed, purpose) for purpose in seeds.PURPOSES},
        **provenance.collect(torch.device(device)),
        "threads": int(job.trial.config["CPU_THREADS"]),
    }


def _final(trainee: Trainee, history: list[Record]) -> Record:
    """The closing measures; the only place where the test data is opened."""
    run, last = trainee.run, history[-1]
    best = max(history, key=lambda record: float(record["val_acc"]))
    test_loss, test_accuracy = trainee.loop.evaluate(run, trainee.data.test.open())
    total = sum(parameter.numel() for parameter in run.model.parameters())
    measured: dict[str, Any] = run.method.measures(run)
    return {
        "train_loss": last["train_loss"],
        "val_loss": last["val_loss"],
        "val_acc": last["val_acc"],
        "best_val_acc": best["val_acc"],
        "best_epoch": best["epoch"],
        "test_loss": test_loss,
        "test_acc": test_accuracy,
        "final_sparsity": last["sparsity"],
        "parameters": total,
        "live_parameters": total,
        "epochs": run.epoch,
        "steps": run.step,
        **measured,
    }
