"""What a user's network raises, in one line that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_lic.errors import BitstreamError, CodecError, LicError, is_crash
from pytest_lic.system.places import place

_NO_SHAPES = (
    ArithmeticError,
    AttributeError,
    ImportError,
    KeyError,
    MemoryError,
    NameError,
    NotImplementedError,
    OSError,
    TypeError,
)


@contextmanager
def blamed(what: str, called: str = "") -> Iterator[None]:
    """Whatever a user's network raises, as a `CodecError` of ``what``; our own as they are.

    The text ends with the place in the user's code, and ``called``: how it was called.
    """
    try:
        yield
    except LicError:
        raise
    except BaseException as error:
        if not is_crash(error):
            raise
        raise CodecError(
            f"{what} failed: {type(error).__name__}: {error}{place(error)}{called}"
        ) from error


def of_shapes(error: LicError) -> bool:
    """Whether a failure may be one of the images' shape, so that another may go through."""
    import torch

    if isinstance(error, BitstreamError):  # a decoder out of step
        return True
    cause = error.__cause__
    memory = isinstance(cause, torch.OutOfMemoryError)
    return cause is not None and not memory and not isinstance(cause, _NO_SHAPES)
