"""Calls a family's own functions; a crash of theirs becomes one line that names the family."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import CodecError, LicError, UnavailableError, is_crash
from pytest_lic.system.watchdog import guarded


def unavailable(family: CodecFamily, device: str) -> str | None:
    """Why ``family`` can't run on ``device`` here, or None."""
    if device.split(":")[0] not in family.devices:
        return f"{family.name} runs on {', '.join(family.devices)} only"
    if family.unavailable is None:
        return None
    with blamed(f"{family.name}: finding out whether it can run here failed"):
        return family.unavailable()


def build(family: CodecFamily, quality: str, device: str) -> Codec:
    """A new codec of one quality.

    Raises:
        CodecError: ``build`` failed or gave something that can't encode and decode.
        UnavailableError: ``build`` said that it can't run here.
    """
    subject = f"{family.name}, quality {quality}"
    with blamed(f"{subject} could not be built"):
        codec = family.build(quality, device)
    if not isinstance(codec, Codec):
        raise CodecError(
            f"{subject}: build returned a {type(codec).__name__}; expected an object with "
            "encode(images) and decode(bitstreams)"
        )
    return codec


def fingerprint(family: CodecFamily, quality: str) -> str | None:
    """The family's fingerprint at one quality; None where it can't tell."""
    with blamed(f"{family.name}, quality {quality}: fingerprint failed"):
        answer = family.fingerprint(quality) if family.fingerprint else None
        if not isinstance(answer, str | None):
            raise CodecError(f"a {type(answer).__name__}; expected text, or None")
        return answer


@contextlib.contextmanager
def blamed(what: str) -> Iterator[None]:
    """Name the subject in an error, and turn a crash of the user's code into one clear line."""
    try:
        with guarded(what):
            yield
    except UnavailableError:
        raise
    except LicError as error:
        raise LicError(f"{what}: {error}") from error
    except BaseException as error:
        if not is_crash(error):
            raise
        raise CodecError(f"{what}: {type(error).__name__}: {error}") from error
