# SPDX-License-Identifier: MIT OR Apache-2.0
import asyncio
import socket
import ssl
import urllib.error
import urllib.request

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from proof import prove, reply
from trifuse.classify import Kind
from trifuse.testing import chaos

STATUSES = {
    400: Kind.caller, 401: Kind.caller, 402: Kind.quota_spent, 403: Kind.caller, 404: Kind.caller,
    405: Kind.caller, 408: Kind.timeout, 409: Kind.transient, 413: Kind.caller, 422: Kind.caller,
    425: Kind.transient, 429: Kind.rate_limited, 500: Kind.transient, 502: Kind.transient,
    503: Kind.overloaded, 504: Kind.timeout, 529: Kind.overloaded,
}  # fmt: skip


@pytest.fixture
def server():
    with chaos.ChaosServer() as server:
        yield server


def get_httpx(url, timeout=20):
    httpx.get(url, timeout=timeout, verify=False).raise_for_status()


def get_httpx2(url, timeout=20):
    httpx2.get(url, timeout=timeout, verify=False).raise_for_status()


def get_requests(url, timeout=20):
    requests.get(url, timeout=timeout).raise_for_status()


def get_urllib(url, timeout=20):
    urllib.request.urlopen(url, timeout=timeout).read()


async def get_aiohttp(url, timeout=20):
    limit = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(raise_for_status=True, timeout=limit) as session:
        async with session.get(url) as response:
            await response.read()


def get_urllib3(url, timeout=20):
    with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
        pool.request("GET", url)


WITH_STATUS = [get_httpx, get_httpx2, get_requests, get_urllib, get_aiohttp]
ALL = [*WITH_STATUS, get_urllib3]


def calling(get, url, **more):
    if asyncio.iscoroutinefunction(get):

        async def call():
            await get(url, **more)

        return call
    return lambda: get(url, **more)


@pytest.mark.parametrize("get", WITH_STATUS)
def test_a_status_tells_the_kind(server, get):
    for status, kind in STATUSES.items():
        server.default = chaos.status(status)
        prove(calling(get, server.url), kind, status=status)


@pytest.mark.parametrize("get", WITH_STATUS)
def test_the_time_to_wait_is_read(server, get):
    server.default = chaos.status(503, retry_after=7)
    prove(calling(get, server.url), Kind.overloaded, retry_after=7)
    server.default = chaos.status(429, headers={"RateLimit-Remaining": "0", "RateLimit-Reset": "9"})
    prove(calling(get, server.url), Kind.rate_limited, retry_after=9)


@pytest.mark.parametrize("get", ALL)
@pytest.mark.parametrize("step", [chaos.reset(), chaos.disconnect()], ids=["reset", "closed"])
def test_a_broken_connection_is_transient(server, get, step):
    server.default = step
    prove(calling(get, server.url), Kind.transient)


@pytest.mark.parametrize("get", ALL)
def test_a_body_that_is_cut_off_is_transient(server, get):
    server.default = chaos.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    prove(calling(get, server.url), Kind.transient)


@pytest.mark.parametrize("get", ALL)
def test_a_server_that_is_not_there_is_transient(server, get):
    server.stop()
    prove(calling(get, server.url), Kind.transient)
    server.start()


@pytest.mark.parametrize("get", ALL)
def test_a_name_that_is_not_known_is_transient(get, monkeypatch):
    def nobody(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    prove(calling(get, "http://nobody.invalid/"), Kind.transient)


@pytest.mark.parametrize("get", ALL)
def test_a_server_that_does_not_answer_is_a_timeout(server, get):
    server.default = chaos.hang(10)
    prove(calling(get, server.url, timeout=0.4), Kind.timeout)


@pytest.mark.parametrize("get", ALL)
def test_a_server_that_speaks_no_tls_is_transient(server, get):
    prove(calling(get, server.url.replace("http:", "https:")), Kind.transient)


@pytest.mark.parametrize("get", [get_httpx, get_httpx2, get_requests, get_aiohttp, get_urllib3])
def test_a_url_that_is_none_is_the_callers_mistake(get):
    prove(calling(get, "nonsense://x"), Kind.caller)


def test_what_urllib3_gave_up_retrying_is_what_it_gave_up_on(server):
    server.default = chaos.status(503)
    retry = urllib3.Retry(total=1, status_forcelist=[503, 429], backoff_factor=0)
    with urllib3.PoolManager(retries=retry) as pool:
        prove(lambda: pool.request("GET", server.url), Kind.transient)
        server.default = chaos.status(429)
        prove(lambda: pool.request("GET", server.url), Kind.rate_limited)
        server.stop()
        prove(lambda: pool.request("GET", server.url), Kind.transient)
        server.start()
        server.default = chaos.hang(10)
        prove(lambda: pool.request("GET", server.url, timeout=0.2), Kind.timeout)


def full(module):
    async def two(server):
        limits = module.Limits(max_connections=1)
        async with module.AsyncClient(limits=limits, timeout=module.Timeout(5, pool=0.1)) as client:
            first = asyncio.create_task(client.get(server.url))
            while not server.requests:
                await asyncio.sleep(0.005)
            try:
                await client.get(server.url)
            finally:
                first.cancel()
                await asyncio.wait([first])

    return two


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_a_full_pool_of_the_client_is_local(server, module):
    server.default = chaos.hang(10)
    two = full(module)

    async def call():
        await two(server)

    prove(call, Kind.local)


def test_a_full_pool_of_urllib3_is_local(server):
    pool = urllib3.HTTPConnectionPool("127.0.0.1", server.port, maxsize=1, block=True)
    held = pool._get_conn()
    prove(lambda: pool.request("GET", "/", pool_timeout=0.05, retries=False), Kind.local)
    pool._put_conn(held)
    pool.close()


def test_a_page_in_place_of_json_is_a_failure(server):
    server.default = chaos.html(200)

    async def read():
        async with aiohttp.ClientSession() as session, session.get(server.url) as response:
            await response.json()

    prove(read, Kind.transient)
    prove(lambda: requests.get(server.url).json(), Kind.transient)


def test_a_client_that_was_closed_is_the_callers_mistake(server):
    def closed():
        client = httpx.Client()
        client.close()
        client.get(server.url)

    async def closed_async():
        session = aiohttp.ClientSession()
        await session.close()
        await session.get(server.url)

    prove(closed, Kind.caller)
    prove(closed_async, Kind.caller)


def test_a_certificate_that_nobody_trusts_is_transient():
    error = ssl.SSLCertVerificationError("certificate verify failed")

    def call():
        raise urllib.error.URLError(error)

    prove(call, Kind.transient)


def test_a_body_in_json_is_not_asked_for_by_a_plain_client(server):
    server.default = reply(400, {"error": {"code": "context_length_exceeded"}})
    prove(lambda: get_httpx(server.url), Kind.caller, status=400)
