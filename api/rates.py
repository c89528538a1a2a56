"""How often somebody may ask: token buckets in this process's memory.

Several API processes count each for themselves, so an installation allows as much more as it has processes; a proxy in front
that limits too is the place for one number for the whole house."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from runtime.settings import Settings

REMEMBERED: Final = 20_000
"""Keys kept; the one not seen for longest goes first, and by then its bucket is full again or it is one of a flood."""


@dataclass(frozen=True, slots=True)
class Rate:
    per_second: float
    burst: float


class Buckets:
    """One bucket per key. `clock` answers seconds and never goes back."""

    def __init__(self, rate: Rate, clock: Callable[[], float], remembered: int = REMEMBERED) -> None:
        self._rate = rate
        self._clock = clock
        self._most = remembered
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """0: go on. Else the whole seconds to wait; nothing is taken then."""
        now = self._clock()
        left, at = self._held.pop(key, (self._rate.burst, now))
        left = min(self._rate.burst, left + (now - at) * self._rate.per_second)
        wait = 0 if left >= 1 else math.ceil((1 - left) / self._rate.per_second)
        self._held[key] = (left if wait else left - 1, now)
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return wait


class Rates:
    """Per address, per user, and for signing in by address."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        address, user = settings.address_requests_per_second, settings.user_requests_per_second
        sign_ins = settings.sign_ins_per_minute
        self.address = Buckets(Rate(address, address * 10), clock)
        self.user = Buckets(Rate(user, user * 10), clock)
        self.sign_in = Buckets(Rate(sign_ins / 60, sign_ins), clock)


def address_key(host: str) -> str:
    """An IPv6 household has 2**64 addresses and is one key."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
