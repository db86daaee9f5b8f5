"""What a server that was told whom to trust accepts: archives that one of them has signed, and nothing else.

`serve --trust FILE` gives the file, in the format of OpenSSH's ``allowed_signers``. It is read each time, so that who
is added to it, or taken out, counts at once. What was accepted before stays.
"""

import logging
from pathlib import Path

from floria.store.interface import NotFound, Store
from khutulun import model
from khutulun.conductor import designs

log = logging.getLogger(__name__)


def check(store: Store, digest: str, trusted: Path) -> str:
    """Return who signed the uploaded archive. Raises `model.Refused` when that is nobody in the file `trusted`."""
    from puccini import csar

    try:
        with store.open_blob(digest) as file:
            content = file.read()
    except NotFound:
        raise model.refuse("unknown-archive", f"no archive {digest} was uploaded", status=404) from None
    if not designs.is_archive(content):
        message = "this server takes only archives that somebody it trusts has signed, and this is none"
        raise model.refuse("not-signed", message, hint="make one: puccini-csar create, then puccini-csar sign")
    try:
        with csar.open(content, name="service.csar") as archive:
            name = csar.signer(archive, trusted)
            for finding in csar.verify(archive):
                if not finding.warning:
                    raise csar.ArchiveError(finding.refusal, finding.message, entry=finding.entry, hint=finding.hint)
    except csar.ArchiveError as error:
        code = "not-signed" if error.refusal is csar.Refusal.SIGNATURE else "bad-archive"
        raise model.refuse(code, f"this server does not trust it: {error.message}", hint=error.hint) from None
    log.info("the archive %s was signed by %s", digest, name)
    return name


def required(trusted: Path) -> Path:
    """Return the file, in full. Raises `model.Refused` when it cannot be read."""
    try:
        trusted.open("rb").close()
    except OSError as error:
        hint = "it is a file in the format of allowed_signers: a name and a public key on each line"
        message = f"{trusted} cannot be read: {error.strerror or error}"
        raise model.refuse("bad-trust", message, hint=hint, where=str(trusted)) from None
    return trusted.absolute()
