"""``puccini-csar create``, ``inspect``, ``verify`` and ``extract``."""

import io
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from puccini import csar
from puccini.cli import frame, opening
from puccini.cli.frame import CommandError, Exit, Output
from puccini.csar import Archive, ArchiveError, Finding, Format, creation, formats, meta
from puccini.csar.creation import Plan

_PATH = click.Path(path_type=Path)
_archive = click.argument("file", metavar="FILE", type=_PATH)


@click.command(no_args_is_help=True)
@click.argument("source", metavar="FOLDER|FILE", type=_PATH)
@click.option(
    "-o", "--file", "target", type=_PATH, metavar="ARCHIVE", help="The archive to make; its name says the format."
)
@click.option(
    "--format", "form", type=click.Choice([one.value for one in Format]), help="The format, whatever the name is."
)
@click.option("--entry", metavar="FILE", help="The file in FOLDER in which the definitions begin.")
@click.option(
    "--other",
    "others",
    multiple=True,
    metavar="FILE",
    help="A file with a service template that can substitute nodes. Repeatable.",
)
@click.option("--root", type=_PATH, metavar="FOLDER", help="With FILE: what becomes the root of the archive.")
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Leave out what fits, such as '*.pyc' or 'tests'. Repeatable."
)
@click.option("--hidden", is_flag=True, help="Take names that begin with a dot too.")
@click.option("--created-by", default=creation.CREATOR, metavar="WHO", help="Who made it.", show_default=True)
@click.option(
    "--digests/--no-digests", default=True, help="Write the digest of each file to TOSCA.meta.", show_default=True
)
@click.option("--force", is_flag=True, help="Replace an archive that is there.")
@opening.profiles_option
@frame.output_option
def create(source: Path, target: Path | None, form: str | None, force: bool, output: Output, **options: Any) -> None:
    """Make an archive of all of FOLDER, or of the TOSCA FILE and everything it touches: imports, artifacts, plugins.

    The same input gives the same bytes. Profiles that are imported by name are not packed: the receiver has them.

    \b
    puccini-csar create hello/ -o hello.csar
    puccini-csar create hello/service.yaml --output json
    """
    chosen = Format(form) if form else None
    target = target or Path(f"{(source.resolve()).stem}.{_SUFFIXES[chosen or Format.ZIP]}")
    chosen = chosen or formats.format_of_name(target.name)
    if chosen is None:
        raise click.UsageError(f"{target}: the name says no format; end it in .csar, .zip, .tar, .tar.gz or .tgz")
    if target.exists() and not force:
        raise CommandError(
            f"{target} is there already", "name another one with --file, or use --force", Exit.UNREADABLE
        )
    plan = _plan(source, target, options)
    size = save(plan, target, chosen, digests=options["digests"])
    data = {
        "archive": str(target),
        "format": chosen.value,
        "size": size,
        "entry": plan.meta.entry,
        "files": sorted(plan.files),
        "left_out": list(plan.left_out),
    }
    human = f"{target}: {len(plan.files)} files, {size} bytes, definitions begin in {plan.meta.entry}"
    if plan.left_out:
        human += f"\nleft out: {', '.join(plan.left_out)}"
    frame.write(output, data, human)


@click.command(no_args_is_help=True)
@_archive
@frame.output_option
def inspect(file: Path, output: Output) -> None:
    """Show what an archive holds: its definitions, plugins and files. Contents are not checked; see verify."""
    with ExitStack() as stack:
        archive = opened(file, stack)
        frame.write(output, _plain(archive), _shown(archive))


