"""The error that a user sees as one line, and several of them at once."""

from __future__ import annotations

from collections.abc import Sequence

MOST_SHOWN = 100
"""Of several errors, those that are printed; the first ones are what can be read and mended."""


class UserError(Exception):
    """Bad input, a missing file, or an impossible request.

    Its text is one line that names the place, the value, the rule that must hold and the fix. The
    command line prints it after `error: `, prints nothing else, and exits with code 2.
    """

    @property
    def lines(self) -> list[str]:
        """What is printed, each after an `error: ` of its own."""
        return [str(self)]


class UserErrors(UserError):
    """Several that were found together. Its text has a line for each."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        """Join the errors, in their order; of very many, the first."""
        lines = [line for error in errors for line in error.lines]
        if len(lines) > MOST_SHOWN:
            lines = [*lines[:MOST_SHOWN], "and more; correct these first"]
        super().__init__("\n".join(lines))
        self._lines = lines

    @property
    def lines(self) -> list[str]:
        """What is printed, each after an `error: ` of its own."""
        return self._lines


class SettingError(UserError):
    """A value of a symbol that breaks a rule; who knows where it was set adds the place."""

    def __init__(self, name: str, value: str, rule: str) -> None:
        """`name` is the symbol without CONFIG_, `rule` what must hold and how to mend it."""
        super().__init__(f"CONFIG_{name}={value}: {rule}")
        self.name, self.value, self.rule = name, value, rule


class CannotTrain(Exception):
    """A trial cannot be trained as its configuration says; its result is `failed`."""

    def __init__(self, reason: str, message: str) -> None:
        """`reason` is the short code of the result, `message` the line shown to the user."""
        super().__init__(message)
        self.reason = reason
