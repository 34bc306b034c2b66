"""Prints the median time of a wrong password, in milliseconds. Usage: sign-in.py URL EMAIL"""
import http.client
import random
import re
import statistics
import sys
import time
import urllib.parse

ATTEMPTS = 100

url, email = sys.argv[1:]
connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)


def ask(method, path, body=None, headers={}):
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer, answer.read().decode()


answer, page = ask("GET", "/sign-in")
cookie = answer.getheader("Set-Cookie").split(";")[0]
key = re.search('name="form_key" value="([^"]+)"', page)[1]
form = urllib.parse.urlencode({"form_key": key, "email": email, "password": "not the right one"})
times = []
for _ in range(ATTEMPTS):
    place = ".".join(str(random.randrange(1, 255)) for _ in range(4))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": cookie,
        "X-Forwarded-For": place,
    }
    start = time.perf_counter()
    answer, _ = ask("POST", "/sign-in", form, headers)
    times.append((time.perf_counter() - start) * 1000)
    if answer.status != 422:
        sys.exit(f"error: {answer.status}")
print(round(statistics.median(times), 3))
