"""Invents the third-party platform, which every window account has authorised."""

import base64
from random import Random

from channels_assets.sandbox import wording
from channels_assets.sandbox.records import Authorisation, Platform


def generate_platform(seed: int, window_appids: list[str]) -> Platform:
    """The platform of one world."""
    rng = Random(f"platform {seed}")
    return Platform(
        appid=wording.appid(rng),
        secret=wording.secret(rng),
        ticket="ticket@@@" + _text(rng, 60),
        authorisations={
            appid: Authorisation("refreshtoken@@@" + _text(rng, 32)) for appid in window_appids
        },
    )


def _text(rng: Random, length: int) -> str:
    return base64.urlsafe_b64encode(rng.randbytes(length)).decode().rstrip("=")