@click.command(no_args_is_help=True)
@_archive
@click.option(
    "--trust", type=_PATH, metavar="FILE", help="Who must have signed it: keys in the format of allowed_signers."
)
@frame.output_option
def verify(file: Path, trust: Path | None, output: Output) -> int:
    """Check an archive completely.

    That its structure is that of section 17 of the Standard, that it is not hostile, that every file is undamaged, that
    definitions begin as TOSCA files do, that digests in TOSCA.meta, if there are any, are right and complete, and, with
    --trust, that somebody who is trusted signed it. What the definitions say is checked by: puccini-tosca validate FILE
    """
    findings: list[Finding] = []
    who = ""
    with ExitStack() as stack:
        try:
            archive = opened(file, stack)
            with frame.progress("verifying", _size(archive)) as progress:
                findings += csar.verify(archive, progress)
            if trust is not None:
                who = _signer(archive, trust, findings)
        except CommandError as error:
            if output is Output.HUMAN or error.code is not Exit.INVALID:
                raise
            frame.write(output, {"archive": str(file), "valid": False, "findings": [_refusal(error)]}, "")
            return Exit.INVALID
    valid = all(finding.warning for finding in findings)
    data: dict[str, Any] = {"archive": str(file), "valid": valid, "findings": [_finding(one) for one in findings]}
    if trust is not None:
        data["signer"] = who or None
    if output is Output.HUMAN:
        _complain(findings)
    signed = f", signed by {who}" if who else ""
    frame.write(output, data, f"{file}: {'valid' if valid else 'invalid'}{signed}")
    return Exit.FINE if valid else Exit.INVALID


@click.command(no_args_is_help=True)
@_archive
@click.option("-C", "--folder", type=_PATH, metavar="FOLDER", help="Where to; it must not exist, or be empty.")
@frame.output_option
def extract(file: Path, folder: Path | None, output: Output) -> None:
    """Unpack an archive into a new folder: all of it or, when anything in it is wrong, nothing.

    \b
    puccini-csar extract hello.csar            # into ./hello
    puccini-csar extract hello.csar -C /tmp/x
    """
    suffix = next((one for one in formats.SUFFIXES if file.name.lower().endswith(one)), "")
    folder = folder or Path(file.name[: len(file.name) - len(suffix)] if suffix else f"{file.name}.d")
    with ExitStack() as stack:
        archive = opened(file, stack)
        try:
            with frame.progress("unpacking", _size(archive)) as progress:
                count = csar.extract(archive, folder, progress)
        except ArchiveError as error:
            raise opening.refused(file, error) from error
        data = {"archive": str(file), "folder": str(folder), "files": count, "entry": archive.entry}
        frame.write(output, data, f"{folder}: {count} files, definitions begin in {archive.entry}")


def _signer(archive: Archive, trust: Path, findings: list[Finding]) -> str:
    try:
        return csar.signer(archive, trust)
    except ArchiveError as error:
        if error.refusal is not csar.Refusal.SIGNATURE:
            raise opening.refused(trust, error) from error
        findings.append(Finding(refusal=error.refusal, message=error.message, entry=error.entry, hint=error.hint))
        return ""


_SUFFIXES = {Format.ZIP: "csar", Format.TAR: "tar", Format.TAR_GZ: "tar.gz"}


def _plan(source: Path, target: Path, options: dict[str, Any]) -> Plan:
    from puccini import rendering
    from puccini.csar import packing
    from puccini.diagnostics import Failed

    try:
        if not source.is_dir():
            if options["entry"] or options["hidden"] or options["exclude"]:
                raise click.UsageError("--entry, --hidden and --exclude are for folders")
            catalogs = opening.catalogs(options["profiles"])
            source.open("rb").close()
            who, root = options["created_by"], options["root"]
            base = (root or source.parent).resolve()
            others = [base / one for one in options["others"]]
            return packing.from_file(source, catalogs, root=root, others=others, created_by=who, check=True)
        if options["root"]:
            raise click.UsageError("--root is for a TOSCA file; a folder is its own root")
        inside = target.resolve()
        excluded = packing.excluding(options["exclude"])
        return creation.from_folder(
            source,
            entry=options["entry"],
            others=tuple(options["others"]),
            created_by=options["created_by"],
            exclude=lambda name: (source.resolve() / name) == inside or excluded(name),
            hidden=options["hidden"],
        )
    except ArchiveError as error:
        raise opening.refused(source, error) from error
    except Failed as error:
        raise CommandError(
            f"{source} is not valid\n{rendering.render(error.diagnostics, lambda name: None)}",
            f"see: puccini-tosca validate {source}",
        ) from error
    except OSError as error:
        raise opening.unreadable(source, error) from error


