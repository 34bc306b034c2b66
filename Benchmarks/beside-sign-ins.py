"""Prints the 95th percentile of whoami, in milliseconds, during 50 concurrent sign-in attempts. The token is in PODSTACK_TOKEN.
Usage: beside-sign-ins.py URL"""
import http.client
import multiprocessing
import os
import random
import re
import sys
import threading
import time
import urllib.parse

PEOPLE = 50
CONNECTIONS = 16
EVERY = 0.1
SECONDS = 8

place = urllib.parse.urlsplit(sys.argv[1]).netloc


def sign_in(number, end):
    connection = http.client.HTTPConnection(place)
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    key = re.search('name="form_key" value="([^"]+)"', answer.read().decode())[1]
    cookie = answer.getheader("Set-Cookie").split(";")[0]
    fields = {"form_key": key, "email": f"{number}@example.com", "password": "not the right one"}
    while time.time() < end:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookie,
            "X-Forwarded-For": ".".join(str(random.randrange(1, 255)) for _ in range(4)),
        }
        connection.request("POST", "/sign-in", urllib.parse.urlencode(fields), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 503:
            time.sleep(random.uniform(0.1, 0.3))


def crowd(end):
    threads = [threading.Thread(target=sign_in, args=(number, end)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()


def ask(number, begin, times):
    """Sends each request when it is due, even if the previous response was late; times count from when it was due."""
    connection = http.client.HTTPConnection(place)
    headers = {"Authorization": "Bearer " + os.environ["PODSTACK_TOKEN"]}
    due = begin + number * EVERY / CONNECTIONS
    while due < begin + SECONDS:
        time.sleep(max(0, due - time.perf_counter()))
        connection.request("GET", "/v1/auth/whoami", headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"error: {answer.status}")
        times.append((time.perf_counter() - due) * 1000)
        due += EVERY


load = multiprocessing.Process(target=crowd, args=(time.time() + SECONDS + 2,))
load.start()
time.sleep(2)
times = []
begin = time.perf_counter()
threads = [threading.Thread(target=ask, args=(number, begin, times)) for number in range(CONNECTIONS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
load.join()
print(round(sorted(times)[int(len(times) * 0.95)], 3))
