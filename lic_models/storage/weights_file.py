"""Trained weights as a safetensors file, with the entropy coder's tables and their provenance.

The tables are stored, not computed again after loading: they come out of floating-point
arithmetic that differs between machines, and a decoder whose tables differ by one count from the
encoder's reads nonsense.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.thumbnails import ThumbnailSynthesis
from lic_models.storage import adapted, eight_bits, shared_transform
from lic_models.storage.weights_header import ADAPTED_FROM, HEADER, refuse_pickle
from pytest_lic.errors import LicError, UsageError, WeightsError
from pytest_lic.system.files import written_whole
from pytest_lic.system.pickles import START

_TABLES = "tables"
_THUMBNAIL = "thumbnail"  # key of the header, and what the names of its tensors begin with
_IN_CHECKPOINT, _CURRENT = "state_dict.codec.", "current_model_state.codec."
_KERNELS = (2, 4)  # dimensions of what mixes channels


def write_weights(
    codec: LearnedCodec,
    path: Path,
    header: Mapping[str, object],
    *,
    half: bool = True,
    eight_bit: bool = False,
    transform_of: Path | None = None,
) -> None:
    """Write the parameters of ``codec`` and its tables, which must be up to date, to ``path``.

    Args:
        codec: what to write.
        path: safetensors file, replaced if it exists.
        header: JSON that tells what the codec is made of and where its weights come from.
        half: store the kernels, nearly all of the bytes, as float16.
        eight_bit: store those of convolutions in eight bits; see `eight_bits`.
        transform_of: another weights file, to be named in place of the transform it shares.

    Raises:
        WeightsError: a file that can't be written, or another transform than the codec's.
    """
    tensors: dict[str, Tensor] = dict(codec.state_dict())
    if eight_bit:
        tensors = eight_bits.packed(tensors)
    if half:
        tensors = {
            key: value.half() if _is_kernel(value) else value for key, value in tensors.items()
        }
    for name, tables in codec.tables.items():
        for key, array in tables.to_arrays().items():
            tensors[f"{_TABLES}.{name}.{key}"] = torch.from_numpy(array)
    if transform_of is not None:
        named = shared_transform.named(transform_of, path, tensors, read_tensors)
        header = {**header, shared_transform.KEY: named}
        tensors = shared_transform.without(tensors)
    write_tensors(tensors, path, header)


def add_thumbnail(
    weights: Path, thumbnail: ThumbnailSynthesis, target: Path, training: Mapping[str, object]
) -> None:
    """Write a weights file again, with a thumbnail synthesis in place of any that it has.

    All else stays as it is, to the bit. The kernels of the synthesis are rounded to float16.

    Args:
        weights: the file.
        thumbnail: trained for it.
        target: where to write, such as the file itself.
        training: how it was trained, for the reader.

    Raises:
        WeightsError: a file that can't be read or written, or a kernel beyond float16.
    """
    tensors, header = _read_own(weights)
    round_kernels(thumbnail)
    stated = {"groups": thumbnail.groups, "channels": thumbnail.channels, "training": training}
    prefix = f"{_THUMBNAIL}."
    kept = {key: value for key, value in tensors.items() if not key.startswith(prefix)}
    added = {
        f"{prefix}{key}": value.half() if _is_kernel(value) else value
        for key, value in thumbnail.state_dict().items()
    }
    write_tensors({**kept, **added}, target, {**header, _THUMBNAIL: stated})


def write_entropy_model(
    codec: LearnedCodec, source: Path, target: Path, header: Mapping[str, object]
) -> None:
    """Write another entropy model for the transform and with the tables of exported weights.

    Args:
        codec: with that entropy model.
        source: the weights, whose transform the new file names.
        target: file to write.
        header: of the new file.

    Raises:
        WeightsError: a source that would not be found from the new file; a target that can't be
            written.
    """
    tensors, _ = read_tensors(source)
    named = shared_transform.named(source, target, tensors, read_tensors)
    # What both have is as it is stored there already.
    own = {key: tensors.get(key, value) for key, value in codec.state_dict().items()}
    own |= {key: value for key, value in tensors.items() if key.startswith(f"{_TABLES}.")}
    header = {**header, shared_transform.KEY: named}
    write_tensors(shared_transform.without(own), target, header)


def check_thumbnail_target(weights: Path, target: Path) -> None:
    """Raise WeightsError where a copy at ``target`` would not find the transform it names.

    Adapted weights are refused too: they have the thumbnail synthesis of their source.
    """
    header = read_json_header(weights)
    if ADAPTED_FROM in header:
        raise WeightsError(
            f"{weights}: adapted from other weights, with their thumbnail synthesis; train one for "
            "those, then adapt them"
        )
    shared_transform.completed(target, {}, header, read_tensors)


@torch.no_grad()
def round_kernels(module: nn.Module, *, matrices_alone: bool = False) -> None:
    """Round the kernels of a codec, or of a part of it, to float16, as they are stored.

    Args:
        module: the codec, or the part.
        matrices_alone: leave those of convolutions, which are stored in eight bits.

    Raises:
        WeightsError: a kernel beyond the range of float16.
    """
    for key, value in module.state_dict().items():
        if _is_kernel(value) and not (matrices_alone and eight_bits.is_stored_so(value)):
            rounded = value.half()
            if not bool(torch.isfinite(rounded).all()):
                raise WeightsError(
                    f"{key} holds values beyond float16's ±65504; export with --float32"
                )
            value.copy_(rounded)


def write_tensors(tensors: Mapping[str, Tensor], path: Path, header: Mapping[str, object]) -> None:
    """Write tensors and a JSON header to ``path``, whole or not at all, always in equal bytes.

    Raises:
        WeightsError: the file can't be written there.
    """
    rows = {key: value.detach().contiguous() for key, value in tensors.items()}
    try:
        with written_whole(path) as new:
            # One entry, since safetensors puts several in an order that changes from run to run.
            save_file(rows, new, metadata={HEADER: json.dumps(header)})
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{path}: can't be written ({_reason(error)}); choose another place, or make room"
        ) from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Every tensor of a safetensors file, and of the one that it names; its header.

    Raises:
        WeightsError: a file that is missing, truncated, damaged or a pickle.
    """
    stored, header = _read_own(path)
    tensors = eight_bits.unpacked(stored)
    tensors = shared_transform.completed(path, tensors, header, read_tensors)
    return adapted.completed(path, tensors, header, read_tensors), header


