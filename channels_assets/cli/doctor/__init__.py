"""`channels-assets doctor`: checks all that a refresh needs, and names the remedy of each failure."""

from channels_assets.cli.doctor.diagnosis import Diagnosis, diagnose
from channels_assets.cli.doctor.output import as_json, print_diagnosis
from channels_assets.cli.doctor.quota import print_quota

__all__ = ["Diagnosis", "as_json", "diagnose", "print_diagnosis", "print_quota"]
