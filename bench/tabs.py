"""Tabs that show a page of the console and refresh it as engine/assets/live.js does: the same address again, with a browser's headers, over a
connection that stays open, so many milliseconds after the last answer as the served script says. They parse nothing; who looks is
not what is measured."""
import gzip
import http.client
import random
import re
import threading
import time
import urllib.parse

TIMEOUT = 10  # seconds that an answer may take, as in the script
# As Chromium's fetch() sends them, beside the address and the cookie.
HEADERS = {"accept": "text/html", "accept-encoding": "gzip, deflate, br, zstd", "accept-language": "en-US,en;q=0.9", "cache-control": "no-cache",
           "pragma": "no-cache", "sec-fetch-dest": "empty", "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin",
           "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"}


class Console:
    """Where the console is, a session, and its pages."""

    def __init__(self, admin, token):
        self.admin = admin
        connection = self.connect()
        connection.request("POST", "/console/sign-in", urllib.parse.urlencode({"token": token}), {
            "content-type": "application/x-www-form-urlencoded", "origin": f"http://{admin}", "sec-fetch-site": "same-origin",
            "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"})
        answer = connection.getresponse()
        assert answer.status == 303, f"signing in: {answer.status}: {answer.read().decode()}"
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        connection.close()
        # Seconds from an answer to the next question.
        self.every = int(re.search(r"const EVERY = (\d+);", self.text("/console/assets/live.js"))[1]) / 1e3

    def connect(self):
        return http.client.HTTPConnection(self.admin, timeout=TIMEOUT)

    def ask(self, connection, path):
        """Status and bytes over the wire of the body."""
        headers = HEADERS | {"cookie": self.cookie, "referer": f"http://{self.admin}{path}"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, body, answer.headers.get("content-encoding")

    def text(self, path):
        connection = self.connect()
        status, body, encoding = self.ask(connection, path)
        connection.close()
        assert status == 200, f"{path}: {status}"
        return (gzip.decompress(body) if encoding == "gzip" else body).decode()

    def live_pages(self):
        """Those that refresh: they have the script and a part that it keeps fresh. The first is Now; of rules, the first one's page."""
        found = re.search(r"<nav .*?</nav>", self.text("/console/"), re.S)[0]
        pages = re.findall(r'href="(/console/[^"]*)"', found)
        rule = re.search(r'href="(/console/rules/[^"/?]+)"', self.text("/console/rules"))
        texts = {page: self.text(page) for page in (*pages, rule[1])}
        return [page for page, text in texts.items() if "/console/assets/live.js" in text and " data-live" in text]


class Tabs:
    """One for each of the paths, open from the beginning of a `with` to its end. A failure of one is the run's."""

    def __init__(self, console, paths):
        self.console = console
        self.over, self.failed = threading.Event(), None
        self.answers = []  # (seconds, bytes) of each
        self.threads = [threading.Thread(target=self.run, args=(path,), daemon=True) for path in paths]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failed:
            raise self.failed

    def run(self, path):
        try:
            connection = self.console.connect()
            # Nobody opens all of them at once.
            self.over.wait(random.random() * self.console.every)
            while not self.over.is_set():
                began = time.monotonic()
                status, body, encoding = self.console.ask(connection, path)
                assert status == 200 and encoding == "gzip", f"{path}: {status}, {encoding}"
                self.answers.append((time.monotonic() - began, len(body)))
                self.over.wait(self.console.every)
            connection.close()
        except BaseException as why:  # noqa: BLE001
            self.failed = self.failed or why
