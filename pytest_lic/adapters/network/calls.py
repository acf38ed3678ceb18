"""Calls into a network that codes in CompressAI's manner, checked on the way in and out.

compress(x, …)            → {"strings": …, "shape": …, …}
decompress(strings, shape, …) → {"x_hat": …}
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_lic.adapters.network.blame import blamed
from pytest_lic.adapters.network.decoder_stages import decoder_stages
from pytest_lic.adapters.network.devices import moved
from pytest_lic.adapters.network.rans_guard import in_step
from pytest_lic.adapters.network.signatures import accepts, compress_needs, decoder_arguments
from pytest_lic.adapters.network.string_nesting import flatten
from pytest_lic.errors import CodecError, CorruptBitstreamError, Unwinding, UsageError
from pytest_lic.levels import Levels
from pytest_lic.system.words import plural

if TYPE_CHECKING:
    from torch import Tensor

_NO_SYNTHESIS = "decompress did not call its synthesis transform"


@dataclass(frozen=True)
class RateArgument:
    """What a network with rate control takes its level by.

    Args:
        levels: the range of it; levels between two fine steps are coded as the next to them.
        name: of the argument of ``compress``. Where ``decompress`` takes it too, it travels in the
            bitstream.
    """

    levels: Levels
    name: str = "level"


@dataclass(frozen=True)
class Compressed:
    """What the decoder gets: strings and shape as the network returned them, and parameters.

    ``level`` is the index of the level that they were coded at, where the decoder needs it.
    """

    strings: Any
    shape: Any
    parameters: Mapping[str, Any]
    level: int | None = None


class _LatentsSeen(Unwinding):
    """Carries the synthesis transform's input out of a decoder that need not go on."""

    def __init__(self, latents: Any) -> None:
        super().__init__()
        self.latents = latents


