"""A codec broken on purpose is caught, by the right check, and the message names the culprit."""

from __future__ import annotations

from tests.helpers.broken_codec import ALL, broken, failing
from tests.helpers.toy_project import Project


def test_intact_codec_passes(recorded: Project) -> None:
    result = recorded.run("-m", ALL, "-q")
    assert result.ret == 0, result.stdout.str()


def test_rate_one_percent_up_is_caught_as_rate(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def code(self, levels):
                coded = super().code(levels)
                return coded + bytes(round(0.01 * len(coded)) + 1)

            def decode(self, bitstreams):
                whole = zlib.decompress
                zlib.decompress = lambda data: zlib.decompressobj().decompress(data)
                try:
                    return super().decode(bitstreams)
                finally:
                    zlib.decompress = whole
    """
    result = broken(recorded, change)
    assert failing(result) == {"test_point", "test_curve"}
    result.stdout.fnmatch_lines(
        [
            "*toy-q3-images-native-b1-cpu: regressed*",
            "*bpp, mean: baseline *, measured *, +1.* % (tolerance 0.1 %; 95 % interval *)*",
            "*look closer: pytest *pytest_lic.suites -m rd --lic-codec toy --lic-quality 3*",
        ]
    )


def test_psnr_loss_on_one_image_of_eight_is_caught_on_that_image(recorded: Project) -> None:
    # 0.08 dB on one image of eight is 0.01 dB in the mean: inside the mean's tolerance.
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                images = super().decode(bitstreams)
                for index, bitstream in enumerate(bitstreams):
                    if hash_of(bitstream) == CULPRIT:
                        error = 0.5 / 255 * self.step * 0.09
                        signs = torch.ones_like(images[index])
                        signs[:, ::2, ::2] = -1
                        signs[:, 1::2, 1::2] = -1
                        images[index] = (images[index] + error * signs).clamp(0, 1)
                return images

        import hashlib

        def hash_of(bitstream):
            return hashlib.sha256(bitstream).hexdigest()[:16]
    """
    import json

    entries = json.loads(recorded.baseline.read_text())["entries"]
    third = next(entry for entry in entries if entry["quality"] == "3")
    culprit = third["images"]["photo5.png"]["bitstream"]
    result = broken(recorded, f"CULPRIT = {culprit!r}\n" + dedent(change))
    assert failing(result) == {"test_point"}
    result.stdout.fnmatch_lines(["*PSNR, image photo5.png: baseline *, measured *, -0.* dB*"])
    result.stdout.no_fnmatch_line("*PSNR, mean*")


def test_output_one_pixel_too_small_is_caught_as_size(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                return super().decode(bitstreams)[..., :-1]
    """
    result = broken(recorded, change, "-k", "round_trip")
    assert "test_round_trip" in failing(result)
    result.stdout.fnmatch_lines(
        ["*decoder returned shape (1, 3, 176, 175) for photo0.png*expected (1, 3, 176, 176)*"]
    )


def test_nan_in_the_output_is_caught_with_its_place(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                images = super().decode(bitstreams)
                images[0, 1, 0, 0] = float("nan")
                return images
    """
    result = broken(recorded, change, "-k", "round_trip")
    assert "test_round_trip" in failing(result)
    result.stdout.fnmatch_lines(["*not finite for photo0.png, first nan at channel 1, row 0*"])


def test_crash_on_odd_sizes_only_is_caught_on_the_edge_corpus(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def encode(self, images):
                if images.shape[-1] % 2:
                    raise RuntimeError("width must be even")
                return super().encode(images)
    """
    result = broken(recorded, change)
    assert failing(result) == {"test_round_trip"}
    result.stdout.fnmatch_lines(
        ["*toy-q1-edge-native-b1-cpu: encoder crashed on *: RuntimeError: width must be even*"]
    )


def test_noise_before_quantisation_is_caught_as_different_bits(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def quantise(self, images):
                return super().quantise((images + 0.002 * torch.randn_like(images)).clamp(0, 1))
    """
    result = broken(recorded, change, "-k", "repeat")
    assert failing(result) == {"test_repeat"}
    result.stdout.fnmatch_lines(
        ["*toy-q1-*: photo0.png: encoded twice in one process, gave different bits each time*"]
    )


def test_images_that_influence_each_other_are_caught_as_structural(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def quantise(self, images):
                return super().quantise((images - 0.05 * images.mean()).clamp(0, 1))
    """
    result = broken(recorded, change, "-k", "test_batch")
    assert failing(result) == {"test_batch"}
    result.stdout.fnmatch_lines(["*photo0.png*: images influence each other (structural)*"])


def test_bits_that_depend_on_the_batch_size_alone_are_a_remark(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def quantise(self, images):
                tie = 0.3 / 255 if len(images) > 1 else 0.0
                return super().quantise((images + tie).clamp(0, 1))
    """
    result = broken(recorded, change, "-k", "test_batch")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*bits depend on the batch size (numerical*"])
    assert broken(recorded, change, "-k", "test_batch", "--lic-strict").ret == 1


REMEMBERS = """
    class Broken(Toy):
        kept = {}

        def encode(self, images):
            bitstreams = super().encode(images)
            for bitstream, image in zip(bitstreams, images):
                Broken.kept[bitstream] = image.clone()
            return bitstreams

        def decode(self, bitstreams):
            decoded = super().decode(bitstreams)
            for index, bitstream in enumerate(bitstreams):
                if bitstream in Broken.kept:
                    decoded[index] = (decoded[index] + Broken.kept[bitstream]) / 2
            return decoded
"""


def test_decoder_that_remembers_the_encoder_is_caught_in_a_fresh_process(
    recorded: Project,
) -> None:
    result = broken(recorded, REMEMBERS, "-k", "repeat or fresh_process")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        ["*photo0.png: a fresh process decoded other pixels from the same bitstream*"]
    )


def test_rate_that_is_an_estimate_is_caught_in_a_fresh_process(recorded: Project) -> None:
    # The "bitstream" has the length that an entropy estimate promises, and nothing in it.
    change = """
        class Broken(Toy):
            kept = {}

            def encode(self, images):
                bitstreams = []
                for image, levels in zip(images, self.quantise(images)):
                    counts = torch.bincount(levels.flatten().long()).double()
                    share = counts[counts > 0] / counts.sum()
                    bits = -(share * share.log2()).sum() * levels.numel()
                    bitstream = len(Broken.kept).to_bytes(4, "big") + bytes(int(bits / 8))
                    Broken.kept[bitstream] = levels * self.step / 255
                    bitstreams.append(bitstream)
                return bitstreams

            def decode(self, bitstreams):
                return torch.stack([Broken.kept[b] for b in bitstreams]).clamp(0, 1)
    """
    result = broken(recorded, change, "-k", "fresh_process")
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [
            "*in a fresh process: decoder crashed on photo7.png: KeyError: * (at *conftest.py:*, "
            "in *)*"
        ]
    )


def test_decoder_that_depends_on_what_it_decoded_before_is_caught(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            before = None

            def decode(self, bitstreams):
                decoded = super().decode(bitstreams)
                blended = decoded if self.before is None else (decoded + self.before) / 2
                self.before = decoded
                return blended
    """
    result = broken(recorded, change, "-k", "repeat or fresh_process", "--lic-quality=1")
    assert failing(result) == {"test_repeat", "test_fresh_process"}
    result.stdout.fnmatch_lines(["*decoded twice in one process, gave other pixels*"])


def test_decoder_whose_images_influence_each_other_is_caught(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                decoded = super().decode(bitstreams)
                return (decoded + 0.1 * decoded.mean(dim=0)).clamp(0, 1)
    """
    result = broken(recorded, change, "-k", "test_batch", "--lic-quality=1")
    assert failing(result) == {"test_batch"}
    result.stdout.fnmatch_lines(["*images influence each other (structural): decoded in a batch*"])


def test_encoder_that_changes_its_mind_is_not_called_numerical(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            calls = 0

            def quantise(self, images):
                self.calls += 1
                return super().quantise((images + (self.calls > 4) * 0.01).clamp(0, 1))
    """
    result = broken(recorded, change, "-k", "test_batch", "--lic-quality=1")
    assert failing(result) == {"test_batch"}
    result.stdout.fnmatch_lines(["*gave different bits each time*"])


def test_rate_that_is_a_number_is_caught_as_not_bytes(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def encode(self, images):
                return [0.25 for image in images]
    """
    result = broken(recorded, change, "-k", "test_point")
    assert failing(result) == {"test_point"}
    result.stdout.fnmatch_lines(
        ["*encoder returned float for photo0.png*estimates are never used*"]
    )


def test_encoder_that_overwrites_its_input_is_caught(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def encode(self, images):
                bitstreams = super().encode(images)
                images[:] = self.decode(bitstreams)
                return bitstreams
    """
    result = broken(recorded, change, "-k", "test_point or round_trip")
    assert failing(result) == {"test_point", "test_round_trip"}
    result.stdout.fnmatch_lines(["*encoder overwrote its input on photo0.png*"])


def test_decoder_that_hangs_or_dies_is_an_error_not_a_hung_run(recorded: Project) -> None:
    # In the child alone: pytest, and a worker of pytest-xdist, run another script.
    change = """
        import os, sys, time

        class Broken(Toy):
            def decode(self, bitstreams):
                if sys.argv[0].endswith("child_main.py"):
                    time.sleep(60) if self.step == 40 else os.kill(os.getpid(), 11)
                return super().decode(bitstreams)
    """
    result = broken(
        recorded, change, "-k", "fresh_process", "--lic-quality=1,2", "--lic-timeout=10"
    )
    assert failing(result) == {"test_fresh_process"}
    result.stdout.fnmatch_lines(
        [
            "*toy-q1-*decoding photo7.png took over 10 s and was stopped*",
            "*toy-q2-*it died while decoding photo7.png: killed by signal 11*",
        ]
    )


def test_other_latents_with_other_threads_are_out_of_step(recorded: Project) -> None:
    change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                images = super().decode(bitstreams)
                if torch.get_num_threads() > 1:
                    images[:, :, 3:, 5:] = 0.5
                return images
    """
    result = broken(recorded, change, "-k", "other_threads")
    assert failing(result) == {"test_other_threads"}
    result.stdout.fnmatch_lines(
        ["*photo0.png: decoded with 2 threads, out of step*first at row 3, column 5*"]
    )


def dedent(text: str) -> str:
    """Source text without its common indentation."""
    import textwrap

    return textwrap.dedent(text)
