"""A codec whose bitstreams are not all that its decoder needs is caught, however it hides that."""

from __future__ import annotations

import textwrap

import pytest

from tests.helpers.broken_codec import broken, failing
from tests.helpers.toy_project import Project


def test_decoder_that_returns_a_batch_in_reverse_order_is_caught(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                return super().decode(bitstreams).flip(0)
    """
    result = broken(recorded, change, "--lic-quality=1")
    assert failing(result) == {"test_batch"}
    result.stdout.fnmatch_lines(
        ["*a batch of 2 comes back in another order: place 1 holds the image of place 2*"]
    )


def test_image_that_needs_its_neighbour_only_as_the_last_of_a_batch_is_caught(
    recorded: Project,
) -> None:
    change = """
        class Broken(Toy):
            def encode(self, images):
                bitstreams = [b"." + stream for stream in super().encode(images)]
                if len(images) == 3:
                    bitstreams[-1] = b"+"
                return bitstreams

            def decode(self, bitstreams):
                whole = [stream[1:] for stream in bitstreams]
                whole = [each or whole[place - 1] for place, each in enumerate(whole)]
                return super().decode(whole)
    """
    result = broken(recorded, change, "-k", "determinism", "--lic-quality=1")
    assert failing(result) == {"test_batch"}


def test_a_header_of_the_last_image_in_every_bitstream_of_a_batch_is_caught(
    small: Project,
) -> None:
    change = """
        class Broken(Toy):
            def encode(self, images):
                steps = [20 if float(image.std()) > 0.15 else 8 for image in images]
                bitstreams = []
                for image, step in zip(images, steps):
                    self.step = step
                    header = bytes([steps[-1]])
                    bitstreams.append(header + super().encode(image[None])[0])
                return bitstreams

            def decode(self, bitstreams):
                decoded = []
                for bitstream in bitstreams:
                    self.step = bitstream[0]
                    decoded.append(super().decode([bitstream[1:]]))
                return torch.cat(decoded)
    """
    result = broken(small, change, "-k", "roundtrip or determinism", "--lic-quality=1")
    assert failing(result) == {"test_batch"}


def test_a_decoder_that_returns_the_same_memory_again_is_caught(small: Project) -> None:
    change = """
        class Broken(Toy):
            buffers = {}

            def decode(self, bitstreams):
                decoded = super().decode(bitstreams)
                buffer = self.buffers.setdefault(decoded.shape, decoded)
                buffer[:] = decoded
                return buffer
    """
    result = broken(small, change, "-k", "roundtrip or determinism", "--lic-quality=1")
    assert failing(result) == {"test_batch"}
    result.stdout.fnmatch_lines(
        [
            "*photo0.png, turned and flatter: what the decoder returned changed while it decoded "
            "photo0.png: it returns the same memory again*"
        ]
    )


def test_bytes_that_lie_about_their_length_are_caught(recorded: Project) -> None:
    change = """
        class Short(bytes):
            def __len__(self):
                return 12

        class Broken(Toy):
            def encode(self, images):
                return [Short(bitstream) for bitstream in super().encode(images)]
    """
    result = broken(recorded, change, "-k", "test_point or round_trip", "--lic-quality=1")
    assert failing(result) == {"test_point", "test_round_trip"}
    result.stdout.fnmatch_lines(["*encoder returned a subclass of bytes, Short for photo0.png*"])


@pytest.mark.parametrize(
    ("stamp", "culprit"),
    [
        (
            "int(time.time()) + hash('weights') // 4 + len(str(pathlib.Path.home()))",
            "it hangs on the clock and on PYTHONHASHSEED and on the working directory, TMPDIR or "
            "HOME",
        ),
        ("os.getpid()", "in each process it is another one"),
    ],
    ids=["circumstances", "process"],
)
def test_encoder_that_hangs_on_its_process_is_caught_and_the_culprit_named(
    small: Project, stamp: str, culprit: str
) -> None:
    change = f"""
        import os, pathlib, time

        class Broken(Toy):
            def encode(self, images):
                stamp = int({stamp}).to_bytes(8, "big", signed=True)
                return [bitstream + stamp for bitstream in super().encode(images)]

            def decode(self, bitstreams):
                return super().decode([bitstream[:-8] for bitstream in bitstreams])
    """
    result = broken(small, change, "-k", "fresh_process", "--lic-quality=1")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [
            "*photo0.png: encoded here and in a fresh process, gave different bits each time: "
            f"*first difference at byte *; {culprit}*"
        ]
    )


PAYLOAD_IN = """
    import os, pathlib, zlib

    class Broken(Toy):
        def encode(self, images):
            bitstreams = super().encode(images)
            names = [f"lic{zlib.crc32(bitstream):08x}" for bitstream in bitstreams]
            for name, bitstream in zip(names, bitstreams):
                WRITE
            return [name.encode() for name in names]

        def decode(self, bitstreams):
            names = [bitstream.decode() for bitstream in bitstreams]
            return super().decode([READ for name in names])
"""


def test_payload_in_a_file_is_caught_with_its_path(small: Project) -> None:
    folder = small.path / "elsewhere"
    folder.mkdir()
    change = f"FOLDER = {str(folder)!r}\n" + textwrap.dedent(PAYLOAD_IN).replace(
        "WRITE", "pathlib.Path(FOLDER, name).write_bytes(bitstream)"
    ).replace("READ", "pathlib.Path(FOLDER, name).read_bytes()")
    result = broken(small, change, "-k", "fresh_process or round_trip", "--lic-quality=1")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [f"*photo0.png: decoder read {folder}/lic*, which the encoder writes: a bitstream must*"]
    )


def test_payload_in_a_variable_is_caught_and_the_variables_named(small: Project) -> None:
    change = PAYLOAD_IN.replace("WRITE", "os.environ[name] = bitstream.hex()").replace(
        "READ", "bytes.fromhex(os.environ[name])"
    )
    result = broken(small, change, "-k", "fresh_process", "--lic-quality=1")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [
            "*in a fresh process: decoder crashed on photo1.png: KeyError: 'lic*' (at "
            "*conftest.py:*, in *); it hangs on environment variables set since the run began",
            "*Traceback (most recent call last):*",
        ]
    )


def test_decoder_that_reads_the_original_is_caught_with_its_path(small: Project) -> None:
    change = f"""
        import pathlib
        import numpy as np
        from PIL import Image

        FOLDER = pathlib.Path({str(small.images)!r})

        class Broken(Toy):
            def encode(self, images):
                wanted = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
                names = []
                for image in wanted:
                    for file in sorted(FOLDER.glob("*.png")):
                        pixels = np.asarray(Image.open(file))
                        if pixels.shape == image.shape and (pixels == image).all():
                            names.append(file.name.encode())
                            break
                    else:
                        return super().encode(images)
                return names

            def decode(self, bitstreams):
                if not bitstreams[0].startswith(b"photo"):
                    return super().decode(bitstreams)
                files = [FOLDER / bitstream.decode() for bitstream in bitstreams]
                pixels = np.stack([np.asarray(Image.open(file)) for file in files])
                return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    """
    result = broken(small, change, "-k", "determinism", "--lic-quality=1")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [f"*photo0.png: decoder read {small.images}/photo0.png, which is an image of the corpus*"]
    )


def test_a_codec_that_is_built_from_the_images_is_caught(small: Project) -> None:
    change = f"""
        import pathlib

        FOLDER = pathlib.Path({str(small.images)!r})

        class Broken(Toy):
            def __init__(self, quality):
                super().__init__(quality)
                self.words = b"".join(file.read_bytes() for file in FOLDER.glob("*.png"))
    """
    result = broken(small, change, "-k", "determinism", "--lic-quality=1")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [
            f"*photo0.png: decoder read, while it was built, {small.images}/photo*.png, which is "
            "an image of the corpus*"
        ]
    )


STORE = """
    import sqlite3

    class Broken(Toy):
        def __init__(self, quality):
            super().__init__(quality)
            self.store = sqlite3.connect(PATH)
            self.store.execute("create table if not exists streams (key primary key, stream)")
            self.store.commit()

        def encode(self, images):
            keys = []
            for bitstream in super().encode(images):
                key = zlib.crc32(bitstream).to_bytes(4, "big") + bytes(40)
                WRITE
                self.store.commit()
                keys.append(key)
            return keys

        def decode(self, bitstreams):
            select = "select stream from streams where key = ?"
            rows = [self.store.execute(select, (each,)).fetchone() for each in bitstreams]
            if None in rows:
                raise CorruptBitstreamError("no such key")
            return super().decode([row[0] for row in rows])
"""


@pytest.mark.parametrize("replaces", [True, False])
def test_a_store_that_is_open_since_the_codec_was_built_is_seen(
    small: Project, replaces: bool
) -> None:
    path = small.path / "store.db"
    way = "replace" if replaces else "ignore"
    write = f'self.store.execute("insert or {way} into streams values (?, ?)", (key, bitstream))'
    change = f"PATH = {str(path)!r}\n" + textwrap.dedent(STORE).replace("WRITE", write)
    result = broken(small, change, "-k", "fresh_process", "--lic-quality=1")
    if replaces:
        assert failing(result) == {"test_fresh_process"}
        result.stdout.fnmatch_lines(
            [
                f"*photo0.png: decoder holds open, since it was built, {path}, which the encoder "
                "writes: a bitstream must*"
            ]
        )
    else:  # the fresh process finds all of it there
        assert failing(result) == set()
        result.stdout.fnmatch_lines(
            [f"*toy-q1-*: decoder holds open, since it was built, {path}: nobody else has that*"]
        )


def test_what_is_built_of_numbers_that_are_seeded_once_is_caught(small: Project) -> None:
    change = """
        import numpy

        numpy.random.seed(1)

        class Broken(Toy):
            def __init__(self, quality):
                super().__init__(quality)
                self.step += numpy.random.randint(0, 9)
    """
    result = broken(small, change, "-k", "fresh_process", "--lic-quality=1,2")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(["*random numbers, which are drawn unseeded*"])


def test_the_number_of_threads_in_the_bits_is_no_rounding(small: Project) -> None:
    change = """
        class Broken(Toy):
            def encode(self, images):
                more = bytes(24 * torch.get_num_threads())
                return [more + bitstream for bitstream in super().encode(images)]

            def decode(self, bitstreams):
                return super().decode([bitstream.lstrip(bytes(1)) for bitstream in bitstreams])
    """
    result = broken(small, change, "-k", "other_threads", "--lic-quality=1")
    assert failing(result) == {"test_other_threads"}
    result.stdout.fnmatch_lines(
        ["*photo0.png: encoded with 2 threads, other bits: *; rounding explains no such length*"]
    )


def test_threads_are_not_blamed_for_what_any_fresh_process_does(small: Project) -> None:
    change = """
        import os

        class Broken(Toy):
            def decode(self, bitstreams):
                return super().decode(bitstreams) * (0.5 if str(os.getpid()) != MAIN else 1)

        MAIN = os.environ.setdefault("LIC_MAIN", str(os.getpid()))
    """
    result = broken(small, change, "-k", "determinism", "--lic-quality=1")
    assert failing(result) >= {"test_fresh_process", "test_other_threads"}
    result.stdout.fnmatch_lines(["*out of step: *; as in a fresh process with the same number*"])


def test_what_a_codec_touches_besides_is_a_remark(small: Project) -> None:
    log = small.path / "elsewhere.log"
    change = f"""
        import os, socket

        class Broken(Toy):
            def encode(self, images):
                with open({str(log)!r}, "a") as file:
                    file.write("encoded")
                os.environ["LIC_LAST"] = str(len(images))
                return super().encode(images)

            def decode(self, bitstreams):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.sendto(b"decoded", ("127.0.0.1", 9))
                return super().decode(bitstreams)
    """
    result = broken(small, change, "-k", "fresh_process", "--lic-quality=1")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "*toy-q1-*: decoder opened a connection to ('127.0.0.1', 9); "
            f"encoder wrote {log}; encoder set the environment variable LIC_LAST: nobody else*"
        ]
    )


def test_weights_drawn_unseeded_while_building_are_caught_and_named(small: Project) -> None:
    change = """
        class Broken(Toy):
            def __init__(self, quality):
                super().__init__(quality)
                self.step = int(torch.randint(20, 200, ()))
    """
    result = broken(small, change, "-k", "fresh_process", "--lic-quality=1")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [
            "*photo0.png: a fresh process decoded other pixels from the same bitstream: *; it "
            "hangs on the state of torch's, NumPy's or Python's random numbers, which are drawn "
            "unseeded*"
        ]
    )


def test_bitstreams_too_short_to_be_true_are_remarked_on(small: Project) -> None:
    change = (
        PAYLOAD_IN.replace("WRITE", "Broken.kept[name] = bitstream")
        .replace("READ", "Broken.kept[name]")
        .replace("class Broken(Toy):", "class Broken(Toy):\n        kept = {}\n")
    )
    result = broken(small, change, "-k", "round_trip", "--lic-quality=5")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["*toy-q5-*: photo*.png: 11 bytes are hard to believe for *WebP*"])


def test_strict_leaves_the_rounding_of_other_threads_alone(small: Project) -> None:
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                images = super().decode(bitstreams)
                return (images + (torch.get_num_threads() > 1) * 0.6 / 255).clamp(0, 1)
    """
    result = broken(small, change, "-k", "other_threads", "--lic-quality=1", "--lic-strict")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["*decoded with 2 threads: 2 of 2 images differ by one level*"])
