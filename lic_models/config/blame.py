"""The place of a wrong option: a file and a key, or an option of the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonargparse import ArgumentError
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from lic_models.config.codec_config import CodecConfig
from lic_models.config.parser_errors import Problem, explain
from pytest_lic.errors import LicError, UsageError

_KEYED = re.compile(
    r"(?:--)?(?P<key>(?:model|data|trainer|early_stopping)(?:\.\w+)+)(?:: | is |=| )(?P<what>.*)"
)
_ARGUMENT = re.compile(r"(?P<name>\w+): (?P<what>.*)")


@dataclass(frozen=True)
class Sources:
    """What the options of a run were read from.

    Args:
        config: the file.
        quality: label of the operating point.
        changes: what that quality changes, by dotted key.
        arguments: of the command line.
    """

    config: CodecConfig
    quality: str
    changes: Mapping[str, Any]
    arguments: Sequence[str]

    def blamed(self, error: Exception, options: Sequence[str]) -> LicError | None:
        """What a user is told of an error of jsonargparse, of Lightning or of a constructor.

        Args:
            error: what was raised.
            options: the dotted keys that exist.

        Returns:
            None where it is a defect, which should be seen as it is.
        """
        message = " ".join(str(error).split())
        if isinstance(error, ArgumentError):
            return self.error(explain(str(error), options))
        if isinstance(error, MisconfigurationException):
            return self.error(Problem("trainer", message))
        refused = _refusal(error)
        if refused is None:
            return None
        problem = self.problem(str(refused), message)
        return refused if problem is None else self.error(problem)

    def error(self, problem: Problem) -> UsageError:
        """The problem with the place of the option before it."""
        if problem.key in self.arguments:
            return UsageError(f"{problem.key}: {problem.what}")
        if not problem.key:
            return UsageError(f"{self.config.path}: {problem.what}")
        short = _short(problem.key)
        for argument in reversed(self.arguments):
            option, _, value = argument.removeprefix("--").partition("=")
            if not argument.startswith("--") or not _covers(_short(option), short):
                continue
            if value in problem.what or not self.config.says(problem.key):
                return UsageError(f"--{option}: {_within(problem, option)}")
        for key in self.changes:
            if _covers(_short(key), short):
                what = _within(problem, key)
                return UsageError(f"{self.config.path}: qualities.{self.quality}.{key}: {what}")
        return UsageError(f"{self.config.source(problem.key)}: {problem.key}: {problem.what}")

    def problem(self, message: str, quoted: str) -> Problem | None:
        """The option that a constructor's error message is about; None if it names none.

        Args:
            message: the constructor's.
            quoted: what jsonargparse made of it, which quotes the arguments.
        """
        keyed = _KEYED.fullmatch(message)
        if keyed is not None:
            key = keyed["key"]
            if key.startswith("data.") and "init_args" not in key:
                key = key.replace("data.", "data.init_args.", 1)
            return Problem(key, keyed["what"])
        quoted_class = re.search(r"class_path='([\w.]+)'", quoted)
        if quoted_class is None:
            return None
        key = _key_of(self.config.settings, quoted_class[1].rsplit(".", 1)[-1])
        if key is None:
            return None
        argument = _ARGUMENT.fullmatch(message)
        if argument is not None and f"{argument['name']}=" in quoted:
            return Problem(f"{key}.init_args.{argument['name']}", argument["what"])
        return Problem(key, message)


def _refusal(error: BaseException | None) -> LicError | None:
    """The error of ours that another one was raised after."""
    while error is not None and not isinstance(error, LicError):
        error = error.__cause__ or error.__context__
    return error


def _key_of(settings: Any, class_name: str, key: str = "") -> str | None:
    """The dotted key whose class, whatever its module, has this name."""
    if isinstance(settings, str):
        return key if settings.rsplit(".", 1)[-1] == class_name else None
    if not isinstance(settings, Mapping):
        return None
    if str(settings.get("class_path", "")).rsplit(".", 1)[-1] == class_name:
        return key
    keys = (
        _key_of(setting, class_name, f"{key}.{name}".lstrip("."))
        for name, setting in settings.items()
    )
    return next((key for key in keys if key is not None), None)


def _covers(option: str, key: str) -> bool:
    return key == option or key.startswith(f"{option}.")


def _within(problem: Problem, option: str) -> str:
    """The problem, with that part of its key that the option does not name."""
    rest = _short(problem.key).removeprefix(_short(option)).lstrip(".")
    return f"{rest}: {problem.what}" if rest else problem.what


def _short(key: str) -> str:
    """A key without what may be left out on the command line."""
    return ".".join(part for part in key.split(".") if part not in ("init_args", "class_path"))
