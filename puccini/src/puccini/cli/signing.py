"""``puccini-csar sign``."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from puccini import csar
from puccini.cli import archives, frame, opening
from puccini.cli.frame import CommandError, Output
from puccini.csar import ArchiveError, meta, signatures

_PATH = click.Path(path_type=Path)


@click.command(no_args_is_help=True)
@click.argument("file", metavar="FILE", type=_PATH)
@click.option("--key", required=True, type=_PATH, help="An SSH key: a private one, or a public one that an agent has.")
@click.option("-o", "--file", "target", type=_PATH, metavar="ARCHIVE", help="Where to; otherwise FILE is replaced.")
@frame.output_option
def sign(file: Path, key: Path, target: Path | None, output: Output) -> None:
    """Sign an archive with an SSH key.

    The signature is in the archive: over TOSCA.meta, which gets the digest of every file. A signature that is there is
    replaced. It is one of OpenSSH (ssh-keygen -Y), in the namespace tosca-csar.

    \b
    ssh-keygen -t ed25519 -f key
    puccini-csar sign hello.csar --key key
    echo "me $(cat key.pub)" > trusted
    puccini-csar verify hello.csar --trust trusted
    """
    with ExitStack() as stack:
        archive = archives.opened(file, stack)
        wrong = [one for one in csar.verify(archive) if not one.warning]
        if wrong:
            raise CommandError(f"{file} is not valid: {wrong[0].message}", f"see: puccini-csar verify {file}")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="csar-sign-")))
        try:
            plan = signatures.plan(archive, key, folder)
        except ArchiveError as error:
            raise opening.refused(key, error) from error
        size = archives.save(plan, target or file, archive.format, digests=True)
    data = {"archive": str(target or file), "size": size, "signature": meta.SIGNATURE}
    frame.write(output, data, f"{target or file}: signed with {key}")
