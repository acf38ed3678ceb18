"""The file that describes a codec, and the operating point that is chosen from it.

Besides what Lightning's command line takes (``model``, ``data``, ``trainer``,
``seed_everything``) it may hold

    name        of the codec family; the file's own name without its suffix by default
    qualities   label → what this operating point changes, under the names of the command line's
                options, from the lowest rate to the highest:
                    "1": {model.lmbda: 0.0018}
                    "2": {model.lmbda: 0.0067}
    extends     another file, by its path relative to this one or by a shipped one's name such as
                ``fp-gdn``; this file then only holds what differs
    weights     where ``export`` puts the weights and the plugin finds them, relative to the file;
                "{name}-{quality}.safetensors" by default

Reading one loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_lic.errors import UnknownNameError, UsageError

SHIPPED = Path(__file__).parent / "configs"
DEFAULT_WEIGHTS = "{name}-{quality}.safetensors"
SUFFIXES = (".yaml", ".yml")
_ONLY_QUALITY = "1"


@dataclass(frozen=True)
class CodecConfig:
    """One file that describes a codec.

    Args:
        path: of the file.
        name: of the codec family.
        qualities: label → dotted option → value, from the lowest rate to the highest.
        weights: pattern of the weights' paths, with ``{name}`` and ``{quality}``.
        settings: all the rest, as the file has it.
    """

    path: Path
    name: str
    qualities: Mapping[str, Mapping[str, Any]]
    weights: str
    settings: Mapping[str, Any]

    def weights_path(self, quality: str) -> Path:
        """Where the weights of one quality belong."""
        relative = self.weights.format(name=self.name, quality=quality)
        return self.path.parent / relative

    def overrides(self, quality: str | None) -> tuple[str, Mapping[str, Any]]:
        """The label of the quality asked for, and what it changes.

        Args:
            quality: a label, or None for the only one.

        Raises:
            UsageError: no such quality, or None where there are several.
        """
        if quality is None:
            if len(self.qualities) > 1:
                raise UsageError(
                    f"{self.path}: describes {len(self.qualities)} qualities "
                    f"({', '.join(self.qualities)}); choose one with --quality"
                )
            quality = next(iter(self.qualities))
        if quality not in self.qualities:
            raise UnknownNameError("quality", quality, self.qualities, f"--quality ({self.path})")
        return quality, self.qualities[quality]


def empty_config() -> CodecConfig:
    """A codec of which every component is the default."""
    return CodecConfig(Path("codec.yaml"), "codec", {_ONLY_QUALITY: {}}, DEFAULT_WEIGHTS, {})


def read_codec_config(path: Path) -> CodecConfig:
    """Read the file at ``path``; what it says of components is checked when they are built.

    Raises:
        UsageError: a file that can't be read, is no YAML mapping, or whose name, qualities or
            weights are not what they should be.
    """
    settings = _extended(path, ())
    name, weights = settings.pop("name", path.stem), settings.pop("weights", DEFAULT_WEIGHTS)
    for key, value in (("name", name), ("weights", weights)):
        if not isinstance(value, str) or not value:
            raise UsageError(f"{path}: {key}: {value!r}; expected a text")
    qualities = _qualities(path, settings.pop("qualities", {_ONLY_QUALITY: {}}))
    try:
        named = {weights.format(name=name, quality=quality) for quality in qualities}
    except (KeyError, IndexError, ValueError) as error:
        raise UsageError(
            f"{path}: weights: {weights!r}; the only placeholders are {{name}} and {{quality}}"
        ) from error
    if len(named) < len(qualities):
        raise UsageError(f"{path}: weights: {weights!r} is one file for several qualities")
    return CodecConfig(path, name, qualities, weights, settings)


def _extended(path: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    """What the file says, over what the file that it extends says."""
    own = _document(path)
    base = own.pop("extends", None)
    if base is None:
        return own
    if not isinstance(base, str):
        raise UsageError(f"{path}: extends: {base!r:.60}; expected a path or a shipped name")
    beside, shipped = path.parent / base, SHIPPED / f"{base}.yaml"
    target = shipped if shipped.is_file() and not beside.is_file() else beside
    if not target.is_file():
        names = sorted(each.stem for each in SHIPPED.glob("*.yaml"))
        raise UsageError(
            f"{path}: extends: {base}: no such file beside it; the shipped ones are "
            f"{', '.join(names)}"
        )
    chain = (*extending, path.resolve())
    if target.resolve() in chain:
        raise UsageError(f"{path}: extends: {base} extends this file in turn")
    inherited = _extended(target, chain)
    inherited.pop("name", None)
    inherited.pop("weights", None)
    return _merged(inherited, own)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror or error})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise UsageError(f"{path}: not YAML ({told})") from error
    if not isinstance(document, dict):
        raise UsageError(
            f"{path}: holds {type(document).__name__}; expected keys such as model and data"
        )
    return {str(key): value for key, value in document.items()}


def _merged(base: Any, own: Any) -> Any:
    """``own`` over ``base``, key by key; another class takes none of the old one's arguments."""
    if isinstance(base, dict) and isinstance(own, str) and "class_path" in base:
        own = {"class_path": own}
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    if own.get("class_path", base.get("class_path")) != base.get("class_path"):
        return own
    return {
        **base,
        **{key: _merged(base[key], each) if key in base else each for key, each in own.items()},
    }


def _qualities(path: Path, given: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(given, dict) or not given:
        raise UsageError(
            f'{path}: qualities: {given!r:.60}; expected label → options, such as "1": '
            "{model.lmbda: 0.0018}"
        )
    qualities: dict[str, dict[str, Any]] = {}
    for label, changes in given.items():
        changes = {} if changes is None else changes
        wrong = not isinstance(changes, dict) or not all(isinstance(key, str) for key in changes)
        if wrong:
            raise UsageError(
                f"{path}: qualities: {label}: {changes!r:.60}; expected options such as "
                "{model.lmbda: 0.0018}"
            )
        qualities[str(label)] = dict(changes)
    return qualities
