"""The error of all codecs."""


class CodecError(ValueError):
    """The data is not what it should be, or cannot be written.

    `name` says which data (a file's name), `where` the place inside it, `line` and `column` count from 1 (0: unknown).
    """

    def __init__(self, message: str, *, name: str = "", where: str = "", line: int = 0, column: int = 0) -> None:
        place = f"{name}:{line}:{column}" if line else name
        super().__init__(": ".join(part for part in (place, where, message) if part))
        self.message, self.name, self.where, self.line, self.column = message, name, where, line, column
