"""Keys and certificates of one side, read from PEM files. Every error names the file and the remedy."""

from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from v2g.kernel import regular_file
from v2g.pki.certificate import Certificate, Unreadable, read_pem
from v2g.tls.profile import TlsError


class TlsFiles(NamedTuple):
    """PEM files of one side. `roots` are the peer's: OEM roots at the station, V2G roots in the vehicle."""

    certificate: Path
    """The leaf; intermediates may follow it."""
    private_key: Path
    roots: tuple[Path, ...]
    """Only their self-signed certificates are trust anchors."""
    chain: Path | None = None
    """Intermediates that are sent after the leaf. It may repeat what `certificate` holds."""
    password_file: Path | None = None
    """First line: the password of the private key."""
    own_roots: tuple[Path, ...] = ()
    """The roots above this leaf: by them a peer may name what it trusts."""
    key_uri: str | None = None
    """The key on a PKCS#11 token (RFC 7512), instead of `private_key`."""
    pkcs11_module: Path | None = None
    """The token's library, if the system does not know it."""


def own_certificates(files: TlsFiles) -> list[tuple[Path, Certificate]]:
    """The leaf, then the authorities that are sent with it, each with its file. Raises TlsError."""
    found = [
        (path, each) for path in (files.certificate, files.chain) if path is not None for each in certificates(path)
    ]
    return list({each: (path, each) for path, each in reversed(found)}.values())[::-1]  # each is sent once


def certificates(path: Path) -> list[Certificate]:
    """All certificates of a file. Raises TlsError, also if there is none."""
    try:
        found = read_pem(_read(path))
    except Unreadable as error:
        raise TlsError(f"{path} {error}") from error
    if not found:
        raise TlsError(f"{path} holds no PEM certificate")
    return found


def private_key(files: TlsFiles) -> EllipticCurvePrivateKey | Ed448PrivateKey:
    """The key of the leaf. Raises TlsError."""
    password = None
    if files.password_file is not None:
        password = _read(files.password_file).split(b"\n")[0].rstrip(b"\r")
    try:
        key = load_pem_private_key(_read(files.private_key), password)
    except TypeError as error:  # encrypted without a password, or the reverse
        raise TlsError(f"{files.private_key}: {error}; see password_file") from error
    except ValueError as error:
        hint = f"is the password in {files.password_file} right?" if files.password_file else "not a PEM private key"
        raise TlsError(f"{files.private_key} cannot be read: {hint}") from error
    if not isinstance(key, EllipticCurvePrivateKey | Ed448PrivateKey):
        raise TlsError(f"{files.private_key} is neither an EC nor an Ed448 key")
    return key


def _read(path: Path) -> bytes:
    try:
        return regular_file.read(path)
    except OSError as error:
        remedy = f"`v2g pki init {path.parent}` makes a test hierarchy"
        if isinstance(error, PermissionError):
            remedy = (
                f"let the user that runs this read it: chgrp v2g {path.parent} {path}; "
                f"chmod 750 {path.parent}; chmod 640 {path}"
            )
        raise TlsError(f"{path}: {error.strerror}; {remedy}") from error
