"""A class or function of a user's as a model component: a generated tree that builds what it makes.

The component is an ordinary one, so that menus, packs, methods and reports know nothing of where it
comes from.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from espalier.core.errors import UserError
from espalier.core.trees.generated_tree import Knob, write_tree
from espalier.core.trees.tree_layout import ROOMS
from espalier.core.trees.tree_names import NAME
from espalier.scripts import shipped_code
from espalier.scripts.signatures import Default, Signature, read_signature

IMAGES = {
    "input_shape": "(shape.channels, shape.height, shape.width)",
    "inputs": "shape.inputs",
    "channels": "shape.channels",
    "classes": "shape.classes",
}
"""What a model of images may take of the data, and what that is of their shape."""
TEXT = {"vocabulary": "shape.vocabulary", "context": "shape.context"}
"""The same of a model of text."""
_MEMBER = (
    "config MODEL_SELECT_{symbol}\n"
    '\tbool "{name}"\n'
    "\tdepends on {data}\n"
    "\thelp\n"
    "\t  A model that was given to espalier.sweep in Python, as a class or a function.\n"
)
_MODULE = '''"""{name}, given to espalier.sweep in Python. Written by it, and not to be changed.

Its code is in {file} beside this tree's Kconfig; that has the digest {digest}.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn
from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import CannotTrain, Model
from espalier.core.samples import {shape}
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.scripts import shipped_code

CODE = Path(__file__).parents[1] / "{file}"


@kconfig_dataclass
class GivenModel(Model):
    """Builds what the user's code returns."""

    takes = {shape}

{fields}
    @override
    def build(self, shape: {shape}) -> nn.Module:
        module = shipped_code.load(CODE)({arguments})
        if not isinstance(module, nn.Module):
            rule = f"must return a torch.nn.Module, and not {{type(module).__name__}}"
            raise CannotTrain("no_module", f"model={name}: {{rule}}")
        return module
'''


def write_model(model: Callable[..., Any]) -> tuple[str, Path]:
    """Return the component's name, and the tree that it is in. Raises UserError."""
    label = _name(model)
    signature = read_signature(model, f"model={label}")
    data = _data_of(signature, label)
    code, digest = shipped_code.pack(model, f"model={label}")
    name, file = label.lower(), f"{label}{shipped_code.SUFFIX}"
    files = {
        f"{ROOMS['model']}/{name}.py": _module(label, signature, data, digest),
        f"{ROOMS['model']}/{name}.Kconfig": _member(label, data),
    }
    knobs = [Knob(f"{label}_{each}", default) for each, default in signature.knobs.items()]
    tree = write_tree(knobs, files, guard=f"MODEL_SELECT_{name.upper()}")
    shipped_code.write(tree / file, code)
    return name, tree


def _name(model: Any) -> str:
    name = getattr(model, "__name__", None)
    if not callable(model) or (hasattr(model, "forward") and not isinstance(model, type)):
        raise UserError(
            f"model={type(model).__name__}: each trial builds a model of its own; "
            "give the class, or a function that returns a module"
        )
    if not isinstance(name, str) or not NAME.fullmatch(name.lower()) or keyword.iskeyword(name):
        raise UserError(
            f"model={name or type(model).__name__}: has no name for its symbols; give a class, or "
            "a function made by def, whose name has letters, digits and _ alone"
        )
    return name


def _data_of(signature: Signature, label: str) -> Mapping[str, str]:
    """Return what the model takes of images, or of text. Raises UserError for anything else."""
    data = TEXT if set(signature.required) & set(TEXT) else IMAGES
    for name in signature.required:
        if name not in data:
            raise UserError(
                f"model={label}: the parameter {name} has no default; give it one, and it becomes "
                f"CONFIG_{label.upper()}_{name.upper()}; without one may be {', '.join(data)}"
            )
    return data


def _member(label: str, data: Mapping[str, str]) -> str:
    condition = "DATA_IS_TEXT" if data is TEXT else "!DATA_IS_TEXT"
    return _MEMBER.format(symbol=label.upper(), name=label, data=condition)


def _module(label: str, signature: Signature, data: Mapping[str, str], digest: str) -> str:
    given = [f"{each}={data[each]}" for each in signature.required]
    own = [f"{each}=self.knob_{each}" for each in signature.knobs]
    return _MODULE.format(
        name=label,
        file=f"{label}{shipped_code.SUFFIX}",
        digest=digest,
        shape="TokenShape" if data is TEXT else "SampleShape",
        fields="".join(_field(label, *knob) for knob in signature.knobs.items()),
        arguments=", ".join([*given, *own]),
    )


def _field(label: str, name: str, default: Default) -> str:
    symbol = f"{label}_{name}".upper()
    return f'    knob_{name}: {type(default).__name__} = symbol("{symbol}")\n'
