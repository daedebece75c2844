#!/usr/bin/env python3
"""client_aiohttp.py URL BODY --live N --seconds S: chat calls as a user of aiohttp would write them.

N workers share a session; each sends the chat of BODY (a JSON file) again and again, reads the
reply's JSON, and the price in its text. Prints the number of calls.
"""
import argparse
import asyncio
import json
import time

import aiohttp


async def work(session, url, chat, end):
    calls = 0
    while time.monotonic() < end:
        async with session.post(url, json=chat) as response:
            reply = await response.json()
        json.loads(reply["choices"][0]["message"]["content"])["price"]
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
    connector = aiohttp.TCPConnector(limit=options.live)
    async with aiohttp.ClientSession(connector=connector) as session:
        print(sum(await asyncio.gather(
            *(work(session, options.url, chat, end) for _ in range(options.live)))))


asyncio.run(main())
