"""Every kind of the three seats, small, and with weights that predict something."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lic_models.components import (
    AutoregressiveContext,
    ChannelwiseContext,
    CheckerboardContext,
    CoarseToFineInformation,
    Context,
    ContextAdaptiveContext,
    CosineSlicesContext,
    Distribution,
    EntroformerContext,
    EntroformerTwoPassContext,
    Gaussian,
    GaussianLaplaceLogisticMixture,
    GaussianMixture,
    GlobalReferenceContext,
    GlobalTokensInformation,
    JointEntropyModel,
    Laplace,
    Logistic,
    M2TContext,
    MeanScaleInformation,
    MTContext,
    MultistageContext,
    NoContext,
    NoInformation,
    NonLocalContext,
    Quantizer,
    ScaleInformation,
    SideInformation,
    StackedCheckerboardContext,
    UnevenGroupsContext,
    ZigzagContext,
)

CHANNELS = 12

SIDE_INFORMATION: dict[str, Callable[[], SideInformation]] = {
    "none": NoInformation,
    "scale": lambda: ScaleInformation(8),
    "mean-scale": lambda: MeanScaleInformation(8, (1, 3, 3)),
    "coarse-to-fine": lambda: CoarseToFineInformation(8, (1, 3, 3)),
    "global-tokens": lambda: GlobalTokensInformation(8, (1, 3, 3), 3, 4, 8, 2),
}
CONTEXTS: dict[str, Callable[[], Context]] = {
    "none": NoContext,
    "autoregressive": lambda: AutoregressiveContext(8),
    "checkerboard": lambda: CheckerboardContext(8),
    "channel-wise": lambda: ChannelwiseContext(5, 8),
    "channel-wise-lrp": lambda: ChannelwiseContext(5, 8, residual_prediction=True),
    "uneven-groups": lambda: UnevenGroupsContext((2, 4), 8),
    "multistage-2": lambda: MultistageContext(2, 8),
    "multistage-4": lambda: MultistageContext(4, 8, 3),
    "cosine-slices": lambda: CosineSlicesContext(4, 8),
    "m2t": lambda: M2TContext(4, 5, 8),
    "mt": lambda: MTContext(4, 5, 8),
    "entroformer": lambda: EntroformerContext(4, 3, 8),
    "entroformer-two-pass": lambda: EntroformerTwoPassContext(4, 3, 8),
    "zigzag": lambda: ZigzagContext(8),
    "context-adaptive": lambda: ContextAdaptiveContext(8),
    "stacked-checkerboard": lambda: StackedCheckerboardContext(8),
    "non-local": lambda: NonLocalContext(2, 8),
    "global-reference": lambda: GlobalReferenceContext(8),
}
PASSES = {
    "none": lambda h, w: 1,
    "autoregressive": lambda h, w: h * w,
    "checkerboard": lambda h, w: 2,
    "channel-wise": lambda h, w: 5,
    "channel-wise-lrp": lambda h, w: 5,
    "uneven-groups": lambda h, w: 6,
    "multistage-2": lambda h, w: 4,
    "multistage-4": lambda h, w: 16,
    "cosine-slices": lambda h, w: 16 + 4 + 2 + 2,
    "m2t": lambda h, w: 5,
    "mt": lambda h, w: 5,
    "entroformer": lambda h, w: h * w,
    "entroformer-two-pass": lambda h, w: 2,
    "zigzag": lambda h, w: CHANNELS + h + w - 2,
    "context-adaptive": lambda h, w: h * w,
    "stacked-checkerboard": lambda h, w: 2,
    "non-local": lambda h, w: h * w,
    "global-reference": lambda h, w: h * w,
}
DISTRIBUTIONS: dict[str, Callable[[], Distribution]] = {
    "gaussian": Gaussian,
    "laplace": Laplace,
    "logistic": Logistic,
    "gaussian-mixture": GaussianMixture,
    "gaussian-laplace-logistic": GaussianLaplaceLogisticMixture,
}


def model(
    side: str, context: str, distribution: str, quantizer: Quantizer, channels: int = CHANNELS
) -> JointEntropyModel:
    """A model with tables, in evaluation mode; all that can be sent or seen moves predictions."""
    torch.manual_seed(1)
    made = JointEntropyModel(
        SIDE_INFORMATION[side](), CONTEXTS[context](), DISTRIBUTIONS[distribution](), channels
    )
    stir(made.context)
    stir_side_information(made.side_information)
    made.fit(3 * torch.randn(2, channels, 12, 12))
    made.update(quantizer)
    quantizer.eval()
    return made.eval()


def stir(context: Context) -> None:
    """Weights that let all that is seen move what is predicted."""
    with torch.no_grad():
        for parameter in context.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


def stir_side_information(side_information: SideInformation) -> None:
    """Weights in place of the zeros that layers begin with whose share is added to another's."""
    with torch.no_grad():
        for parameter in side_information.parameters():
            if not parameter.any():
                parameter.add_(0.1 * torch.randn_like(parameter))
