"""The ``--lic-*`` options, each with an ini twin ``lic_*``: their table, and what the user gave.

What the values mean is decided in `options`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.errors import UsageError
from pytest_lic.project.root import project_root


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
    Option(
        "config",
        "codecs that FILE describes, alone unless --lic-codec chooses; as an ini value, from the "
        "root folder and beside all other codecs",
        metavar="FILE",
        many=True,
    ),
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
    Option("preset", "what timing tests time: quick or full", "quick", "NAME"),
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
    Option(
        "baselines-of",
        "compare with the baselines as they were where this branch left REV; those that were not "
        "there yet count as they are",
        metavar="REV",
    ),
    Option("no-cache", "measure anew, and keep nothing for the next run", flag=True),
    Option("cache-dir", "where measurements are kept between runs", metavar="DIR"),
    Option(
        "environments",
        "also compare what these simulated environments make of each other's bitstreams: all, or "
        "such as threads-4, oldest, cuda",
        metavar="NAME",
        many=True,
    ),
    Option("timeout", "seconds that coding in a fresh process may take", "600", "SECONDS"),
    Option("json", "write all that the run found out to FILE", metavar="FILE"),
    Option("markdown", "write a summary for a pull request to FILE", metavar="FILE"),
    Option("html", "write a report that a browser shows to FILE", metavar="FILE"),
    Option("hostile", "damaged bitstreams that each decoder must survive", "100", "N"),
)


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


def option_values(config: pytest.Config) -> dict[str, Any]:
    """Option → its value: from the command line, else from the ini file, else the default.

    Raises:
        UsageError: an option that is given and empty, or a flag that is neither true nor false.
    """
    return {option.name: _value(config, option) for option in OPTIONS}


def on_command_line(config: pytest.Config, name: str) -> bool:
    """Whether the option is given on the command line."""
    return config.getoption(f"lic_{name.replace('-', '_')}") is not None


def config_files(config: pytest.Config) -> dict[Path, str]:
    """Each file of ``--lic-config`` → how the user wrote it.

    Those on the command line are found from the folder where pytest was started, those of the ini
    file from the root folder.
    """
    (option,) = (option for option in OPTIONS if option.name == "config")
    given = on_command_line(config, "config")
    start = config.invocation_params.dir if given else project_root(config)
    return {(start / Path(text).expanduser()).resolve(): text for text in _value(config, option)}


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
