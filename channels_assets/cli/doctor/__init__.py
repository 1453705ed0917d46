"""`channels-assets doctor`: what is wrong, of all that a refresh needs, and what to do about it."""

from channels_assets.cli.doctor.diagnosis import Diagnosis, diagnose
from channels_assets.cli.doctor.quota import print_quota
from channels_assets.cli.doctor.show import as_json, print_diagnosis

__all__ = ["Diagnosis", "as_json", "diagnose", "print_diagnosis", "print_quota"]
