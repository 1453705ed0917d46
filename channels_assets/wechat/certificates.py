"""The file of certificates that https trusts, and the variables that name another one than certifi's."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from channels_assets.machine_errors import MachineError

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""In the order in which requests looks at them. It does not look at SSL_CERT_FILE."""


def check_certificates() -> None:
    """Raises MachineError where https calls can't work, whatever is called."""
    names = (os.environ.get(name) for name in _CA_VARIABLES)
    certificates = next((name for name in names if name), None)
    if (why := unusable(certificates)) is not None:
        raise MachineError(f"{why[0]} {why[1]}", certificates or str(DEFAULT_CA_BUNDLE_PATH))


def unusable(certificates: str | None) -> tuple[str, str] | None:
    """Why this file, or certifi's, can't be used, and what to do; None where it can."""
    path = Path(certificates or str(DEFAULT_CA_BUNDLE_PATH))
    if path.is_dir():
        return None
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as error:
        # ssl.SSLError is an OSError.
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
    else:
        return None
    variable = variable_of(certificates)
    remedy = (
        f"Let {variable} name a readable file of PEM certificates, or unset it. "
        f"受信任证书文件 {path}（{variable}）不可用：请指向可读的 PEM 证书文件，或取消设置。"
        if certificates
        else f"Install certifi anew. 受信任证书文件 {path} 不可用：请重新安装 certifi。"
    )
    return f"The file of trusted certificates {path} ({variable}) can't be used: {why}.", remedy


def variable_of(certificates: str | None) -> str:
    """The variable that names this file."""
    names = [name for name in _CA_VARIABLES if os.environ.get(name) == certificates]
    return next(iter(names), "certifi")
