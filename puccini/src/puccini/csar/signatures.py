"""Signatures of archives: those of OpenSSH, over ``TOSCA.meta``, which has the digests of all files.

What ``puccini-csar sign`` makes, everybody can check with the tools that are there::

    unzip -p hello.csar TOSCA.meta.sig > hello.sig
    unzip -p hello.csar TOSCA.meta | ssh-keygen -Y verify -f TRUSTED -I WHO -n tosca-csar -s hello.sig

Keys are those that people and hosts have; who is trusted is a file in the format of ``allowed_signers``.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from puccini.csar import creation, extraction
from puccini.csar.archive import Archive
from puccini.csar.creation import Plan
from puccini.csar.errors import ArchiveError, Refusal
from puccini.csar.meta import SIGNATURE

NAMESPACE: Final = "tosca-csar"
_PROGRAM: Final = "ssh-keygen"


def plan(archive: Archive, key: Path, folder: Path) -> Plan:
    """Plan an archive with the files of `archive` and a signature by `key`, in place of one that it may have.

    `folder` is an empty one that keeps the files until the plan is carried out. `key` is a private key, or a public one
    whose private key an agent holds. Raises `ArchiveError`.
    """
    content = folder / "content"
    extraction.extract(archive, content)
    planned = creation.from_folder(content, hidden=True, entry=archive.entry, others=archive.others)
    signature = folder / SIGNATURE
    signature.write_bytes(_sign(creation.head(planned, digests=True), key))
    return msgspec.structs.replace(planned, files={**planned.files, SIGNATURE: signature}, left_out=())


def signer(archive: Archive, trusted: Path) -> str:
    """Return who signed `archive`, of those in the file `trusted`. Raises `ArchiveError` when none of them did.

    That the files have the digests that are signed is for `puccini.csar.verify` to say.
    """
    if archive.meta is None or SIGNATURE not in archive.entries:
        raise _refusal("the archive is not signed", "sign it: puccini-csar sign ARCHIVE --key FILE")
    if not archive.meta.digests:
        raise _refusal("TOSCA.meta has no digests, so a signature says nothing about the files", "sign it again")
    try:
        trusted.open("rb").close()
    except OSError as error:
        message = f"{trusted}: {error.strerror or error}"
        hint = "it is a file in the format of allowed_signers, see ssh-keygen(1)"
        raise ArchiveError(Refusal.UNREADABLE, message, hint=hint) from error
    with tempfile.TemporaryDirectory(prefix="csar-signature-") as folder:
        signature = Path(folder) / "signature"
        signature.write_bytes(archive.read(SIGNATURE))
        found = _run("-Y", "find-principals", "-s", str(signature), "-f", str(trusted))
        names = found.stdout.decode(errors="replace").split()
        if found.returncode or not names:
            raise _refusal(f"nobody in {trusted} signed it", "add the signer's key there, if you trust it")
        content = archive.read(archive.meta.place)
        arguments = ("-n", NAMESPACE, "-f", str(trusted), "-I", names[0], "-s", str(signature))
        if _run("-Y", "verify", *arguments, content=content).returncode:
            raise _refusal(
                "the signature is not that of this TOSCA.meta", "the archive was changed after it was signed"
            )
    return names[0]


def _sign(content: bytes, key: Path) -> bytes:
    try:
        key.open("rb").close()
    except OSError as error:
        hint = "make one with: ssh-keygen -t ed25519 -f FILE"
        raise ArchiveError(Refusal.UNREADABLE, f"{key}: {error.strerror or error}", hint=hint) from error
    done = _run("-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key), content=content)
    if done.returncode:
        why = " ".join(done.stderr.decode(errors="replace").split())
        raise ArchiveError(Refusal.UNREADABLE, f"{key} cannot sign: {why}", hint="check the key and its passphrase")
    return done.stdout


def _run(*arguments: str, content: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run([_PROGRAM, *arguments], input=content, capture_output=True, check=False)
    except OSError as error:
        message = f"{_PROGRAM} cannot be run: {error.strerror or error}"
        raise ArchiveError(Refusal.UNREADABLE, message, hint="install OpenSSH's client") from error


def _refusal(message: str, hint: str) -> ArchiveError:
    return ArchiveError(Refusal.SIGNATURE, message, entry=SIGNATURE, hint=hint)
