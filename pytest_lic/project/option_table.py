"""The table of all ``--lic-*`` options; `options` says what they come to together."""

from __future__ import annotations

from functools import partial

from pytest_lic.measuring.metrics import BUILT_IN, DEFAULTS
from pytest_lic.project.option import (
    MILESTONE_TOLERANCE,
    Option,
    axes,
    conditions,
    corpora,
    device,
    each_of,
    environments,
    groups_in_full,
    how_computed,
    metrics,
    milestone_tolerances,
    new_file,
    number,
    path_from_root,
    path_from_start,
    rates,
    shard,
    text_or_none,
)

METRIC_OPTIONS = tuple(how_computed(option) for metric in BUILT_IN for option in metric.options)

_several = partial(Option, many=True)

OPTIONS = (
    _several("codec", "only codecs whose name matches GLOB", metavar="GLOB"),
    _several(
        "config",
        "codecs that FILE describes, alone unless --lic-codec chooses; as an ini value, from the "
        "root folder and beside all other codecs",
        metavar="FILE",
    ),
    _several("quality", "only these quality labels", metavar="LABEL"),
    _several(
        "lambda",
        "only the qualities trained for these λ",
        metavar="LAMBDA",
        read=each_of(number(float)),
    ),
    _several(
        "target-bpp",
        "code each image at these rates in place of stored qualities, with codecs that have rate "
        "control, and compare rate and quality there; each image is within 1 % of the rate or at "
        "the nearest that its codec reaches, which is said",
        metavar="BPP",
        read=rates,
    ),
    _several(
        "component",
        "only codecs with this component, such as nonlinearity=gdn; several must all hold",
        metavar="TAG=CHOICE",
    ),
    _several(
        "corpus",
        "photos (bundled photographs), edge (hostile sizes and contents), synthetic-documents "
        "(text, drawings and charts) or a folder of images",
        "photos",
        "NAME",
        read=corpora,
    ),
    _several("resolution", "native, or N for the centre N×N pixels", "native", "N|native"),
    _several("batch", "images coded at once", "1", "N", read=each_of(number(int))),
    _several("device", "cpu, cuda or cuda:INDEX", "cpu", "DEVICE", read=each_of(device)),
    Option("preset", "what timing tests time: quick or full", "quick", "NAME"),
    Option(
        "threads", "CPU threads per process while measuring", "1", "N", read=number(int, least=1)
    ),
    _several(
        "metrics",
        "quality metrics to compute, of those that pytest-lic metrics lists; jpeg-ai stands for "
        "the seven of its common test conditions",
        ",".join(metric.name for metric in DEFAULTS),
        "METRIC",
        read=metrics,
    ),
    *METRIC_OPTIONS,
    _several(
        "bd",
        "quality metrics by which curves are gated on their BD-rate, each computed too",
        "psnr",
        "METRIC",
        read=axes,
    ),
    Option(
        "ctc",
        "common test conditions: jpeg-ai computes its seven metrics, and tells BD-rate by each and "
        "their mean against each --lic-anchor",
        metavar="NAME",
        read=conditions,
    ),
    _several(
        "anchor",
        "also print BD-rate against this codec, or this published curve (bpg-444, vtm, …)",
        metavar="NAME",
    ),
    _several(
        "require",
        "fail where this metric, all of jpeg-ai, this codec, device, environment or bd_rate is "
        "unavailable, instead of reporting it",
        metavar="NAME",
        read=groups_in_full,
    ),
    Option(
        "strict",
        "fail also where bits changed inside the tolerances, and on remarks, such as that bits "
        "depend on the batch size",
        flag=True,
    ),
    Option("update", "record what is measured as the new baselines", flag=True),
    Option(
        "update-missing",
        "record what has no baseline yet, be it an entry or a metric of one, and gate the rest",
        flag=True,
    ),
    Option("prune", "remove baseline entries that a complete run did not use", flag=True),
    Option(
        "baselines",
        "folder of the baselines, from the root folder",
        "baselines",
        "DIR",
        read=path_from_root,
    ),
    Option(
        "baselines-of",
        "compare with the baselines as they were where this branch left REV; those that were not "
        "there yet count as they are",
        metavar="REV",
        read=text_or_none,
    ),
    Option(
        "milestone",
        "compare with the baselines of the commit REF too, which no --lic-update moves",
        metavar="REF",
        read=text_or_none,
    ),
    _several(
        "milestone-tolerance",
        "how much worse than at the milestone a mean, or BD-rate, may be",
        ",".join(f"{metric}={amount:g}" for metric, amount in MILESTONE_TOLERANCE.items()),
        "METRIC=NUMBER",
        read=milestone_tolerances,
    ),
    Option("no-cache", "measure anew, and keep nothing for the next run", flag=True),
    Option(
        "cache-dir", "where measurements are kept between runs", metavar="DIR", read=path_from_start
    ),
    _several(
        "environments",
        "also compare what these simulated environments make of each other's bitstreams: all, or "
        "such as threads-4, oldest, cuda",
        metavar="NAME",
        read=environments,
    ),
    Option(
        "shard",
        "run the Kth of N parts of the grid alone, chosen the same on every machine; pytest-lic "
        "merge makes one result of all",
        metavar="K/N",
        read=shard,
    ),
    Option(
        "shard-seconds",
        "make shards even by the seconds that cells took in the run whose results are in FILE, as "
        "--lic-json wrote it; give every shard the same",
        metavar="FILE",
        read=path_from_start,
    ),
    Option(
        "lost",
        "fail every test of a shard without running it, for this REASON: what pytest-lic run does "
        "for a shard whose machine was lost",
        metavar="REASON",
    ),
    Option(
        "timeout",
        "seconds that one batch, or one request to a fresh process, may take",
        "600",
        "SECONDS",
        read=number(float, least=0.1),
    ),
    Option("json", "write all that the run found out to FILE", metavar="FILE", read=new_file),
    Option("markdown", "write a summary for a pull request to FILE", metavar="FILE", read=new_file),
    Option("html", "write a report that a browser shows to FILE", metavar="FILE", read=new_file),
    _several(
        "crops",
        "also show these images in --lic-html and --lic-json: a crop of each, as every codec "
        "decodes it",
        metavar="IMAGE",
    ),
    Option(
        "memory-tolerance",
        "percent by which the memory that coding takes may rise",
        "10",
        "PERCENT",
        read=number(float, least=0),
    ),
    Option(
        "hostile",
        "damaged bitstreams that each decoder must survive",
        "100",
        "N",
        read=number(int, least=1),
    ),
)
