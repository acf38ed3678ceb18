"""pytest-lic: a pytest plugin that keeps learned image codecs from getting worse."""

from pytest_lic.codec import Codec, CodecFamily

__all__ = ["Codec", "CodecFamily"]