def save(plan: Plan, target: Path, form: Format, *, digests: bool) -> int:
    """Write the archive beside its place, read it back, and only then put it there. Return its size."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.resolve().parent)
    except OSError as error:
        raise opening.unreadable(target, error) from error
    draft = Path(name)
    try:
        total = sum(path.stat().st_size for path in plan.files.values())
        with os.fdopen(descriptor, "w+b") as out, frame.progress("packing", total) as progress:
            creation.write(plan, out, form, digests=digests, progress=progress)
            size = out.seek(0, io.SEEK_END)
        _check(draft)
        draft.chmod(0o644)
        draft.replace(target)
    except ArchiveError as error:
        draft.unlink(missing_ok=True)
        raise opening.refused(target, error) from error
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise opening.unreadable(target, error) from error
    return size


def _check(draft: Path) -> None:
    """Read back what was written. Raises `ArchiveError`."""
    with csar.open(draft) as archive:
        for finding in csar.verify(archive):
            if not finding.warning:
                raise ArchiveError(finding.refusal, finding.message, entry=finding.entry, hint=finding.hint)


def opened(file: Path, stack: ExitStack) -> Archive:
    try:
        return stack.enter_context(csar.open(file))
    except ArchiveError as error:
        raise opening.refused(file, error) from error


def _size(archive: Archive) -> int:
    return sum(entry.size for entry in archive.entries.values())


def _plain(archive: Archive) -> dict[str, Any]:
    said = archive.meta
    return {
        "archive": archive.name,
        "format": archive.format.value,
        "version": archive.version,
        "created_by": said.created_by if said else None,
        "entry": archive.entry,
        "others": list(archive.others),
        "blocks": [dict(block) for block in said.blocks] if said else [],
        "signed": meta.SIGNATURE in archive.entries,
        "plugins": [
            {"name": one.name, "carrier": one.carrier.value, "file": one.file} for one in archive.plugins.values()
        ],
        "files": [
            {"name": one.name, "size": one.size, "executable": one.executable}
            for _, one in sorted(archive.entries.items())
        ],
    }


def _shown(archive: Archive) -> str:
    lines = [
        f"archive    {archive.name}",
        f"format     {archive.format.value}, CSAR {archive.version}",
        f"begins in  {archive.entry}",
    ]
    if archive.meta and archive.meta.created_by:
        lines.append(f"made by    {archive.meta.created_by}")
    lines += ["signed     yes; by whom: puccini-csar verify --trust FILE"] if meta.SIGNATURE in archive.entries else []
    lines += [f"candidate  {name}" for name in archive.others]
    lines += [f"plugin     {one.name} ({one.carrier.value}, {one.file})" for one in archive.plugins.values()]
    lines += [
        f"{one.size:>12} {'x' if one.executable else '-'} {name}" for name, one in sorted(archive.entries.items())
    ]
    return "\n".join(lines)


def _complain(findings: list[Finding]) -> None:
    for finding in findings:
        place = f"{finding.entry}: " if finding.entry else ""
        click.echo(f"{'warning' if finding.warning else 'error'}: {place}{finding.message}", err=True)
        if finding.hint:
            click.echo(f"hint: {finding.hint}", err=True)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.refusal.value,
        "severity": "warning" if finding.warning else "error",
        "entry": finding.entry,
        "message": finding.message,
        "hint": finding.hint,
    }


def _refusal(error: CommandError) -> dict[str, Any]:
    cause = error.__cause__
    code = cause.refusal.value if isinstance(cause, ArchiveError) else "refused"
    entry = cause.entry if isinstance(cause, ArchiveError) else None
    message = cause.message if isinstance(cause, ArchiveError) else error.message
    return {"code": code, "severity": "error", "entry": entry, "message": message, "hint": error.hint}
