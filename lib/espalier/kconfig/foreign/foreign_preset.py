"""What a preset of the other program trains: its models, optimizers, methods and sparsities.

That program says each of them in several ways: by the members of a choice, by a list for a test
matrix, by older names that its presets still use. A test matrix is what its file switches on by
name, as the program's own runner reads it, whatever the defaults of its Kconfig.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from espalier.core.errors import UserError
from espalier.kconfig.foreign.foreign_table import ForeignTable
from espalier.kconfig.range_file import Setting

LEVELS = ("50", "70", "90", "95", "99")
LEVELS_BY_DEFAULT = ("50", "70", "90")
SPARSITY_BY_DEFAULT = "0.9"
METHOD_BY_DEFAULT = "magnitude"
_BETWEEN = re.compile(r"[,;\s]+")


class ForeignPreset:
    """The settings of one file of that program, by symbol."""

    def __init__(self, table: ForeignTable, settings: Sequence[Setting]) -> None:
        """Raises UserError if two lines set a symbol to different values."""
        self.table = table
        self.by_name: dict[str, Setting] = {}
        for setting in settings:
            first = self.by_name.setdefault(setting.symbol, setting)
            if first.values != setting.values:
                raise setting.error(f"line {first.place.line} sets it to another value; keep one")

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values that the file gives `name`, without empty ones; none if it does not."""
        setting = self.by_name.get(name)
        return tuple(value for value in setting.values if value) if setting else ()

    def is_on(self, name: str) -> bool:
        """Return whether the file switches `name` on. Raises UserError for what is no switch."""
        values = self.values(name)
        if values and values not in (("y",), ("n",)):
            raise self.by_name[name].error("says which trials there are: must be y or n")
        return values == ("y",)

    def is_off(self, name: str) -> bool:
        """Return whether the file switches `name` off."""
        return self.values(name) == ("n",)

    def first(self, names: Iterable[str]) -> Setting | None:
        """Return the first of `names` that the file gives a value to."""
        return next((self.by_name[name] for name in names if self.values(name)), None)

    def models(self) -> list[str]:
        """Return the models that are trained; empty if the file names none of that program."""
        names = list(self.table.models)
        matrix = [name for name in names if self.table.models[name].matrix]
        if self.is_on("MODEL_MODE_MULTIPLE"):
            return (
                self._switched("MODEL_ENABLE_", names)
                or self._switched("TEST_MODEL_", names)
                or self._not_off("MODEL_ENABLE_", matrix)
            )
        single = self._agreeing(
            {
                "MODEL_SELECT_*": self._switched("MODEL_SELECT_", names),
                "MODEL": [value.lower() for value in self.values("MODEL")],
                "MODEL_*": self._switched("MODEL_", names),
            }
        )
        return single or self._listed("TEST_MODELS") or self._switched("TEST_MODEL_", names)

    def optimizers(self) -> list[str]:
        """Return the optimizers that are trained with; empty if the file names none."""
        names = self.table.optimizers
        enabled = (
            self._switched("OPTIMIZER_ENABLE_", names)
            or self._switched("OPTIMIZER_ENABLED_", names)
            or self._switched("TEST_OPTIMIZER_ENABLED_", names)
            or self._listed("TEST_OPTIMIZERS")
        )
        if self.is_on("OPTIMIZER_MODE_MULTIPLE"):
            return enabled or self._not_off("OPTIMIZER_ENABLE_", names)
        single = self._agreeing(
            {
                "OPTIMIZER_SELECT_*": self._switched("OPTIMIZER_SELECT_", names),
                "OPTIMIZER": [value.lower() for value in self.values("OPTIMIZER")],
            }
        )
        return single or self._switched("OPTIMIZER_", names) or enabled or list(self._tests())

    def methods(self, optimizer: str) -> list[str]:
        """Return the methods that run with `optimizer`; none if it supports none of them."""
        if tests := self._tests():
            return tests[optimizer]
        named = self.named_methods()
        if self.table.optimizers[optimizer].built_in:
            return self._built_in(optimizer, named)
        return self._supported(optimizer, named)

    def _supported(self, optimizer: str, named: Iterable[str]) -> list[str]:
        return [name for name in named if name in self.table.optimizers[optimizer].methods]

    def _built_in(self, optimizer: str, named: Sequence[str]) -> list[str]:
        """Return the methods of an optimizer that prunes by itself or not at all."""
        own, unpruned = self.table.optimizers[optimizer].built_in, self.table.unpruned
        switch = f"{optimizer.upper()}_ENABLE_PRUNING"
        if self.is_off(switch):
            return [unpruned]
        if self.is_off(f"PRUNING_ENABLE_{own.upper()}"):
            # Its own pruning stays on: what that program calls unpruned has no external method.
            stays = self.is_on(switch) and unpruned in named
            return [own] if stays else [name for name in named if name == unpruned]
        methods = self._supported(optimizer, named)
        implied = self._is_matrix() and ({*named} - {unpruned} or self._is_multiple())
        return [*methods, own] if implied and own not in methods else methods

    def named_methods(self) -> list[str]:
        """Return the methods that the file names, whichever optimizers support them."""
        names = self.table.methods
        if self.is_on("PRUNING_MODE_NONE"):
            return [self.table.unpruned]
        single = self._agreeing(
            {
                "PRUNING_SELECT_*": self._switched("PRUNING_SELECT_", names),
                "PRUNING_METHOD": [value.lower() for value in self.values("PRUNING_METHOD")],
            }
        )
        if self.is_on("PRUNING_MODE_SINGLE"):
            return single or self._switched("PRUNING_", names) or [METHOD_BY_DEFAULT]
        enabled = (
            self._switched("PRUNING_ENABLE_", names)
            or self._switched("PRUNING_ENABLED_", names)
            or self._listed("TEST_PRUNING_METHODS")
            or self._switched("TEST_PRUNING_", names)
        )
        if self._is_multiple():
            return enabled or self._not_off("PRUNING_ENABLE_", names)
        return single or self._switched("PRUNING_", names) or enabled or [self.table.unpruned]

    def sparsities(self) -> tuple[tuple[str, ...], Setting | None]:
        """Return the target sparsities and the setting they are from, None for a default."""
        levels, source = self._levels()
        target = self.first(["TARGET_SPARSITY"])
        single = self.is_on("PRUNING_MODE_SINGLE") or not levels
        if target and single:
            return target.values, target
        if levels:
            return levels, source
        if built_in := self.first(["ADAMWPRUNE_TARGET_SPARSITY"]):
            return built_in.values, built_in
        if self._is_multiple():
            return tuple(_share(level) for level in LEVELS_BY_DEFAULT), None
        return (SPARSITY_BY_DEFAULT,), None

    def _levels(self) -> tuple[tuple[str, ...], Setting | None]:
        for prefix in ("SPARSITY_ENABLE_", "TEST_SPARSITY_", "SPARSITY_"):
            if levels := self._switched(prefix, LEVELS):
                return tuple(map(_share, levels)), self.by_name[f"{prefix}{levels[0]}"]
        return tuple(self._listed("TEST_SPARSITIES")), self.by_name.get("TEST_SPARSITIES")

    def variants(self, model: str) -> list[str]:
        """Return the importance formulas of state pruning; none for the default."""
        names = [f"bitter{number}" for number in range(10)]
        prefixes = [f"{m.upper()}_ADAMWPRUNE_VARIANT_" for m in [*self.table.models, "gpt2"]]
        switched = [n for n in names if any(self._switched(prefix, [n]) for prefix in prefixes)]
        single = self.values("ADAMWPRUNE_VARIANT")
        default = self.values(f"{model.upper()}_ADAMWPRUNE_DEFAULT_VARIANT")
        return switched or self._listed("TEST_ADAMWPRUNE_VARIANTS") or list(single or default)

    def datasets(self, model: str) -> tuple[tuple[str, ...], Setting | None]:
        """Return the data sets of a model and the setting they are from, None for the default.

        Raises UserError for one that is not here, or with another number of classes.
        """
        datasets = self.table.models[model].datasets
        prefix = f"{model.upper()}_DATASET"
        names: tuple[str, ...] = tuple(datasets)[:1]
        source = self.first([prefix])
        if source is not None:
            names = tuple(value.lower() for value in source.values)
        elif members := self._switched(f"{prefix}_", datasets):
            names, source = tuple(members), self.by_name[f"{prefix}_{members[0].upper()}"]
        for name in names:
            if source is not None and name not in datasets:
                have = ", ".join(datasets)
                raise source.error(f"there is no such data set here; {model} has {have}", name)
            self._check_classes(model, name)
        return names, source

    def _check_classes(self, model: str, dataset: str) -> None:
        classes = self.table.models[model].datasets[dataset]
        given = self.first([f"{model.upper()}_NUM_CLASSES"])
        if given is not None and given.values != (str(classes),):
            raise given.error(f"{dataset} has {classes} classes, and a model here has as many")

    def _tests(self) -> dict[str, list[str]]:
        """Return the methods by optimizer of a file that names its tests one by one."""
        tests: dict[str, list[str]] = {}
        for optimizer in self.table.optimizers:
            prefix = f"TEST_{optimizer.upper()}_"
            baseline = [self.table.unpruned] if self.is_on(f"{prefix}BASELINE") else []
            if methods := baseline + self._switched(prefix, self.table.methods):
                tests[optimizer] = list(dict.fromkeys(methods))
        return tests

    def _is_multiple(self) -> bool:
        return self.is_on("PRUNING_MODE_MULTIPLE")

    def _is_matrix(self) -> bool:
        return self._is_multiple() or (
            self.is_on("TEST_MATRIX_MODE") and not self.is_on("PRUNING_MODE_SINGLE")
        )

    def _switched(self, prefix: str, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.is_on(f"{prefix}{name.upper()}")]

    def _not_off(self, prefix: str, names: Iterable[str]) -> list[str]:
        return [name for name in names if not self.is_off(f"{prefix}{name.upper()}")]

    def _listed(self, name: str) -> list[str]:
        return [item for item in _BETWEEN.split(",".join(self.values(name)).lower()) if item]

    def _agreeing(self, ways: dict[str, list[str]]) -> list[str]:
        """Return what is named in one of several ways. Raises UserError if they differ."""
        named = {way: names for way, names in ways.items() if names}
        (first, names), *others = named.items() or [("", [])]
        for way, other in others:
            if {*other} != {*names}:
                place = next(iter(self.by_name.values())).place.path
                raise UserError(
                    f"{place}: CONFIG_{first} says {', '.join(names)} and "
                    f"CONFIG_{way} {', '.join(other)}; keep one"
                )
        return names


def _share(percent: str) -> str:
    return f"0.{percent}".rstrip("0")
