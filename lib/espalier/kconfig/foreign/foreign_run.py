"""What one model with one optimizer of the other program's preset is set to, in our symbols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from espalier.kconfig.foreign.foreign_preset import ForeignPreset
from espalier.kconfig.number_range import plain
from espalier.kconfig.range_file import Setting
from espalier.kconfig.values import canonical

COSINE_END = "1e-6"
LAST_EPOCHS = 2  # that program ends its default ramp at least this much before the run


@dataclass(frozen=True)
class Value:
    """The values of a symbol of ours, and where they are from: None for a default."""

    values: tuple[str, ...]
    source: Setting | None


@dataclass
class ForeignRun:
    """The trials of one model with one optimizer."""

    preset: ForeignPreset
    model: str
    optimizer: str
    values: dict[str, Value] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Work out every value. Raises UserError for one that nothing here corresponds to."""
        self._dataset()
        self._set("TARGET_SPARSITY", *self.preset.sparsities())
        if variants := self.preset.variants(self.model):
            self._set("STATE_IMPORTANCE", tuple(variants), self._any_source())
        for ours in dict.fromkeys([*self.preset.table.becomes, *self.preset.table.defaults]):
            self._become(ours)
        self._scale_rate()
        self._base()
        self._schedule()
        self._ramp()
        self._spam()
        self._processor()

    def _dataset(self) -> None:
        values, source = self.preset.datasets(self.model)
        self._set("DATASET", values, source)
        ours = self.preset.first(["DATASET"])
        if source is not None and ours is not None and ours.values != values:
            self._remark(source, f"gives way to {ours.symbol}={ours.text}")

    def _set(self, name: str, values: tuple[str, ...], source: Setting | None = None) -> None:
        self.values[name] = Value(values, source)

    def _become(self, ours: str) -> None:
        table = self.preset.table
        names = [
            name.replace("{MODEL}", self.model.upper()).replace(
                "{OPTIMIZER}", self.optimizer.upper()
            )
            for name in table.becomes.get(ours, ())
        ]
        source = self.preset.first(names)
        if source is not None:
            values = tuple(table.translated(ours, value) for value in source.values)
            self._set(ours, values, source)
            self._give_way(names, source)
            if (remark := table.remarks.get(source.symbol)) and source.values != ("n",):
                self._remark(source, remark)
        elif (default := self._default(ours)) is not None:
            self._set(ours, (default,))

    def _default(self, ours: str) -> str | None:
        table = self.preset.table
        return table.models[self.model].defaults.get(ours, table.defaults.get(ours))

    def _give_way(self, names: list[str], source: Setting) -> None:
        for name in names:
            other = self.preset.by_name.get(name)
            if other is not None and other.values and other.values != source.values:
                self._remark(other, f"gives way to {source.symbol}={source.text}")

    def _scale_rate(self) -> None:
        """Multiply the rate as that program does for the Adam family on some models."""
        table = self.preset.table
        factor = table.models[self.model].rate_factor
        if factor == "1" or not table.optimizers[self.optimizer].rate_factor:
            return
        rate = self.values["LEARNING_RATE"]
        scaled = tuple(plain(_number(v, rate.source) * Decimal(factor)) for v in rate.values)
        self._set("LEARNING_RATE", scaled, rate.source)
        self.remarks.append(
            f"that program multiplies the learning rate of {self.model} by {factor} for all "
            f"optimizers but SGD: {'|'.join(rate.values)} is {'|'.join(scaled)}"
        )

    def _schedule(self) -> None:
        """Give the schedule of the learning rate, which there goes by model and optimizer."""
        table = self.preset.table
        annealing = table.models[self.model].annealing
        switched = self.optimizer in annealing.optimizers
        source = self.preset.first([annealing.switch]) if switched else None
        if source is not None:
            on = self.preset.is_on(annealing.switch)
        else:
            base = self.values.get("ADAMWPRUNE_BASE")
            built_in = table.optimizers[self.optimizer].built_in
            on = (base.values[0] if base and built_in else self.optimizer) in annealing.default
        self._set("LR_SCHEDULE", (table.schedules["annealed" if on else "constant"],), source)
        if on and annealing.end:
            self._annealing_end()

    def _annealing_end(self) -> None:
        """Give the end of the schedule, a rate there and a share of the first one here."""
        end = self.preset.first(["ADV_COSINE_ETA_MIN"])
        rates = self.values["LEARNING_RATE"]
        if len(rates.values) > 1:
            self.remarks.append("with several learning rates, the schedule ends at 0")
            return
        last = _number(end.values[0] if end else COSINE_END, end)
        rate = _number(rates.values[0], rates.source)
        if rate > 0:
            self._set("COSINE_MIN_FACTOR", (f"{float(last / rate):.6g}",), end)

    def _ramp(self) -> None:
        """End a ramp that the file leaves open before a short run does."""
        ramp, epochs = self.values["PRUNING_RAMP_END_EPOCH"], self.values["NUM_EPOCHS"].values
        if ramp.source is None and all(value.isdecimal() for value in epochs):
            shortest = min(int(value) for value in epochs)
            end = max(1, min(int(ramp.values[0]), shortest - LAST_EPOCHS))
            self._set("PRUNING_RAMP_END_EPOCH", (str(end),))

    def _spam(self) -> None:
        """Resets and their warm-up have a switch here; there, a length of 0 is off too."""
        for switch, length in (
            ("SPAM_PERIODIC_RESET", "SPAM_INTERVAL"),
            ("SPAM_WARMUP", "SPAM_WARMUP_STEPS"),
        ):
            steps, state = self.preset.first([length]), self.preset.first([switch])
            if steps is not None and steps.values == ("0",):
                self._set(switch, ("n",), steps)
            elif state is not None or steps is not None:
                self._set(switch, state.values if state else ("y",), state or steps)
                if steps is not None:
                    self._set(length, steps.values, steps)

    def _base(self) -> None:
        for name in self.preset.table.optimizers:
            if self.preset.is_on(symbol := f"ADAMWPRUNE_BASE_{name.upper()}"):
                self._set("ADAMWPRUNE_BASE", (name,), self.preset.by_name[symbol])

    def _processor(self) -> None:
        """Switch off what that program does on a GPU alone."""
        if self.values.get("DEVICE", Value((), None)).values == ("cpu",):
            for name, off in (("AMP", "off"), ("COMPILE", "n")):
                if name in self.values:
                    self._set(name, (off,), self.values[name].source)

    def _remark(self, source: Setting, text: str) -> None:
        self.remarks.append(f"{source.symbol}={source.text}: {text}")

    def _any_source(self) -> Setting:
        settings: Mapping[str, Setting] = self.preset.by_name
        return next(
            setting
            for name, setting in settings.items()
            if "ADAMWPRUNE" in name and "VARIANT" in name
        )


def _number(text: str, source: Setting | None) -> Decimal:
    try:
        return Decimal(canonical("float", text))
    except ValueError as error:
        assert source is not None  # defaults are numbers
        raise source.error(f"{error}", text) from None
