"""Arrays out of a pickle of dictionaries of arrays, by a reader that can build nothing else."""

from __future__ import annotations

import pickle
from typing import IO, Any

from pytest_lic.errors import WeightsError

_BUILT = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


def read_arrays(file: IO[bytes], where: str) -> Any:
    """What the pickle holds: dictionaries, lists, texts, numbers and arrays.

    Args:
        file: open for reading.
        where: the file's name, for errors.

    Raises:
        WeightsError: it names anything else, which is not built, or is damaged.
    """
    try:
        return _ArrayReader(file).load()
    except WeightsError as error:
        raise WeightsError(f"{where}: {error}") from error
    except Exception as error:  # a damaged pickle ends in whatever its bytes happen to ask for
        raise WeightsError(f"{where}: damaged ({type(error).__name__}: {error})") from error


class _ArrayReader(pickle.Unpickler):
    """Builds arrays; a pickle reaches any other function or class through `find_class` alone."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _BUILT:
            raise WeightsError(f"a pickle of more than arrays: it names {module}.{name}")
        return super().find_class(module, name)
