"""Measures other clients on the same work and the same stub.

Usage: peers.py podstack|aiohttp|boto3|httpx URL TOKEN COUNT CONCURRENCY   prints requests a second; httpx uses threads
       peers.py huggingface_hub|botocore COUNT                       prints microseconds to find a credential
       peers.py dotenv COUNT FILE                                    prints microseconds to read a .env
"""

import asyncio
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor


async def run_tasks(request, count, concurrency):
    async def work():
        for _ in range(count // concurrency):
            await request()

    await asyncio.gather(*(work() for _ in range(concurrency)))


async def podstack(url, token, count, concurrency):
    from podstack import Client

    async with Client(api_key=token, base_url=url + "/v1") as client:
        request = lambda: client._request("GET", "/auth/whoami")
        await request()
        start = time.perf_counter()
        await run_tasks(request, count, concurrency)
        return count / (time.perf_counter() - start)


async def aiohttp(url, token, count, concurrency):
    import aiohttp as library

    async with library.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:

        async def request():
            async with session.get(url + "/v1/auth/whoami") as answer:
                return (await answer.json())["email"]

        await request()
        start = time.perf_counter()
        await run_tasks(request, count, concurrency)
        return count / (time.perf_counter() - start)


def boto3(url, token, count, concurrency):
    import boto3 as library
    from botocore.config import Config

    # A call with a JSON response, so that the stub can answer it; signing is part of such a client's work.
    client = library.client(
        "dynamodb", endpoint_url=url, region_name="x", aws_access_key_id="x", aws_secret_access_key=token,
        config=Config(max_pool_connections=64))
    client.list_tables()
    start = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(lambda _: client.list_tables(), range(count)))
    return count / (time.perf_counter() - start)


def httpx(url, token, count, concurrency):
    import httpx as library

    with library.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        request = lambda: client.get(url + "/v1/auth/whoami").json()["email"]
        request()
        start = time.perf_counter()
        if concurrency == 1:
            for _ in range(count):
                request()
        else:
            with ThreadPoolExecutor(concurrency) as pool:
                list(pool.map(lambda _: request(), range(count)))
        return count / (time.perf_counter() - start)


def median_microseconds(once, count):
    once()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        once()
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times)


def main(words):
    name = words[0]
    if name in ("podstack", "aiohttp"):
        url, token, count, concurrency = words[1], words[2], int(words[3]), int(words[4])
        print(int(asyncio.run(globals()[name](url, token, count, concurrency))))
    elif name == "httpx":
        print(int(httpx(words[1], words[2], int(words[3]), int(words[4]))))
    elif name == "boto3":
        print(int(boto3(words[1], words[2], int(words[3]), int(words[4]))))
    elif name == "huggingface_hub":
        from huggingface_hub import get_token

        os.environ["HF_TOKEN"] = "hf_x"
        print(round(median_microseconds(get_token, int(words[1])), 1))
    elif name == "botocore":
        import botocore.session

        os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
        print(round(median_microseconds(lambda: botocore.session.Session().get_credentials(), int(words[1])), 1))
    elif name == "dotenv":
        from dotenv import dotenv_values

        print(round(median_microseconds(lambda: dotenv_values(words[2]), int(words[1])), 1))


main(sys.argv[1:])
