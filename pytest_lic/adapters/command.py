"""Codecs that are a pair of programs: bpgenc and bpgdec, VTM, a team's own encoder and decoder."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.adapters.command_template import (
    Template,
    command_words,
    file_digest,
    files_named,
)
from pytest_lic.adapters.image_files.pixels import to_batch, to_pixels
from pytest_lic.adapters.program import run_coder
from pytest_lic.codec import CodecFamily
from pytest_lic.errors import CodecError, UnavailableError, UnknownNameError, UsageError
from pytest_lic.images import png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_IMAGE_FORMATS = {".png": "PNG", ".ppm": "PPM"}
_ENCODE = ("input", "bitstream", "quality", "width", "height")
_DECODE = ("bitstream", "output", "quality")
_MOST_FILES = 1000


def command_family(
    name: str,
    encode: Template,
    decode: Template,
    qualities: Sequence[object] | Mapping[str, float | None],
    *,
    timeout: float = 600,
    input_suffix: str = ".png",
    output_suffix: str = ".png",
    bitstream_suffix: str = ".bin",
    tags: Mapping[str, str] | None = None,
    version: str | None = None,
) -> CodecFamily:
    """A family that codes each image by running two programs.

    BPG 4:4:4, as the field's Kodak anchor has it (a lower QP is a higher rate)::

        command_family(
            "bpg",
            "bpgenc -e x265 -m 9 -f 444 -b 8 -c ycbcr -q {quality} -o {bitstream} {input}",
            "bpgdec -o {output} {bitstream}",
            (47, 42, 37, 32, 27, 22),
            bitstream_suffix=".bpg",
        )

    VTM reads and writes raw YUV, so a script of yours converts on either side; whatever the
    decoder needs, the image's size included, must travel in the bitstream::

        scripts = Path(__file__).parent
        command_family(
            "vtm",
            [scripts / "vtm_encode.sh", "{input}", "{bitstream}", "{quality}"],
            [scripts / "vtm_decode.sh", "{bitstream}", "{output}"],
            (42, 37, 32, 27, 22),
            timeout=3600,
            version="VTM 23.4 intra",
        )

    Args:
        name: the family's name.
        encode: the encoder's command, as one line (split as a shell would, but no shell runs) or
            as a list of words. It must hold ``{input}`` and ``{bitstream}`` and may hold
            ``{quality}``, ``{width}`` and ``{height}``. A literal brace is doubled.
        decode: the decoder's command. It must hold ``{bitstream}`` and ``{output}`` and may hold
            ``{quality}``: what else it needs must be in the bitstream.
        qualities: labels, from the lowest rate to the highest, or label → λ.
        timeout: seconds that one program may take for one image; then it and everything that it
            started are killed.
        input_suffix: ``.png`` or ``.ppm``, the 8-bit RGB image that the encoder reads.
        output_suffix: ``.png`` or ``.ppm``, the 8-bit image that the decoder writes: RGB, grey
            or, without transparency, of a palette.
        bitstream_suffix: of the bitstream's file, whose bytes are the bitstream.
        tags: added to ``{"architecture": name, "kind": "command"}``.
        version: goes into the fingerprint. The bytes of the programs, and of every other file that
            a command names, or that lies in a folder which it names, are in it anyway; a wrapper
            script's own programs are not. With over a thousand files there is no fingerprint.

    Programs run in a folder of their own that is deleted afterwards, one at a time, with this
    process's environment and nothing to read from stdin. Name files by their full path: the
    processes that check determinism run in another folder.

    Raises:
        UsageError: a placeholder that does not exist or is missing, a suffix or timeout that
            makes no sense.
    """
    where = f"codec family {name!r}"
    for argument, suffix in (("input_suffix", input_suffix), ("output_suffix", output_suffix)):
        if suffix not in _IMAGE_FORMATS:
            raise UsageError(f"{where}: {argument} is {suffix!r}; expected '.png' or '.ppm'")
    if not timeout > 0:
        raise UsageError(f"{where}: timeout is {timeout!r}; expected seconds, more than 0")
    encoder = command_words(encode, _ENCODE, ("input", "bitstream"), f"{where}, encode")
    decoder = command_words(decode, _DECODE, ("bitstream", "output"), f"{where}, decode")
    family_tags = {"architecture": name, "kind": "command", **(tags or {})}

    def unavailable() -> str | None:
        if not hasattr(os, "killpg"):
            return "command codecs need process groups, which this system lacks"
        for program in (encoder[0], decoder[0]):
            if shutil.which(program) is None:
                place = "as an executable file" if os.sep in program else "on the PATH"
                return f"program {program!r} was not found {place}; install it or correct its name"
        return None

    def build(quality: str, device: str) -> CommandCodec:
        if device != "cpu":
            raise UsageError(f"{where} can't run on {device!r}; use --lic-device cpu")
        if quality not in family.qualities:
            raise UnknownNameError("quality", quality, family.qualities, where)
        reason = unavailable()
        if reason is not None:
            raise UnavailableError(f"{where}: {reason}")
        return CommandCodec(
            name=f"{name}-q{quality}",
            encoder=encoder,
            decoder=decoder,
            quality=quality,
            timeout=timeout,
            suffixes=(input_suffix, bitstream_suffix, output_suffix),
        )

    def fingerprint(quality: str) -> str | None:
        if unavailable() is not None:
            return None
        words = [word.replace("{quality}", quality) for word in (*encoder, *decoder)]
        files = list(islice(chain.from_iterable(map(files_named, words)), _MOST_FILES + 1))
        if len(files) > _MOST_FILES:
            return None  # a folder such as /usr, of which to digest everything takes too long
        description = {
            "encode": encoder,
            "decode": decoder,
            "quality": quality,
            "suffixes": (input_suffix, bitstream_suffix, output_suffix),
            "files": {str(path): file_digest(path) for path in sorted(set(files))},
            "version": version,
        }
        return json.dumps(description, sort_keys=True)

    family = CodecFamily(
        name=name,
        qualities=qualities,  # type: ignore[arg-type]  # it accepts any sequence of labels
        build=build,
        tags=family_tags,
        fingerprint=fingerprint,
        unavailable=unavailable,
        devices=("cpu",),
    )
    return family


@dataclass(frozen=True)
class CommandCodec:
    """One operating point of a `command_family`. It remembers nothing between calls.

    ``suffixes`` are those of the input image, the bitstream and the output image.
    """

    name: str
    encoder: tuple[str, ...]
    decoder: tuple[str, ...]
    quality: str
    timeout: float
    suffixes: tuple[str, str, str]

    def encode(self, images: Tensor, /) -> list[bytes]:
        """One bitstream per image; samples are rounded to 8 bits first.

        Raises:
            CodecError: the encoder failed, took too long, or wrote no bitstream.
        """
        return [self._encode_one(pixels) for pixels in to_pixels(images, self.name)]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """The images of B bitstreams of one size, float32 (B, 3, H, W) in [0, 1].

        Raises:
            CodecError: the decoder failed, took too long, or wrote no 8-bit RGB image, or the
                images' sizes differ. What made it fail, the bitstream or a fault of its own,
                can't be told from here.
        """
        return to_batch([self._decode_one(bitstream) for bitstream in bitstreams], self.name)

    def _encode_one(self, pixels: NDArray[np.uint8]) -> bytes:
        with _own_folder() as folder:
            source = Path(folder, "input" + self.suffixes[0])
            bitstream = Path(folder, "bitstream" + self.suffixes[1])
            source.write_bytes(png.encoded(pixels, _IMAGE_FORMATS[self.suffixes[0]]))
            height, width = pixels.shape[:2]
            values = {"input": source, "bitstream": bitstream, "width": width, "height": height}
            self._run(self.encoder, values, f"{self.name}: encoder")
            return self._written(bitstream, "encoder").read_bytes()

    def _decode_one(self, contents: bytes) -> NDArray[np.uint8]:
        with _own_folder() as folder:
            bitstream = Path(folder, "bitstream" + self.suffixes[1])
            output = Path(folder, "output" + self.suffixes[2])
            bitstream.write_bytes(contents)
            values = {"bitstream": bitstream, "output": output}
            self._run(self.decoder, values, f"{self.name}: decoder")
            return self._pixels(self._written(output, "decoder"))

    def _run(self, template: Sequence[str], values: Mapping[str, object], what: str) -> None:
        filled = [word.format_map({**values, "quality": self.quality}) for word in template]
        folder = Path(str(values["bitstream"])).parent
        run_coder(filled, folder=folder, timeout=self.timeout, what=what)

    def _written(self, path: Path, role: str) -> Path:
        if not path.is_file() or path.stat().st_size == 0:
            missing = "is empty" if path.is_file() else "was not written"
            raise CodecError(
                f"{self.name}: {role} ended well, but its output {path.name} {missing}; "
                "check where the command puts it"
            )
        return path

    def _pixels(self, path: Path) -> NDArray[np.uint8]:
        expected = _IMAGE_FORMATS[path.suffix]
        try:
            return png.decoded(path, expected, or_grey=True)
        except png.NotRGBError as error:
            raise CodecError(
                f"{self.name}: decoder's {path.name} is of Pillow mode {error.mode}; "
                "expected 8-bit RGB, or grey (of ImageMagick: PNG24:NAME)"
            ) from None
        except Exception as error:  # Pillow raises almost anything on a damaged file
            reason = str(error).replace(str(path), path.name)
            raise CodecError(
                f"{self.name}: decoder's {path.name} is not a readable {expected} ({reason})"
            ) from error


def _own_folder() -> tempfile.TemporaryDirectory[str]:
    # What was killed may be writing for a moment longer; that must not hide why it was killed.
    return tempfile.TemporaryDirectory(prefix="pytest-lic-", ignore_cleanup_errors=True)
