"""One httpx client per running event loop, so that several `asyncio.run` calls in turn can share a model."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import httpx

__all__ = ["Clients", "is_loopback"]


class Clients:
    """Lazily built clients for one base URL.

    Args:
        base_url: decides whether TLS is needed, connections are kept, and proxies are asked.
        headers: sent with every request.
    """

    def __init__(self, base_url: str, headers: dict[str, str]) -> None:
        self._secure = urlsplit(base_url).scheme == "https"
        self._loopback = is_loopback(urlsplit(base_url).hostname or "")
        self._headers = headers
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    def get(self) -> httpx.AsyncClient:
        """The running loop's client."""
        import httpx

        loop = asyncio.get_running_loop()
        client = self._by_loop.get(loop)
        if client is None or client.is_closed:
            client = httpx.AsyncClient(
                headers=self._headers,
                verify=_tls() if self._secure else False,
                # An idle connection outlives a loop that ends without `aclose`. Without TLS a new one costs
                # next to nothing.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=None if self._secure else 0),
                trust_env=not self._loopback,
            )
            self._by_loop[loop] = client
        return client

    async def aclose(self) -> None:
        """Close the running loop's client. Idempotent; a later `get` builds a new one."""
        client = self._by_loop.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


@functools.cache
def _tls() -> ssl.SSLContext:
    """The TLS context, shared because loading the certificates takes tens of milliseconds."""
    import httpx

    return httpx.create_ssl_context()


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
