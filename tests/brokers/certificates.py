"""A certificate authority of our own, by openssl."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make_certificates(folder: Path) -> None:
    """`ca.pem`, and `cert.pem` with `key.pem` for localhost, which that CA has signed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    key = ("-newkey", "rsa:2048", "-nodes")
    _openssl(
        folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
        "-subj", "/CN=a CA of our own",
    )  # fmt: skip
    _openssl(
        folder, "req", *key, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=localhost"
    )
    _openssl(
        folder, "x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "cert.pem",
    )  # fmt: skip


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
