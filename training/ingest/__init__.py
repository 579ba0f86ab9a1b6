"""From raw files to a dataset: what `recsys import` does."""

from training.ingest.pipeline import import_events
from training.ingest.preset import load_preset, preset_names
from training.ingest.report import ImportReport, read_report

__all__ = ["ImportReport", "import_events", "load_preset", "preset_names", "read_report"]
