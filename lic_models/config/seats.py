"""The seats of a codec's components, and the tag of each kind that takes one.

``--lic-component`` selects on these tags, ``pytest-lic ablation`` compares by them, and
``pytest-lic components`` lists them.
"""

from __future__ import annotations

import re
from typing import Any

from pytest_lic.codec import FIXED
from pytest_lic.levels import Levels

SEATS = {
    "transform": ("Transform", "Transform"),
    "nonlinearity": ("Nonlinearity", ""),
    "quantizer": ("Quantizer", "Quantizer"),
    "architecture": ("EntropyModel", ""),
    "side_information": ("SideInformation", "Information"),
    "context": ("Context", "Context"),
    "distribution": ("Distribution", ""),
    "coder": ("EntropyCoder", "Coder"),
    "latent_coding": ("LatentCoding", "Coding"),
    "sampler": ("Sampler", "Sampler"),
    "vector_quantizer": ("VectorQuantizer", "Quantizer"),
    "rate_control": ("RateControl", "RateControl"),
}
"""Seat → the class in `lic_models.components` that all its kinds are of, and what the names of
their classes end in."""
ARITHMETIC, DEFAULT_ARITHMETIC = "arithmetic", "float64"
"""The tag that tells what an entropy model computes in while coding, and its usual choice."""
_LACKING = (
    ("entropy_model", ARITHMETIC, DEFAULT_ARITHMETIC),
    ("rate_control", "trained_for", None),
    ("transform", "padding", "zeros"),
)
STEPS = 1024
"""In how many steps a level is written between two anchors."""
_OF_WHOLE_LEVELS = ("SlimmableWidths", "ResidualLayers")  # there is none between two
_OF_A_JOINT_MODEL = {
    "side_information": "MeanScaleInformation",
    "context": "NoContext",
    "distribution": "Gaussian",
}  # its seats, and what takes them by default
_OF_A_CODING = {
    "RelativeEntropyCoding": (("sampler", "sampler", "ImportanceSampler"),),
    "VectorQuantisedCoding": (
        ("vector_quantizer", "vector_quantizer", "EntropyConstrainedQuantizer"),
        ("coder", "entropy_coder", "AnsCoder"),
    ),
}  # the seats of a latent coding, their arguments, and what takes them by default
_TAGS = {
    "No": "none",
    "Channelwise": "channel-wise",
    "OneDN": "1dn",
    "ReLU": "relu",
    "LeakyReLU": "leaky-relu",
    "Factorized": "fp",
    "ScaleHyperprior": "sh",
    "MeanScaleHyperprior": "msh",
    "JointEntropyModel": "joint",
}  # where it is not the class's name in small letters


def kind_tag(seat: str, class_path: str) -> str:
    """A kind's tag, such as ``window-attention`` of ``WindowAttentionTransform``.

    Args:
        seat: one of `SEATS`.
        class_path: of the kind's class, or its name alone.
    """
    name = _class_name(class_path)
    kind = name.removesuffix(SEATS[seat][1]) or name
    return _TAGS.get(kind, re.sub("(?<=[a-z])(?=[A-Z])", "-", kind).lower())


def component_tags(components: dict[str, Any]) -> dict[str, str]:
    """Seat → the tag of what takes it, such as ``{"nonlinearity": "gdn"}``.

    The width is left out: it may differ from one quality to the next. The non-linearity is
    `pytest_lic.codec.FIXED` where a transform has arguments, and none that chooses it.

    Args:
        components: as `lic_models.config.builder.build_codec` takes them.
    """
    coding = components.get("latent_coding")
    if coding is not None:
        chosen = _arguments(coding)
        own = {
            seat: chosen.get(name) or kind
            for seat, name, kind in _OF_A_CODING.get(_class_name(coding), ())
        }
        return _tags({"latent_coding": coding, **own}, components)
    entropy_model = components["entropy_model"]
    if _class_name(entropy_model) == "SlimmableEntropyModel":  # each width has one of a kind
        entropy_model = _arguments(entropy_model).get("entropy_model") or "Factorized"
    if _class_name(entropy_model) == "LayeredHyperprior":  # which rate control alone tells apart
        entropy_model = "MeanScaleHyperprior"
    taken = {
        "architecture": entropy_model,
        "quantizer": components["quantizer"],
        "coder": components["entropy_coder"],
        "latent_coding": "QuantisedCoding",  # of these three
    }
    if _class_name(entropy_model) == "JointEntropyModel":
        chosen = _arguments(entropy_model)
        taken |= {seat: chosen.get(seat) or kind for seat, kind in _OF_A_JOINT_MODEL.items()}
    # What is computed in while coding; not a class, and so no seat.
    arithmetic = _arguments(entropy_model).get(ARITHMETIC) or DEFAULT_ARITHMETIC
    return _tags(taken, components) | {ARITHMETIC: arithmetic}


def _tags(taken: dict[str, Any], components: dict[str, Any]) -> dict[str, str]:
    """Those of the seats that are taken so, and of the seats that every codec has."""
    of_transform = _arguments(components["transform"])
    taken = {
        **taken,
        "transform": components["transform"],
        "rate_control": components.get("rate_control") or "NoRateControl",
    }
    if of_transform.get("nonlinearity") is not None:
        taken["nonlinearity"] = of_transform["nonlinearity"]
    tags = {seat: kind_tag(seat, _class_name(component)) for seat, component in taken.items()}
    if of_transform:
        tags.setdefault("nonlinearity", FIXED)
    return tags


def as_stored(components: dict[str, Any]) -> dict[str, Any]:
    """Components as weights tell of them: without defaults of arguments that older ones lack."""
    stored = dict(components)
    for seat, name, usual in _LACKING:
        arguments = _arguments(components.get(seat))
        if name in arguments and arguments[name] == usual:
            del arguments[name]
            stored[seat] = {**components[seat], "init_args": arguments}
    return stored


def anchors(components: dict[str, Any]) -> list[float]:
    """λ of the rates that one network serves, rising; none without rate control."""
    return list(_arguments(components.get("rate_control")).get("lambdas") or [])


def levels(components: dict[str, Any]) -> Levels | None:
    """The levels between the anchors, all of them included; None without rate control."""
    last = len(anchors(components)) - 1
    if last < 1:
        return None
    whole = _class_name(components["rate_control"]) in _OF_WHOLE_LEVELS
    return Levels(0.0, float(last), 1.0 if whole else 1 / STEPS)


def _class_name(component: Any) -> str:
    path = component["class_path"] if isinstance(component, dict) else component
    return str(path).rsplit(".", 1)[-1]


def _arguments(component: Any) -> dict[str, Any]:
    arguments = component.get("init_args") if isinstance(component, dict) else None
    return dict(arguments or {})
