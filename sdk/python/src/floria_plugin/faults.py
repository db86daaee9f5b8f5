"""The failures of a plugin: permanent ones, and temporary ones that may be tried again."""


class Fault(Exception):
    """A call failed. `code` is for programs (kebab-case), `message` for people, `detail` is JSON data.

    `hint` says what people can do about it; it travels as the entry ``hint`` of a `detail` that is a map.
    What the host refuses or fails at is raised as `Permanent` or `Temporary` too; catch by `code`.
    """

    def __init__(
        self, code: str, message: str = "", retryable: bool = False, detail: object = None, hint: str = ""
    ) -> None:
        super().__init__(f"{code}: {message}")
        if hint and (detail is None or isinstance(detail, dict)):
            detail = {**(detail or {}), "hint": hint}
        self.code, self.message, self.retryable, self.detail = code, message, retryable, detail


class Permanent(Fault):
    """Trying again will not help."""

    def __init__(self, code: str, message: str = "", detail: object = None, hint: str = "") -> None:
        super().__init__(code, message, False, detail, hint)


class Temporary(Fault):
    """The same call may succeed later."""

    def __init__(self, code: str, message: str = "", detail: object = None, hint: str = "") -> None:
        super().__init__(code, message, True, detail, hint)


def make(code: str, message: str, retryable: bool, detail: object) -> Fault:
    """Return the fault of the right family."""
    return Temporary(code, message, detail) if retryable else Permanent(code, message, detail)
