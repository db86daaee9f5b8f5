"""What a container needs on the host besides itself: files that are mounted into it, and its secrets.

Podman keeps the secrets in a store of its own and tells nobody what they are. So what it is given stands in a file that
only its owner reads: Podman takes it from there, and a running container is compared with it.
"""

from floria_plugin import Context, Fault
from floria_plugin.driver import Site
from podman_driver import description, options, podman
from podman_driver.description import Description, file_name, folder

NOTE = "secret-"


def make(context: Context, site: Site, found: Description) -> bool:
    """Write the files, and give the secrets to Podman; whether a secret is another one than before.

    Raises `Permanent` for secrets that everybody could see.
    """
    description.refuse_exposed(site)
    for path, content in found.files.items():
        context.files.write(f"{folder(site)}/{file_name(path, content)}", content)
    stored = [_store(context, site, own, value) for own, value in _values(context, found).items()]
    return any(stored)


def tidy(context: Context, site: Site, found: Description) -> None:
    """Remove the files of earlier contents, and the secrets that are used no more."""
    if not context.files.exists(folder(site)):
        return
    wanted = {file_name(path, content) for path, content in found.files.items()}
    wanted |= {f"{NOTE}{own}" for own in _names(found)}
    for entry in context.files.list(folder(site)):
        if entry.name not in wanted:
            _forget(context, site, entry.name)


def remove(context: Context, site: Site, found: Description) -> None:
    """Remove all of it."""
    there = context.files.list(folder(site)) if context.files.exists(folder(site)) else []
    for own in {*_names(found), *(one.name.removeprefix(NOTE) for one in there if one.name.startswith(NOTE))}:
        podman.attempt(context, site, "secret", "rm", own)
    if context.files.exists(folder(site)):
        context.files.remove(folder(site), recursive=True)


def _names(found: Description) -> list[str]:
    named = [options.secret_name(found.name, one.secret) for one in found.secrets]
    hidden = [options.hidden_name(found, place) for place in (*found.hidden_variables, *found.hidden_files)]
    return list(dict.fromkeys([*named, *hidden]))


def _values(context: Context, found: Description) -> dict[str, str]:
    """Return what Podman is to keep, by the names it has there."""
    named = {options.secret_name(found.name, one.secret): one.secret for one in found.secrets}
    hidden = {**found.hidden_variables, **found.hidden_files}
    values = {own: context.secret(name) for own, name in named.items()}
    return values | {options.hidden_name(found, place): value for place, value in hidden.items()}


def _store(context: Context, site: Site, own: str, value: str) -> bool:
    note = f"{folder(site)}/{NOTE}{own}"
    if not context.files.write(note, value, mode=0o600) and podman.attempt(context, site, "secret", "inspect", own).ok:
        return False
    labels = [f"--label={key}={label}" for key, label in sorted(site.labels.items())]
    podman.attempt(context, site, "secret", "rm", own)
    try:
        podman.run(context, site, "secret", "create", *labels, own, note, doing=f"storing the secret {own}")
    except Fault:
        context.files.remove(note)
        raise
    return True


def _forget(context: Context, site: Site, name: str) -> None:
    if name.startswith(NOTE):
        podman.attempt(context, site, "secret", "rm", name.removeprefix(NOTE))
    context.files.remove(f"{folder(site)}/{name}")
