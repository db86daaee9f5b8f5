"""When jobs run: delays, intervals, and the everyday part of systemd's calendar expressions."""

import time

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_YEARS = 30


class Calendar:
    """``[WEEKDAYS] [YEAR-MONTH-DAY] [HOUR:MINUTE[:SECOND]]`` in local time, as in systemd.time(7).

    Each part is ``*``, a number, a list (``a,b``), a range (``a..b``), or one of those with a step (``a/n``). Time
    zones, days counted from a month's end (``~``) and fractions of seconds are refused with a `ValueError`.
    """

    __slots__ = ("days", "hours", "minutes", "months", "seconds", "text", "weekdays", "years")

    def __init__(self, text: str) -> None:
        self.text = text
        words = SHORTHANDS.get(text.strip().lower(), text).split()
        date, clock = "*-*-*", "00:00:00"
        self.weekdays: frozenset[int] = frozenset(range(7))
        if words and words[0][0].isalpha():
            self.weekdays = _weekdays(words.pop(0), text)
        if words and "-" in words[0]:
            date = words.pop(0)
        if words and ":" in words[0]:
            clock = words.pop(0)
        if words or not text.strip():
            raise ValueError(_unsupported(text, words[0] if words else ""))
        parts = date.split("-")
        if len(parts) == 2:
            parts.insert(0, "*")
        times = clock.split(":")
        if len(times) == 2:
            times.append("00")
        if len(parts) != 3 or len(times) != 3:
            raise ValueError(_unsupported(text, date if len(parts) != 3 else clock))
        this_year = time.localtime().tm_year
        self.years = _numbers(parts[0], 1970, this_year + _YEARS, text)
        self.months = _numbers(parts[1], 1, 12, text)
        self.days = _numbers(parts[2], 1, 31, text)
        self.hours = _numbers(times[0], 0, 23, text)
        self.minutes = _numbers(times[1], 0, 59, text)
        self.seconds = _numbers(times[2], 0, 59, text)

    def next(self, after: float) -> float | None:
        """The first Unix time later than `after` that fits; None when there is none within 30 years."""
        start = time.localtime(int(after) + 1)
        day = (start.tm_year, start.tm_mon, start.tm_mday)
        clock = (start.tm_hour, start.tm_min, start.tm_sec)
        for _ in range(366 * _YEARS):
            if self._fits(day):
                found = self._time_of(day, clock, after)
                if found is not None:
                    return found
            clock = (0, 0, 0)
            following = time.localtime(time.mktime((*day, 12, 0, 0, 0, 0, -1)) + 86400)
            day = (following.tm_year, following.tm_mon, following.tm_mday)
        return None

    def _fits(self, day: tuple[int, int, int]) -> bool:
        if day[0] not in self.years or day[1] not in self.months or day[2] not in self.days:
            return False
        return time.localtime(time.mktime((*day, 12, 0, 0, 0, 0, -1))).tm_wday in self.weekdays

    def _time_of(self, day: tuple[int, int, int], clock: tuple[int, int, int], after: float) -> float | None:
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes) if hour >= clock[0] else ():
                if (hour, minute) < clock[:2]:
                    continue
                for second in sorted(self.seconds):
                    if (hour, minute, second) >= clock:
                        found = time.mktime((*day, hour, minute, second, 0, 0, -1))
                        if found > after:
                            return found
        return None


class Schedule:
    """A calendar, or a delay before the first run and an interval between starts (0 runs once)."""

    __slots__ = ("calendar", "catch_up", "delay", "interval")

    def __init__(self, calendar: Calendar | None, delay: float, interval: float, catch_up: bool) -> None:
        self.calendar = calendar
        self.delay = delay
        self.interval = interval
        self.catch_up = catch_up


def _weekdays(text: str, whole: str) -> frozenset[int]:
    days: set[int] = set()
    for item in text.lower().rstrip(",").split(","):
        first, _, last = item.partition("..")
        try:
            low, high = WEEKDAYS.index(first[:3]), WEEKDAYS.index((last or first)[:3])
        except ValueError:
            raise ValueError(_unsupported(whole, text)) from None
        days.update((low + step) % 7 for step in range((high - low) % 7 + 1))
    return frozenset(days)


def _numbers(text: str, low: int, high: int, whole: str) -> frozenset[int]:
    found: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("..")
        try:
            start = low if first == "*" else int(first)
            end = int(last) if last else high if step or first == "*" else start
            found.update(range(start, end + 1, int(step) if step else 1))
        except ValueError:
            raise ValueError(_unsupported(whole, item)) from None
        if not low <= start <= end <= high:
            raise ValueError(f"{whole!r}: {item!r} is not between {low} and {high}")
    return frozenset(found)


def _unsupported(whole: str, part: str) -> str:
    return (
        f"{whole!r}: {part!r} is not supported here; use a word such as 'daily', or "
        "'[WEEKDAYS] [YEAR-MONTH-DAY] HOUR:MINUTE[:SECOND]' with *, lists, ranges (a..b) and steps (a/n), in local time"
    )
