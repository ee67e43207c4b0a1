"""Local data of a job, looked at where bad rows cost nothing."""

from __future__ import annotations

from localft.data.reading import require_valid
from localft.data.validation import ValidationReport, validate_file, validate_files


def require_valid_data(training_file: str | None, validation_file: str | None) -> None:
    """DataError where a file has bad rows; None stands for a file that is not on this machine."""
    if training_file is not None:
        require_valid(validate_files(training_file, validation_file))
    elif validation_file is not None:
        alone = validate_file(validation_file, "validation")
        require_valid(ValidationReport(valid=not alone.errors, files=(alone,)))
