"""How each image format is written and read, with which options, and by which libraries.

Everything that would make the bits depend on the machine or on the process's settings is fixed
here: one thread, no metadata, no leniency towards files that were cut short.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

Options = Mapping[str, Any]

_SETTINGS = threading.RLock()
_MOST_JPEG_BYTES = 12  # a pixel's worst case: 3 samples of up to 27 bits each, stuffing included
_JPEG2000_HEADERS = 8 * 150  # bits; without them the smallest images would get no data at all


@dataclass(frozen=True)
class Format:
    """One image format as `pillow_family` uses it.

    ``write(image, options)`` returns a file, ``read(file)`` an image, both in `one_strict_thread`.
    ``defaults`` are the options of the shipped family, ``options`` the names that may be set.
    ``unavailable()`` is the reason why it can't be used here, or None; ``versions()`` names the
    libraries that decide on its bits.
    """

    write: Callable[[Image, Options], bytes]
    read: Callable[[bytes], Image]
    defaults: Options
    options: frozenset[str]
    unavailable: Callable[[], str | None]
    versions: Callable[[], Mapping[str, object]]


@contextmanager
def one_strict_thread(pixels: int) -> Iterator[None]:
    """Hold the libraries' process-wide settings where coding an image of ``pixels`` needs them."""
    from PIL import AvifImagePlugin, ImageFile

    wanted: list[tuple[Any, str, object]] = [
        (ImageFile, "LOAD_TRUNCATED_IMAGES", False),
        # Pillow's guess of the room that an optimised JPEG needs is too small for noise.
        (ImageFile, "MAXBLOCK", max(ImageFile.MAXBLOCK, _MOST_JPEG_BYTES * pixels)),
        (AvifImagePlugin, "DEFAULT_MAX_THREADS", 1),
    ]
    if "pillow_heif" in sys.modules:
        wanted.append((sys.modules["pillow_heif"].options, "DECODE_THREADS", 1))
    with _SETTINGS:
        before = [getattr(module, name) for module, name, _ in wanted]
        try:
            for module, name, value in wanted:
                setattr(module, name, value)
            yield
        finally:
            for (module, name, _), value in zip(wanted, before, strict=True):
                setattr(module, name, value)


def _pillow_format(
    name: str,
    feature: str,
    *,
    defaults: Options,
    options: str,
    fixed: Options | None = None,
    write: Callable[[str, Image, Options], bytes] | None = None,
) -> Format:
    """A format that Pillow itself knows, as ``feature`` of its build."""
    save = write or _save

    def unavailable() -> str | None:
        from PIL import features

        if features.check(feature):
            return None
        return f"this Pillow was built without {name}; install Pillow's wheel from PyPI"

    def versions() -> Mapping[str, object]:
        import PIL
        from PIL import features

        versions: dict[str, object] = {
            "Pillow": PIL.__version__,
            feature: features.version(feature),
        }
        if name == "JPEG":
            versions["libjpeg_turbo"] = features.version("libjpeg_turbo")
        if name == "AVIF":
            from PIL.AvifImagePlugin import get_codec_version

            versions |= {codec: get_codec_version(codec) for codec in ("aom", "dav1d")}
        return versions

    return Format(
        write=lambda image, options: save(name, image, {**options, **(fixed or {})}),
        read=lambda contents: _open(name, contents),
        defaults=MappingProxyType(dict(defaults)),
        options=frozenset({"quality", *defaults, *options.split()}),
        unavailable=unavailable,
        versions=versions,
    )


def _save(name: str, image: Image, options: Options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def _save_at_rate(name: str, image: Image, options: Options) -> bytes:
    """Take ``quality`` as bits per pixel, which OpenJPEG wants as a ratio to 24 bits."""
    bits_per_pixel = options.get("quality")
    if bits_per_pixel is None:
        return _save(name, image, options)
    pixels = image.width * image.height
    ratio = 24 * pixels / (bits_per_pixel * pixels + _JPEG2000_HEADERS)
    return _save(name, image, {**options, "quality_layers": [ratio]})


def _open(name: str, contents: bytes) -> Image:
    from PIL import Image

    image = Image.open(io.BytesIO(contents), formats=(name,))
    image.load()
    return image


def _write_heif(image: Image, options: Options) -> bytes:
    import pillow_heif

    parameters = {name: options[name] for name in ("chroma", "preset", "tune") if name in options}
    # Where x265 finds threads it codes rows in parallel (WPP), which gives other, and more, bits.
    threads = {"pools": "none", "frame-threads": 1, "wpp": 0}
    for name, value in {**options.get("x265", {}), **threads}.items():
        parameters[f"x265:{name}"] = value
    stream = io.BytesIO()
    pillow_heif.encode(
        "RGB",
        image.size,
        image.tobytes(),
        stream,
        quality=options.get("quality"),
        enc_params=parameters,
        tile_size=0,
        save_nclx_profile=True,
    )
    return stream.getvalue()


def _read_heif(contents: bytes) -> Image:
    import pillow_heif

    image: Image = pillow_heif.open_heif(contents).to_pillow()
    return image


def _heif_unavailable() -> str | None:
    try:
        import pillow_heif
    except ImportError as error:
        return f"pillow-heif can't be imported ({error}); pip install pillow-heif"
    about = pillow_heif.libheif_info()
    if "x265" in about["encoders"] and "libde265" in about["decoders"]:
        return None
    return "this pillow-heif was built without x265 or libde265; install its wheel from PyPI"


def _heif_versions() -> Mapping[str, object]:
    import pillow_heif

    return {"pillow_heif": pillow_heif.__version__, **pillow_heif.libheif_info()}


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        # 4:2:0 and sequential, as the field's JPEG anchors are.
        "JPEG": _pillow_format(
            "JPEG",
            "jpg",
            defaults={"subsampling": "4:2:0", "optimize": True},
            options="progressive qtables smooth restart_marker_blocks restart_marker_rows keep_rgb",
        ),
        # A bare codestream (.j2k): a .jp2 file is the same in 85 bytes of wrapping.
        "JPEG2000": _pillow_format(
            "JPEG2000",
            "jpg_2000",
            defaults={"irreversible": True, "mct": 1},
            options="quality_mode quality_layers num_resolutions codeblock_size precinct_size "
            "progression tile_size",
            fixed={"no_jp2": True},
            write=_save_at_rate,
        ),
        "WEBP": _pillow_format(
            "WEBP", "webp", defaults={"method": 6}, options="lossless exact alpha_quality"
        ),
        # By default libaom tunes for perceived quality, 6 % of rate behind in PSNR.
        "AVIF": _pillow_format(
            "AVIF",
            "avif",
            defaults={
                "codec": "aom",
                "speed": 6,
                "subsampling": "4:4:4",
                "range": "full",
                "autotiling": False,
                "advanced": {"tune": "psnr"},
            },
            options="tile_rows tile_cols",
            fixed={"max_threads": 1},
        ),
        # x265 takes a chroma QP offset of 0 as +6 in 4:4:4, 8 % of rate behind; −1 it takes as is.
        "HEIF": Format(
            write=_write_heif,
            read=_read_heif,
            defaults=MappingProxyType(
                {
                    "chroma": "444",
                    "preset": "slow",
                    "tune": "psnr",
                    "x265": {"cbqpoffs": -1, "crqpoffs": -1},
                }
            ),
            options=frozenset({"quality", "chroma", "preset", "tune", "x265"}),
            unavailable=_heif_unavailable,
            versions=_heif_versions,
        ),
    }
)
"""Pillow's name of a format → how it is coded. ``HEIF`` is HEVC, by pillow-heif."""
