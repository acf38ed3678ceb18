"""A codec whose bitstreams are not all that its decoder needs is caught, however it hides that."""

from __future__ import annotations

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
    result.stdout.fnmatch_lines(["*images influence each other (structural): decoded in a batch*"])


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