class NetworkCalls:
    """One network on one device, and the arguments that its family fixed.

    Args:
        network: has ``compress`` and ``decompress``; an ``nn.Module`` or not.
        label: names it in error messages, such as ``"mine q3"``.
        device: where it lies.
        compress_arguments: passed to each ``compress`` by name; a function of the images where
            they depend on those: then the decoder's travel in the bitstream.
        decompress_arguments: passed to each ``decompress`` by name.
        parameters: the results of ``compress`` that ``decompress`` needs by name; found from its
            signature when None.
        synthesis: dotted name of the module that receives the quantised latents.
        stages: stage → dotted names of the module that does it, of which the first that exists
            counts.
        rate: the argument that a network with rate control takes its level by.
    """

    def __init__(
        self,
        network: Any,
        label: str,
        device: str,
        *,
        compress_arguments: Mapping[str, Any] | Callable[[Tensor], Mapping[str, Any]],
        decompress_arguments: Mapping[str, Any],
        parameters: Collection[str] | None,
        synthesis: str,
        stages: Mapping[str, Sequence[str]] | None = None,
        rate: RateArgument | None = None,
    ) -> None:
        self.network = network
        self.label = label
        self.device = device
        names, self._takes_shape, required = decoder_arguments(network.decompress)
        self._compress_needs = compress_needs(network.compress)
        self._of_images = compress_arguments if callable(compress_arguments) else None
        fixed = {} if callable(compress_arguments) else compress_arguments
        self._compress_arguments = moved(fixed, device)
        wanted = names if parameters is None else tuple(parameters)
        self._rate = rate
        self._sends_level = rate is not None and rate.name in (*names, *wanted)
        if rate is not None:
            names = tuple(name for name in names if name != rate.name)
            wanted = tuple(name for name in wanted if name != rate.name)
        shared = {name: value for name, value in fixed.items() if name in names}
        self._decompress_arguments = moved({**shared, **decompress_arguments}, device)
        self._sent = tuple(name for name in wanted if name not in self._decompress_arguments)
        self._required = tuple(name for name in required if name in self._sent)
        self._synthesis = _submodule(network, synthesis)
        self.stages = _existing(network, stages or {})
        self._dtype = _input_dtype(network)
        self._judged: set[int] = set()

    @property
    def offers_latents(self) -> bool:
        """Whether the synthesis transform was found, and decoding calls it."""
        return self._synthesis is not None

    def round_trip(self, images: Tensor) -> tuple[Compressed, Tensor]:
        """Code a probe, and forget the synthesis transform and the stages that were not called.

        A network may have them and run their layers one by one, or hold a list of them.

        Raises:
            CodecError: as `compress` and `decompress`.
            CorruptBitstreamError: a decoder out of step with its encoder.
        """
        import torch

        called: set[int] = set()
        latents: list[Any] = []

        def note(module: Any, inputs: tuple[Any, ...]) -> None:
            called.add(id(module))

        def receive(module: Any, inputs: tuple[Any, ...]) -> None:
            latents.append(inputs[0] if inputs else None)

        hooks = [part.register_forward_pre_hook(note) for part in self.stages.values()]
        try:
            compressed = self.compress(images)
            if self._synthesis is not None:
                hooks.append(self._synthesis.register_forward_pre_hook(receive))
            decoded = self.decompress(compressed)
        finally:
            for hook in hooks:
                hook.remove()
        self.stages = {stage: part for stage, part in self.stages.items() if id(part) in called}
        if not isinstance(next(iter(latents), None), torch.Tensor):
            self._synthesis = None
        return compressed, decoded

    def compress(self, images: Tensor, level: float | None = None) -> Compressed:
        """Code (B, 3, H, W), padded, in [0, 1].

        Args:
            images: the batch.
            level: of a network with rate control, in place of what the family's arguments say.

        Raises:
            CodecError: the network raised, or returned something else than expected.
            UsageError: it needs an argument that the family does not give, or a level outside the
                range.
        """
        import torch

        where = f"compress on {_described(images)}"
        named = self._arguments_for(images)
        index = None
        if self._rate is not None:
            index = self._level_index(named, level)
            named = {**named, self._rate.name: self._rate.levels.at(index)}
        with blamed(f"{self.label}: {where}"), torch.inference_mode():
            result = self.network.compress(images.to(self._dtype), **named)
        if not isinstance(result, Mapping) or "strings" not in result:
            kind = sorted(result) if isinstance(result, Mapping) else type(result).__name__
            raise CodecError(
                f"{self.label}: {where} returned {kind}; expected a dict with 'strings'"
            )
        results = named | dict(result)
        for name in self._required:
            if name not in results:
                raise UsageError(
                    f"{self.label}: decompress wants {name!r}, which compress does not return "
                    f"(it returns {', '.join(map(repr, result))}); pass it to "
                    "compressai_family(..., decompress_arguments=…)"
                )
        sent = {name: results[name] for name in self._sent if name in results}
        sent_index = index if self._sends_level else None
        return Compressed(result["strings"], result.get("shape"), sent, sent_index)

    def _level_index(self, named: Mapping[str, Any], level: float | None) -> int:
        """Of a network with rate control, the index of the level that is asked for."""
        assert self._rate is not None
        name = self._rate.name
        if level is None and name not in named:
            raise UsageError(
                f"{self.label}: rate control by {name!r}, and no level of the quality's own; give "
                f"compressai_family(..., compress_arguments=lambda quality: {{{name!r}: …}})"
            )
        wanted = named[name] if level is None else level
        return self._rate.levels.index(wanted, self.label)

    def _level_argument(self, compressed: Compressed) -> dict[str, float]:
        """What ``decompress`` takes its level by, from the bitstream."""
        index, rate = compressed.level, self._rate
        if (index is not None) != self._sends_level:
            holds, takes = ("a", "none") if index is not None else ("no", "one")
            raise CorruptBitstreamError(
                f"{self.label}: bitstream holds {holds} level; this decoder takes {takes}"
            )
        if rate is None or index is None:
            return {}
        if type(index) is not int or not 0 <= index <= rate.levels.last:
            raise CorruptBitstreamError(
                f"{self.label}: bitstream holds level number {index!r}; this decoder knows numbers "
                f"0 to {rate.levels.last}"
            )
        return {rate.name: rate.levels.at(index)}

    def _arguments_for(self, images: Tensor) -> dict[str, Any]:
        """What ``compress`` is called with by name."""
        named: dict[str, Any] = self._compress_arguments
        if self._of_images is not None:
            with blamed(f"{self.label}: compress_arguments on {_described(images)}"):
                named = moved(dict(self._of_images(images)), self.device)
        by_rate = () if self._rate is None else (self._rate.name,)
        missing = [name for name in self._compress_needs if name not in (*named, *by_rate)]
        if missing:
            raise UsageError(
                f"{self.label}: compress wants {' and '.join(map(repr, missing))}; give it in "
                "compressai_family(..., compress_arguments=lambda quality: {...}), or "
                "lambda quality, images: {...} where it depends on the images"
            )
        return named

    def decompress(self, compressed: Compressed) -> Tensor:
        """The images (B, 3, H, W) as the network left them, neither cropped nor clamped.

        Raises:
            CodecError: the network raised, or returned something else than expected.
            CorruptBitstreamError: parameters that this network's decoder does not take, or a
                decoder out of step with its encoder.
        """
        import torch

        unknown = set(compressed.parameters) - set(self._sent)
        if unknown or not set(self._required) <= set(compressed.parameters):
            raise CorruptBitstreamError(
                f"{self.label}: bitstream holds the parameters {sorted(compressed.parameters)}; "
                f"this decoder takes {sorted(self._sent)}"
            )
        positional = (compressed.strings, compressed.shape)[: 2 if self._takes_shape else 1]
        named = self._decompress_arguments | moved(compressed.parameters, self.device)
        named |= self._level_argument(compressed)
        steps = in_step(flatten(compressed.strings), self._judged)
        with blamed(f"{self.label}: decompress"), torch.inference_mode(), steps:
            result = self.network.decompress(*positional, **named)
        x_hat = result.get("x_hat") if isinstance(result, Mapping) else result
        if not isinstance(x_hat, torch.Tensor) or x_hat.dim() != 4:
            kind = sorted(result) if isinstance(result, Mapping) else type(result).__name__
            raise CodecError(
                f"{self.label}: decompress returned {kind}; expected a dict with 'x_hat', a "
                "tensor (B, 3, H, W)"
            )
        return x_hat

    def latents(self, compressed: Compressed) -> Tensor:
        """The synthesis transform's first input, (B, C, h, w) in float32, without running it.

        Raises:
            CodecError: the network raised, or never called its synthesis transform.
        """

        def stop(module: Any, inputs: tuple[Any, ...]) -> None:
            raise _LatentsSeen(inputs[0])

        assert self._synthesis is not None
        handle = self._synthesis.register_forward_pre_hook(stop)
        try:
            self.decompress(compressed)
        except _LatentsSeen as seen:
            latents = seen.latents
        else:
            raise CodecError(f"{self.label}: {_NO_SYNTHESIS}")
        finally:
            handle.remove()
        return self._checked_latents(latents)

    def decompress_with_latents(self, compressed: Compressed) -> tuple[Tensor, Tensor]:
        """What `decompress` and `latents` give, from one decoding.

        Raises:
            CodecError: as both.
        """
        import torch

        seen: list[Any] = []

        def note(module: Any, inputs: tuple[Any, ...]) -> None:
            first = inputs[0]  # a copy, for a layer may overwrite it
            seen.append(first.clone() if isinstance(first, torch.Tensor) else first)

        assert self._synthesis is not None
        handle = self._synthesis.register_forward_pre_hook(note)
        try:
            images = self.decompress(compressed)
        finally:
            handle.remove()
        if not seen:
            raise CodecError(f"{self.label}: {_NO_SYNTHESIS}")
        return images, self._checked_latents(seen[0])

    def estimated_bits(self, images: Tensor) -> float:
        """What the likelihoods of the network's own call let expect of (B, 3, H, W), padded.

        Raises:
            CodecError: the network raised, or gave no likelihoods.
        """
        import torch

        where = f"{self.label}: a call on {_described(images)}"
        named = {}
        rate = self._rate
        if rate is not None and accepts(self.network.forward, rate.name):
            index = self._level_index(self._arguments_for(images), None)
            named = {rate.name: rate.levels.at(index)}
        with blamed(where), torch.inference_mode():
            result = self.network(images.to(self._dtype), **named)
        likelihoods = result.get("likelihoods") if isinstance(result, Mapping) else None
        if not isinstance(likelihoods, Mapping):
            raise CodecError(f"{where} gave no likelihoods; expected a dict with them")
        return sum(float(-values.double().log2().sum()) for values in likelihoods.values())

    @property
    def offers_passes(self) -> bool:
        """Whether the network decodes the first passes of a latent alone."""
        return all(hasattr(self.network, name) for name in ("decompress_part", "pass_lengths"))

    def pass_lengths(self, compressed: Compressed) -> Sequence[int]:
        """How many bytes of one image's last string each number of passes needs, from 1 on.

        Raises:
            CodecError: the network raised.
        """
        import torch

        with blamed(f"{self.label}: pass_lengths"), torch.inference_mode():
            lengths: Sequence[int] = self.network.pass_lengths(compressed.strings, compressed.shape)
        return lengths

    def decompress_part(self, compressed: Compressed, passes: int, length: int) -> Tensor:
        """One image (1, 3, H, W) of its first passes, as `decompress` gives the whole.

        Args:
            compressed: the image; its last string may end where these passes do.
            passes: how many.
            length: of the whole of the last string, in bytes.

        Raises:
            CodecError: the network raised.
            TruncatedBitstreamError: a string that ends before that.
            UsageError: a number of passes that there are not.
        """
        import torch

        with blamed(f"{self.label}: decompress_part"), torch.inference_mode():
            result = self.network.decompress_part(
                compressed.strings, compressed.shape, passes, length
            )
        images: Tensor = result["x_hat"]
        return images

    def decompress_thumbnail(self, compressed: Compressed, length: int) -> Tensor:
        """A small picture (1, 3, h, w) of one image, from its first passes, not clamped.

        Args:
            compressed: the image; its last string may end where these passes do.
            length: of the whole of the last string, in bytes.

        Raises:
            CodecError: the network raised.
            TruncatedBitstreamError: a string that ends before that.
            UsageError: the network makes no thumbnails.
        """
        import torch

        self._refuse_without_thumbnails()
        with blamed(f"{self.label}: decompress_thumbnail"), torch.inference_mode():
            result = self.network.decompress_thumbnail(compressed.strings, compressed.shape, length)
        thumbnail: Tensor = result["thumbnail"]
        return thumbnail

    def thumbnail_length(self, compressed: Compressed) -> int:
        """How many bytes of one image's last string `decompress_thumbnail` needs.

        Raises:
            CodecError: the network raised.
            UsageError: the network makes no thumbnails.
        """
        import torch

        self._refuse_without_thumbnails()
        with blamed(f"{self.label}: thumbnail_length"), torch.inference_mode():
            length: int = self.network.thumbnail_length(compressed.strings, compressed.shape)
        return length

    def _refuse_without_thumbnails(self) -> None:
        if getattr(self.network, "thumbnail", None) is None:
            raise UsageError(
                f"{self.label}: its network has no thumbnail synthesis; decode whole images, or "
                "give weights that one was trained for (python -m lic_models thumbnail)"
            )

    def decoder_stages(self, compressed: Compressed) -> Iterator[tuple[str, Tensor]]:
        """What `decompress` computes on its way, and raises; see `decoder_stages`."""
        parts = dict(self.stages)
        if self._synthesis is not None:
            parts.setdefault("synthesis", self._synthesis)
        return decoder_stages(self.network, parts, lambda: self.decompress(compressed))

    def _checked_latents(self, latents: Any) -> Tensor:
        import torch

        if not isinstance(latents, torch.Tensor):
            raise CodecError(f"{self.label}: the synthesis transform received no tensor")
        return latents.float().clone()  # no longer one of inference mode's


def _existing(network: Any, stages: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Stage → its module, for those stages that the network has."""
    parts = {
        stage: next((part for name in names if (part := _submodule(network, name))), None)
        for stage, names in stages.items()
    }
    return {stage: part for stage, part in parts.items() if part is not None}


def _submodule(network: Any, name: str) -> Any | None:
    import torch

    module = network
    for part in name.split("."):
        module = getattr(module, part, None)
    return module if isinstance(module, torch.nn.Module) else None


def _input_dtype(network: Any) -> Any:
    import torch

    if isinstance(network, torch.nn.Module):
        for parameter in network.parameters():
            if parameter.is_floating_point():
                return parameter.dtype
    return torch.float32


def _described(images: Tensor) -> str:
    count, _, height, width = images.shape
    return f"{plural(count, 'image')} of {width}×{height}"
