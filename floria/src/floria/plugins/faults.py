"""The one failure of the plugin contract: raised by hosts to callers, and by effects into plugins.

A fault is permanent or temporary (`retryable`); anything else that is raised is a bug and keeps its traceback.
"""

import json

import msgspec


class FaultData(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault as data: what crosses to and from plugins and into journals."""

    code: str
    message: str
    retryable: bool = False
    detail: object = None


class Fault(Exception):
    """A call or an effect failed. `code` is for programs (kebab-case), `detail` is JSON data."""

    def __init__(self, code: str, message: str, retryable: bool = False, detail: object = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.retryable, self.detail = code, message, retryable, detail

    @property
    def data(self) -> FaultData:
        return FaultData(self.code, self.message, self.retryable, self.detail)

    @classmethod
    def of(cls, data: FaultData) -> "Fault":
        return cls(data.code, data.message, data.retryable, data.detail)


def encode_detail(detail: object) -> str | None:
    """Return the detail of a fault as JSON text; what JSON cannot hold becomes its text form."""
    return None if detail is None else json.dumps(detail, default=str)


def decode_detail(text: str | None) -> object:
    """Return the detail that a plugin wrote; text that is not JSON is kept as it is."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
