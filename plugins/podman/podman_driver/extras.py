"""What a container needs on the host besides itself: files that are mounted into it, and its secrets."""

from floria_plugin import Context
from floria_plugin.driver import Site
from podman_driver import options, podman
from podman_driver.description import Description, file_name, folder


def make(context: Context, site: Site, found: Description) -> None:
    """Write the files, and give the secrets to Podman."""
    for path, content in found.files.items():
        context.files.write(f"{folder(site)}/{file_name(path, content)}", content)
    for name in dict.fromkeys(one.secret for one in found.secrets):
        own = options.secret_name(found.name, name)
        value = context.secret(name)
        podman.attempt(context, site, "secret", "rm", own)
        labels = [f"--label={key}={value}" for key, value in sorted(site.labels.items())]
        podman.run(
            context, site, "secret", "create", *labels, own, "-", stdin=value, doing=f"storing the secret {name}"
        )


def tidy(context: Context, site: Site, found: Description) -> None:
    """Remove the files of earlier contents."""
    if not found.files and not context.files.exists(folder(site)):
        return
    wanted = {file_name(path, content) for path, content in found.files.items()}
    for entry in context.files.list(folder(site)):
        if entry.name not in wanted:
            context.files.remove(f"{folder(site)}/{entry.name}")


def remove(context: Context, site: Site, found: Description) -> None:
    """Remove all of it."""
    for name in dict.fromkeys(one.secret for one in found.secrets):
        podman.attempt(context, site, "secret", "rm", options.secret_name(found.name, name))
    if context.files.exists(folder(site)):
        context.files.remove(folder(site), recursive=True)
