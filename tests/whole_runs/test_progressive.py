"""A codec whose streams get worse as more of them is decoded is caught by name, in whole runs."""

from __future__ import annotations

import json

from tests.helpers.broken_codec import failing
from tests.helpers.toy_project import Project

HALVES = """
    class Halves(Toy):
        '''Raw samples, the upper half of the rows first.'''

        def encode(self, images):
            batch = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
            return [bytes([*image.shape[:2]]) + image.tobytes() for image in batch]

        def pass_lengths(self, bitstream):
            height, width = bitstream[:2]
            return [2 + height // 2 * width * 3, len(bitstream)]

        def decode(self, bitstreams, passes=None):
            return torch.stack([self.decoded(one, passes) for one in bitstreams])

        def decoded(self, bitstream, passes):
            height, width = bitstream[:2]
            rows = height // 2 if passes == 1 else height
            image = np.full((height, width, 3), 128, np.uint8)
            read = np.frombuffer(bitstream, np.uint8, rows * width * 3, 2)
            image[:rows] = self.lower(read.reshape(rows, width, 3), height // 2)
            return torch.from_numpy(image).permute(2, 0, 1).float() / 255

        def lower(self, image, first):
            return image

    class Upturned(Halves):
        def lower(self, image, first):
            return np.concatenate([image[:first], 255 - image[first:]])
"""
CHOSEN = ("-m", "progressive", "--lic-quality", "1", "-q")


def test_parts_that_get_better_pass_and_stand_in_the_results(project: Project) -> None:
    project.write_codec(HALVES, "Halves")
    result = project.run(*CHOSEN, "--lic-json", "run.json")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["lic: parts of streams: toy-q1-*, 2 passes: * dB of *"])
    (found,) = json.loads((project.path / "run.json").read_text())["progressive"]
    assert (found["family"], found["passes"], len(found["parts"])) == ("toy", 2, 2)


def test_a_longer_part_that_is_worse_fails_with_its_image_and_passes(project: Project) -> None:
    project.write_codec(HALVES, "Upturned")
    result = project.run(*CHOSEN)
    assert result.ret == 1
    text = " ".join(result.stdout.str().split())
    assert "the first 2 of 2 passes" in text
    assert "PSNR falls from" in text
    assert failing(result) == {"test_parts_of_streams"}


def test_a_codec_that_decodes_all_at_once_is_skipped_with_the_reason(project: Project) -> None:
    result = project.run(*CHOSEN, "-rs")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*all of a latent is decoded at once*"])
