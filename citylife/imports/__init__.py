"""Imports: shops that others have listed already, in OpenStreetMap or SIRENE, brought into the directory row by row."""

from citylife.imports.files import Kind, Source, open_source
from citylife.imports.rows import FileRefused, Outcome, Row, Verdict
from citylife.imports.taking import Candidate, Intake, known_spots, take

__all__ = [
    "Candidate",
    "FileRefused",
    "Intake",
    "Kind",
    "Outcome",
    "Row",
    "Source",
    "Verdict",
    "known_spots",
    "open_source",
    "take",
]
