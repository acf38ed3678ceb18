"""The ``--lic-*`` options, each with an ini twin ``lic_*``, and their values for one run."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_lic.cache import default_folder
from pytest_lic.comparison import DEFAULT_TOLERANCES, Tolerance, parse_tolerances
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.grid import Selection, absolute_corpora
from pytest_lic.metrics import METRICS, LPIPSOptions
from pytest_lic.project import misled, project_root


@dataclass(frozen=True)
class Option:
    """One option: ``many`` takes commas and repetition, ``flag`` takes no value."""

    name: str
    help: str
    default: str = ""
    metavar: str = ""
    many: bool = False
    flag: bool = False

    @property
    def flag_name(self) -> str:
        """Such as ``--lic-codec``."""
        return f"--lic-{self.name}"

    @property
    def ini_name(self) -> str:
        """Such as ``lic_codec``."""
        return f"lic_{self.name.replace('-', '_')}"


OPTIONS = (
    Option("codec", "only codecs whose name matches GLOB", metavar="GLOB", many=True),
    Option("quality", "only these quality labels", metavar="LABEL", many=True),
    Option("lambda", "only the qualities trained for these λ", metavar="LAMBDA", many=True),
    Option(
        "component",
        "only codecs with this component, such as nonlinearity=gdn; several must all hold",
        metavar="TAG=CHOICE",
        many=True,
    ),
    Option(
        "corpus",
        "photos (bundled photographs), edge (hostile sizes and contents) or a folder of images",
        "photos",
        "NAME",
        many=True,
    ),
    Option("resolution", "native, or N for the centre N×N pixels", "native", "N|native", many=True),
    Option("batch", "images coded at once", "1", "N", many=True),
    Option("device", "cpu, cuda or cuda:INDEX", "cpu", "DEVICE", many=True),
    Option("threads", "CPU threads per process while measuring", "1", "N"),
    Option("metrics", "quality metrics to compute", "psnr,ms_ssim,lpips", "METRIC", many=True),
    Option("lpips-net", "backbone of LPIPS: vgg, alex or squeeze", "vgg", "NET"),
    Option("lpips-weights", "the backbone's weights, a .safetensors file", metavar="FILE"),
    Option("lpips-download", "allow torchvision to download the backbone's weights", flag=True),
    Option(
        "anchor",
        "also print BD-rate against this codec, or this published curve (bpg-444, vtm, …)",
        metavar="NAME",
        many=True,
    ),
    Option(
        "require",
        "fail where this metric, codec or device is unavailable, instead of reporting it",
        metavar="NAME",
        many=True,
    ),
    Option("strict", "fail also where bits changed inside the tolerances", flag=True),
    Option("update", "record what is measured as the new baselines", flag=True),
    Option("update-missing", "record what has no baseline yet, and gate the rest", flag=True),
    Option("prune", "remove baseline entries that a complete run did not use", flag=True),
    Option("baselines", "folder of the baselines, from the root folder", "baselines", "DIR"),
    Option("no-cache", "measure anew, and keep nothing for the next run", flag=True),
    Option("cache-dir", "where measurements are kept between runs", metavar="DIR"),
    Option("timeout", "seconds that decoding in a fresh process may take", "600", "SECONDS"),
)


@dataclass(frozen=True)
class Options:
    """The options of one run, checked and resolved.

    ``misled`` warns where pytest reads no configuration of the project.
    """

    selection: Selection
    threads: int
    metrics: tuple[str, ...]
    lpips: LPIPSOptions
    anchors: tuple[str, ...]
    require: tuple[str, ...]
    strict: bool
    update: bool
    update_missing: bool
    prune: bool
    baselines: Path
    cache: Path | None
    timeout: float
    tolerances: Mapping[str, Tolerance]
    misled: str | None


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and its ini twin."""
    group = parser.getgroup("lic", "learned image compression (pytest-lic)")
    for option in OPTIONS:
        default = f" (default: {option.default})" if option.default else ""
        again = "; repeatable, or separated by commas" if option.many else ""
        text = f"{option.help}{again}{default}"
        dest = option.ini_name
        if option.flag:
            group.addoption(
                option.flag_name, dest=dest, action="store_true", default=None, help=text
            )
        elif option.many:
            group.addoption(
                option.flag_name, dest=dest, action="append", metavar=option.metavar, help=text
            )
        else:
            group.addoption(option.flag_name, dest=dest, metavar=option.metavar, help=text)
        parser.addini(dest, f"{option.help}; as {option.flag_name}", type="string", default=None)


