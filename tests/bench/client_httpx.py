#!/usr/bin/env python3
"""client_httpx.py URL BODY --live N --seconds S: chat calls as a user of httpx would write them.

The openai package sits on httpx. N workers share a client; each sends the chat of BODY (a JSON
file) again and again, reads the reply's JSON, and the price in its text. Prints the number of
calls.
"""
import argparse
import asyncio
import json
import time

import httpx


async def work(client, url, chat, end):
    calls = 0
    while time.monotonic() < end:
        response = await client.post(url, json=chat)
        json.loads(response.json()["choices"][0]["message"]["content"])["price"]
        calls += 1
    return calls


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("body")
    parser.add_argument("--live", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with open(options.body, encoding="utf-8") as file:
        chat = json.load(file)
    end = time.monotonic() + options.seconds
    limits = httpx.Limits(max_connections=options.live, max_keepalive_connections=options.live)
    async with httpx.AsyncClient(limits=limits, timeout=120) as client:
        print(sum(await asyncio.gather(
            *(work(client, options.url, chat, end) for _ in range(options.live)))))


asyncio.run(main())