def read_json_header(path: Path) -> dict[str, object]:
    """The header of a safetensors file of which no byte is missing; no tensor is read.

    Raises:
        WeightsError: as `read_tensors`.
    """
    with _opened(path) as file:
        return _header(file)


def _read_own(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, _header(file)  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            head = file.read(START)
        refuse_pickle(path, head)
        if not head:
            raise WeightsError(f"{path}: truncated or not a safetensors file (it is empty)")
        with safe_open(path, framework="pt") as tensors:
            yield tensors
    except OSError as error:
        raise WeightsError(
            f"{path}: can't be read ({_reason(error)}); expected exported weights or a checkpoint"
        ) from error
    except (SafetensorError, ValueError) as error:
        raise WeightsError(
            f"{path}: truncated or not a safetensors file ({error}); expected exported weights or "
            "a checkpoint: copy it again, or train anew"
        ) from error


def _is_kernel(value: Tensor) -> bool:
    return value.is_floating_point() and value.ndim in _KERNELS


def _header(file: Any) -> dict[str, object]:
    header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    return header if isinstance(header, dict) else {}


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def load_weights(codec: LearnedCodec, path: Path) -> None:
    """Load ``path`` into ``codec``, with tables and thumbnail synthesis, in evaluation mode.

    Raises:
        WeightsError: a file that `read_tensors` refuses, one of another architecture, with a
            value that is not finite, or with tables that are damaged or missing.
    """
    tensors, header = read_tensors(path)
    _attach_thumbnail(codec, header, path)
    arrays: dict[str, dict[str, Any]] = {}
    for key in [key for key in tensors if key.startswith(f"{_TABLES}.")]:
        _, name, part = key.split(".", 2)
        arrays.setdefault(name, {})[part] = tensors.pop(key).numpy()
    _check(codec, tensors, path, "weights")
    try:
        codec.load_state_dict(tensors)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    try:
        codec.tables = {name: FrequencyTables.from_arrays(parts) for name, parts in arrays.items()}
    except (LicError, KeyError) as error:
        raise WeightsError(f"{path}: entropy coder tables: {error}; export it again") from None
    codec.eval()


def copy_parameters(codec: LearnedCodec, path: Path) -> None:
    """Copy the parameters of ``codec`` from weights or from a checkpoint, such as another λ's.

    Raises:
        WeightsError: a file that can't be read, or of another architecture.
    """
    tensors, header = read_tensors(path)
    if "checkpoint" in header:
        averaged, current = _under(_IN_CHECKPOINT, tensors), _under(_CURRENT, tensors)
        # An average of one and the same number over many steps is off in its last digits.
        frozen = [key for key in current if _is_frozen(key, header["checkpoint"])]
        tensors = averaged | {key: current[key] for key in frozen}
    others = (f"{_TABLES}.", f"{_THUMBNAIL}.")
    tensors = {key: value for key, value in tensors.items() if not key.startswith(others)}
    tensors = codec.latent_coding.adopted(tensors)
    transform = codec.transform.adopted(_under("transform.", tensors))
    tensors = shared_transform.without(tensors)
    tensors |= {f"transform.{key}": value for key, value in transform.items()}
    # Weights of a network without rate control leave it as it begins.
    control = {f"rate_control.{key}": v for key, v in codec.rate_control.state_dict().items()}
    tensors = control | tensors
    _check(codec, tensors, path, "weights")
    codec.load_state_dict(tensors)


def _attach_thumbnail(codec: LearnedCodec, header: Mapping[str, object], path: Path) -> None:
    codec.thumbnail = None
    stated = header.get(_THUMBNAIL)
    if stated is None:
        return
    try:
        assert isinstance(stated, dict)
        codec.attach_thumbnail(ThumbnailSynthesis(int(stated["groups"]), int(stated["channels"])))
    except (AssertionError, KeyError, TypeError, ValueError):
        raise WeightsError(
            f"{path}: {_THUMBNAIL} is {stated!r:.60}; expected numbers of groups and channels"
        ) from None
    except UsageError as error:
        raise WeightsError(f"{path}: {error}") from None


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {key: value for key, value in tensors.items() if key.startswith(prefix)}
    return {key.removeprefix(prefix): value for key, value in found.items()}


def _is_frozen(key: str, checkpoint: Any) -> bool:
    trained = checkpoint.get("codec", {}).get("training", {}).get("trained", "all")
    return trained != "all" and not key.startswith(f"{trained}.")


def _check(codec: LearnedCodec, tensors: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Refuse tensors that are not finite, or not those of ``codec``, naming the first of them."""
    expected = {key: tuple(value.shape) for key, value in codec.state_dict().items()}
    shapes = {key: tuple(value.shape) for key, value in tensors.items()}
    differences = sorted(key for key in expected | shapes if expected.get(key) != shapes.get(key))
    if differences:
        first = differences[0]
        raise WeightsError(
            f"{path}: {what} of another codec than the one described, {len(differences)} "
            f"differences; the first: {first} is {shapes.get(first, 'missing')}, expected "
            f"{expected.get(first, 'none')}"
        )
    broken = [key for key, value in tensors.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise WeightsError(f"{path}: {broken[0]} holds values that are not finite; train it again")
