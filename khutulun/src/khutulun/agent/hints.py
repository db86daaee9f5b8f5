"""What to do about the faults of plugins that say nothing about it themselves. Operations are answered with it."""

from floria.plugins.faults import Fault

_DENIED = "see what the plugin may do with `khutulun plugin show`, and the permissions on the host"
_BY_CODE = {
    "denied": _DENIED,
    "missing-program": "install it on the host, then `khutulun service resume`",
    "not-startable": "look at the program's file and permissions on the host",
    "script-failed": "mend the script and update the service, or mend what it needs and `khutulun service resume`",
    "command-failed": "run the command by hand on the host to see more, then `khutulun service resume`",
    "dbus-error": "is the service that is asked running on the host?",
    "network": "is the service that is asked running, and can the host reach it?",
    "interrupted": "look at what is there with `khutulun service validate`, then `khutulun service resume`",
    "timeout": "is the tool stuck on the host? then `khutulun service resume`",
    "not-found": "look at what is there with `khutulun service validate`",
    "file-error": "look at the disk and the permissions on the host",
}
_BUG = "this is a mistake in the plugin; tell whoever made it"
_BUGS = {"crashed", "plugin-error", "protocol", "invalid-request", "invalid-arguments"}
_FULL = "No space left"


def hint(fault: Fault) -> str:
    """Return the plugin's own hint, or what helps with faults of this kind."""
    own = fault.detail.get("hint") if isinstance(fault.detail, dict) else None
    if isinstance(own, str) and own:
        return own
    if _FULL in fault.message:
        return "free some space on the host, then `khutulun service resume`"
    return _BUG if fault.code in _BUGS else _BY_CODE.get(fault.code, "")