def read_options(config: pytest.Config) -> Options:
    """The options of ``config``: command line first, then ini, then the default.

    Raises:
        UsageError: a value that is not what its option takes.
    """
    values = {option.name: _value(config, option) for option in OPTIONS}
    metrics = tuple(metric for metric in values["metrics"] if metric != "bpp")
    for metric in metrics:
        if metric not in METRICS:
            raise UnknownNameError("metric", metric, METRICS, "--lic-metrics")
    start, root = config.invocation_params.dir, project_root(config)
    selection = Selection(
        codecs=values["codec"],
        qualities=values["quality"],
        lambdas=tuple(_number("lambda", text, float) for text in values["lambda"]),
        components=values["component"],
        corpora=absolute_corpora(values["corpus"], start),
        resolutions=values["resolution"],
        batches=tuple(_number("batch", text, int) for text in values["batch"]),
        devices=tuple(_device(text) for text in values["device"]),
    )
    if values["prune"] and selection.narrows:
        raise UsageError(
            "--lic-prune needs a run of every codec and quality, or it would remove entries that "
            "were only not asked for; drop --lic-codec, --lic-quality, --lic-lambda and "
            "--lic-component"
        )
    weights = values["lpips-weights"]
    cache = start / values["cache-dir"] if values["cache-dir"] else default_folder()
    return Options(
        selection=selection,
        threads=_number("threads", values["threads"], int, least=1),
        metrics=metrics,
        lpips=LPIPSOptions(
            net=values["lpips-net"],
            weights=start / weights if weights else None,
            download=values["lpips-download"],
        ),
        anchors=values["anchor"],
        require=values["require"],
        strict=values["strict"],
        update=values["update"],
        update_missing=values["update-missing"],
        prune=values["prune"],
        baselines=root / values["baselines"],
        cache=None if values["no-cache"] else cache,
        timeout=_number("timeout", values["timeout"], float, least=0.1),
        tolerances=_tolerances(root / "pyproject.toml"),
        misled=misled(config),
    )


def _value(config: pytest.Config, option: Option) -> Any:
    given = config.getoption(option.ini_name)
    if given is None:
        given = config.getini(option.ini_name) or option.default
    if option.flag:
        return given if isinstance(given, bool) else _boolean(option, given)
    texts = [given] if isinstance(given, str) else given
    if config.getoption(option.ini_name) is not None and not all(text.strip() for text in texts):
        raise UsageError(f"{option.flag_name} is empty; give it a value, or leave it out")
    if not option.many:
        return str(given).strip()
    parts = (part.strip() for text in texts for part in text.replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _boolean(option: Option, text: str) -> bool:
    if text.lower() in ("", "0", "false", "no", "off"):
        return False
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    raise UsageError(f"{option.ini_name} = {text!r}: expected true or false")


_Number = TypeVar("_Number", int, float)


def _number(
    name: str, text: str, kind: Callable[[str], _Number], least: float | None = None
) -> _Number:
    try:
        number: _Number | None = kind(text)
    except ValueError:
        number = None
    if number is None or not math.isfinite(number) or (least is not None and number < least):
        bound = f" of at least {least:g}" if least is not None else ""
        raise UsageError(f"--lic-{name} {text!r}: expected a number{bound}")
    return number


def _device(text: str) -> str:
    if text == "cpu" or text == "cuda" or (text.startswith("cuda:") and text[5:].isdigit()):
        return text
    raise UsageError(f"--lic-device {text!r}: expected cpu, cuda or cuda:INDEX")


def _tolerances(pyproject: Path) -> dict[str, Tolerance]:
    """The table ``[tool.pytest_lic.tolerance]`` over the defaults."""
    if not pyproject.exists():
        return dict(DEFAULT_TOLERANCES)
    try:
        stored = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{pyproject} is not valid TOML: {error}") from error
    table: object = stored.get("tool", {}).get("pytest_lic", {})
    for unknown in set(table) - {"tolerance"} if isinstance(table, dict) else ():
        raise UnknownNameError("table", unknown, ["tolerance"], f"[tool.pytest_lic] in {pyproject}")
    if isinstance(table, dict):
        table = table.get("tolerance", {})
    if not isinstance(table, dict):
        raise UsageError(f"{pyproject}: [tool.pytest_lic.tolerance] must be a table")
    return parse_tolerances(table, f"[tool.pytest_lic.tolerance] in {pyproject}")
