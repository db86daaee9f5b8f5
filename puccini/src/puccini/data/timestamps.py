"""TOSCA timestamps: RFC 3339 (section 9.1.2.1)."""

import datetime
import re

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2}):(\d{2}))\Z", re.ASCII
)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z", re.ASCII)


def parse(text: str) -> datetime.datetime:
    """Return the instant that `text` means, in UTC. A date alone is its first instant. Raises `ValueError`.

    A leap second counts as the first instant of the next minute.
    """
    if is_date(text):
        return datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC)
    match = _TIMESTAMP.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a timestamp such as 2025-04-12T23:20:50Z")
    year, month, day, hour, minute, second, fraction, _, sign, offset_hour, offset_minute = match.groups()
    leap = second == "60"
    if int(offset_hour or 0) > 23 or int(offset_minute or 0) > 59:
        raise ValueError(f"{text!r} has an impossible offset")
    offset = datetime.timedelta(hours=int(offset_hour or 0), minutes=int(offset_minute or 0))
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        local = datetime.datetime(
            int(year), int(month), int(day), int(hour), int(minute), 59 if leap else int(second), micro, datetime.UTC
        )
        if leap:
            local += datetime.timedelta(seconds=1)
        found = local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a timestamp: {error}") from None
    if leap and (found.hour, found.minute) != (0, 0):
        raise ValueError(f"{text!r} is not a timestamp: leap seconds are at the end of a day in UTC")
    return found


def is_date(text: str) -> bool:
    """Whether `text` is a date without a time, which RFC 3339 does not count as a timestamp."""
    return _DATE.match(text) is not None
