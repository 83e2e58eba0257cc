"""Pages in Chromium, through the pipe of its DevTools protocol: https://chromedevtools.github.io/devtools-protocol."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
"""Path of the browser, or None if there is none."""
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1300,1000",
)  # fmt: skip
_SECONDS = 30.0
"""Longest wait for an answer."""


class Chromium:
    """A browser with one page; `with Chromium(folder) as page`. `problems` lists what went wrong in its pages."""

    def __init__(self, profile):
        def above(fd):  # of the numbers 3 and 4, which the browser takes
            return fcntl.fcntl(fd, fcntl.F_DUPFD, 10)

        there_in, here_out = os.pipe()
        here_in, there_out = os.pipe()
        pipes = [above(fd) for fd in (there_in, there_out)]
        self._in, self._out = above(here_in), above(here_out)
        for fd in (there_in, here_out, here_in, there_out):
            os.close(fd)

        def connect():
            os.dup2(pipes[0], 3)
            os.dup2(pipes[1], 4)

        command = [PROGRAM, *OPTIONS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, preexec_fn=connect, pass_fds=(3, 4), **quiet)
        for fd in pipes:
            os.close(fd)
        self._waiting, self._number, self._session, self._loaded = b"", 0, None, 0
        self.problems, self.requests = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{part}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(_SECONDS)
        os.close(self._in)
        os.close(self._out)

    def call(self, method, **parameters):
        """The result of a method of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def open(self, url):
        """Go to an address, and wait until the page has loaded."""
        loaded = self._loaded
        self.call("Page.navigate", url=url)
        while self._loaded == loaded:
            self._next()

    def value(self, expression):
        """The value of an expression of JavaScript in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]
        return result.get("value")

    def wait_for(self, expression):
        """The value of an expression once it is true."""
        end = time.monotonic() + _SECONDS
        while not (value := self.value(expression)):
            assert time.monotonic() < end, f"not true within {_SECONDS:g} s: {expression}"
            time.sleep(0.05)
        return value

    def _next(self):
        """The next message. Events of failures are noted."""
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._in], [], [], _SECONDS)
            assert ready, f"Chromium did not answer within {_SECONDS:g} s"
            part = os.read(self._in, 1 << 20)
            assert part, "Chromium ended"
            self._waiting += part
        text, _, self._waiting = self._waiting.partition(b"\0")
        message = json.loads(text)
        event, about = message.get("method"), message.get("params", {})
        if event == "Page.loadEventFired":
            self._loaded += 1
        elif event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.problems.append(about["exceptionDetails"]["text"])
        elif event == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.problems.append(str([part.get("value") for part in about["args"]]))
        elif event == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.problems.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")
        return message
