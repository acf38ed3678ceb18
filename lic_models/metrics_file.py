"""The name under which ``config.yaml`` of earlier training runs knows `MetricsFile`."""

from lic_models.training.metrics_file import MetricsFile as MetricsFile
