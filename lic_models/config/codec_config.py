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
    format_version
                1 to 255, 1 by default; raised by an owner who breaks with the bitstreams of
                older releases, which are then refused by name

Keys are checked here as far as they are this file's; what the
components take is checked when the command line or the plugin parses them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_lic.codec import check_format_version
from pytest_lic.errors import UnknownNameError, UsageError

SECTIONS = ("model", "data", "trainer", "early_stopping")
OWN_KEYS = ("name", "qualities", "extends", "weights", "format_version")
_NOT_INHERITED = ("name", "weights", "format_version")
_OTHER_KEYS = ("seed_everything", "ckpt_path", "weights_only")
_CLASS_KEYS = ("class_path", "init_args", "dict_kwargs")

SHIPPED = Path(__file__).parent.parent / "configs"
DEFAULT_WEIGHTS = "{name}-{quality}.safetensors"
SHIPPED_WEIGHTS = f"../weights/{DEFAULT_WEIGHTS}"
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
        documents: the files that it was read from, the one itself first, with what each says.
        format_version: of the codec's bitstreams.
    """

    path: Path
    name: str
    qualities: Mapping[str, Mapping[str, Any]]
    weights: str
    settings: Mapping[str, Any]
    documents: tuple[tuple[Path, Mapping[str, Any]], ...] = ()
    format_version: int = 1

    def says(self, key: str) -> bool:
        """Whether this file, or one that it extends, says something of a dotted key."""
        return any(_says(document, key.split(".")) for _, document in self.documents)

    def source(self, key: str) -> Path:
        """The file that says something of a dotted key: this one, or one that it extends."""
        names = key.split(".")
        for length in range(len(names), 0, -1):
            for path, document in self.documents:
                if _says(document, names[:length]):
                    return path
        return self.path

    def weights_path(self, quality: str) -> Path:
        """Where the weights of one quality belong."""
        relative = self.weights.format(name=self.name, quality=quality)
        return Path(os.path.normpath(self.path.parent / relative))

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


def find_config(asked: str) -> Path:
    """The file that a user means: a path, or the name of a shipped config such as ``fp-gdn``."""
    shipped = SHIPPED / f"{asked}.yaml"
    return shipped if shipped.is_file() and not Path(asked).exists() else Path(asked).expanduser()


def read_codec_config(path: Path) -> CodecConfig:
    """Read the file at ``path``; what it says of components is checked when they are built.

    Raises:
        UsageError: a file that can't be read or is no YAML mapping, a key that does not exist, or
            a name, qualities or weights that are not what they should be.
    """
    documents = _documents(path, ())
    settings: dict[str, Any] = {}
    for _, document in reversed(documents):
        # What belongs to the weights of the file that is extended is not handed on.
        handed_on = {key: settings[key] for key in settings if key not in _NOT_INHERITED}
        settings = _merged(handed_on, document)
    is_shipped = path.resolve().parent == SHIPPED.resolve()
    default = SHIPPED_WEIGHTS if is_shipped else DEFAULT_WEIGHTS
    name, weights = settings.pop("name", path.stem), settings.pop("weights", default)
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
    version = check_format_version(settings.pop("format_version", 1), f"{path}: format_version")
    settings.pop("extends", None)
    return CodecConfig(path, name, qualities, weights, settings, tuple(documents), version)


def _documents(path: Path, extending: tuple[Path, ...]) -> list[tuple[Path, dict[str, Any]]]:
    """The file and those that it extends, each with what it says."""
    own = _document(path)
    _check_keys(path, own)
    base = own.get("extends")
    if base is None:
        return [(path, own)]
    if not isinstance(base, str):
        raise UsageError(f"{path}: extends: {base!r:.60}; expected a path or a shipped name")
    beside, shipped = path.parent / base, SHIPPED / f"{base}.yaml"
    target = shipped if shipped.is_file() and not beside.is_file() else beside
    if not target.is_file():
        names = sorted(path.stem for path in SHIPPED.glob("*.yaml"))
        raise UsageError(
            f"{path}: extends: {base}: no such file beside it; the shipped ones are "
            f"{', '.join(names)}"
        )
    chain = (*extending, path.resolve())
    if target.resolve() in chain:
        raise UsageError(f"{path}: extends: {base} extends this file in turn; end the loop")
    return [(path, own), *_documents(target, chain)]


class _OnceOnly(yaml.SafeLoader):
    """YAML's safe loader, which refuses a key that is given twice: it would drop the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node; keys that are one as text, such as 1 and "1", are one here."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            name, line = str(self.construct_object(key, deep=True)), key.start_mark.line + 1
            if name in seen:
                raise UsageError(
                    f"{name!r} stands there twice, in lines {seen[name]} and {line}, and one would "
                    "be dropped; put what both say under one of them"
                )
            seen[name] = line
        return super().construct_mapping(node, deep)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _OnceOnly)
    except OSError as error:
        raise UsageError(
            f"{path}: can't be read ({error.strerror or error}); expected a YAML file that "
            "describes a codec"
        ) from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path}: not YAML ({reason})") from error
    if not isinstance(document, dict):
        raise UsageError(
            f"{path}: holds {type(document).__name__}; expected keys such as model and data"
        )
    named: dict[str, Any] = _with_text_keys(document)
    return named


def _with_text_keys(value: Any) -> Any:
    """The document with every key as text: a quality may be written 1 or "1"."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def _check_keys(path: Path, document: Mapping[str, Any]) -> None:
    """Refuse keys that mean nothing, as far as that can be told without the components."""
    for key, value in document.items():
        known = (*SECTIONS, *OWN_KEYS, *_OTHER_KEYS)
        if key not in known:
            raise UnknownNameError("key", key, known, str(path))
        if key in SECTIONS and not isinstance(value, dict) and not (key == "data" and value):
            raise UsageError(f"{path}: {key}: {value!r:.60}; expected options below it")
        if key in SECTIONS:
            _check_class_keys(path, key, value)


def _check_class_keys(path: Path, key: str, value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check_class_keys(path, key, item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if "class_path" in value and name not in _CLASS_KEYS:
            raise UnknownNameError("key", name, _CLASS_KEYS, f"{path}: {key}")
        _check_class_keys(path, f"{key}.{name}", item)


def _says(document: Any, names: list[str]) -> bool:
    for name in names:
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True


def _merged(base: Any, own: Any) -> Any:
    """``own`` over ``base``, key by key; another class takes none of the old one's arguments."""
    if isinstance(base, dict) and isinstance(own, str) and "class_path" in base:
        own = {"class_path": own}
    if isinstance(base, str) and isinstance(own, dict) and set(own) == {"init_args"}:
        base = {"class_path": base}
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    if own.get("class_path", base.get("class_path")) != base.get("class_path"):
        return own
    return {
        **base,
        **{key: _merged(base[key], item) if key in base else item for key, item in own.items()},
    }


def _qualities(path: Path, stated: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(stated, dict) or not stated:
        raise UsageError(
            f'{path}: qualities: {stated!r:.60}; expected label → options, such as "1": '
            "{model.lmbda: 0.0018}"
        )
    qualities: dict[str, dict[str, Any]] = {}
    for label, changes in stated.items():
        changes = {} if changes is None else changes
        if not isinstance(changes, dict) or not all(isinstance(key, str) for key in changes):
            raise UsageError(
                f"{path}: qualities: {label}: {changes!r:.60}; expected options such as "
                "{model.lmbda: 0.0018}"
            )
        qualities[str(label)] = dict(changes)
    return qualities
