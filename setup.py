"""Build the package: `lib/espalier` with the top of the Kconfig tree and `defconfigs/` in it.

The tests of the contract that every component passes are in it too, for trees of one's own.

What it depends on is named in requirements/*.in alone.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildTree(build_py):
    """Build the package anew, and copy into it what a checkout has above `lib/`."""

    def run(self) -> None:
        """Write what a wheel holds to the build folder."""
        package = Path(self.build_lib, "espalier")
        shutil.rmtree(package, ignore_errors=True)  # an earlier build's files may be gone since
        super().run()
        if not self.editable_mode:
            shutil.copy("Kconfig", package)
            shutil.copytree("defconfigs", package / "defconfigs")
            copy_contracts(package)


def copy_contracts(package: Path) -> None:
    """Copy the contract tests, what they share, and the settings that pytest runs them with."""
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    shared = ["pyproject.toml", "tests/conftest.py", *Path("tests", "support").glob("*.py")]
    for name in [*shared, *settings["tool"]["espalier"]["contracts"]]:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, package / name)


def packages(stage: str) -> list[str]:
    """Return the packages that a stage adds to those before it."""
    lines = Path("requirements", f"{stage}.in").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("-r ")]


setup(
    cmdclass={"build_py": BuildTree},
    install_requires=packages("plan"),
    extras_require={
        stage: packages(stage) for stage in ("train", "check", "gpu", "ray", "samplers", "trackers")
    },
)
