"""The path of `MetricsFile` in the ``config.yaml`` of earlier training runs."""

from lic_models.training.metrics_file import MetricsFile as MetricsFile
