"""A real headless Chromium for tests, driven by chromedriver over its HTTP protocol.

Standard library only. The test skips, with the reason, where Debian's chromium and
chromium-driver are not installed.
"""

import base64
import json
import re
import shutil
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import harness

KEYS = {"enter": "\ue007", "escape": "\ue00c", "down": "\ue015", "up": "\ue013", "tab": "\ue004",
        "end": "\ue010", "home": "\ue011", "page_down": "\ue00f", "backspace": "\ue003"}
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def find_driver():
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver or not chromium:
        raise unittest.SkipTest("no chromium with chromedriver: apt-get install chromium "
                                "chromium-driver")
    return driver, chromium


class Browser:
    """One browser for the length of a `with`."""

    def __init__(self, folder, width=1280, height=900, dark=False):
        driver, chromium = find_driver()
        self.log = open(folder / "chromedriver.log", "w+")
        # Chromium starts helpers of its own: the group is ended as a whole.
        self.process = subprocess.Popen([driver, "--port=0"], stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        try:
            self.base = f"http://127.0.0.1:{harness.wait_for(self._port, 60, 'chromedriver')}"
            arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                         "--disable-background-networking", "--disable-dev-shm-usage",
                         "--no-first-run", f"--user-data-dir={folder}/profile"]
            got = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"binary": chromium, "args": arguments},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self.session = "/session/" + got["sessionId"]
            self.resize(width, height)
            self.dark(dark)
        except BaseException:
            self.close()
            raise

    def _port(self):
        with open(self.log.name, encoding="utf-8") as file:
            found = re.search(r"started successfully on port (\d+)", file.read())
        return found and found.group(1)

    def _send(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as problem:
            raise AssertionError(json.load(problem)["value"]["message"][:2000]) from None

    def cdp(self, command, **params):
        return self._send("POST", self.session + "/goog/cdp/execute",
                          {"cmd": command, "params": params})

    def resize(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def dark(self, is_dark):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])

    def open(self, address):
        self._send("POST", self.session + "/url", {"url": address})

    def js(self, code, *arguments):
        """What the body CODE returns; it may await."""
        return self._send("POST", self.session + "/execute/sync",
                          {"script": f"return (async function() {{ {code} }}).apply(null, "
                                     "arguments);", "args": list(arguments)})

    def until(self, expression, *arguments, seconds=60):
        """The first true value of the EXPRESSION."""
        return harness.wait_for(lambda: self.js("return " + expression, *arguments), seconds,
                                expression)

    def find(self, selector):
        got = self._send("POST", self.session + "/element",
                         {"using": "css selector", "value": selector})
        return got[ELEMENT]

    def click(self, selector):
        self._send("POST", f"{self.session}/element/{self.find(selector)}/click")

    def type(self, selector, text):
        """TEXT in place of what the field at SELECTOR holds."""
        element = self.find(selector)
        self._send("POST", f"{self.session}/element/{element}/clear")
        self._send("POST", f"{self.session}/element/{element}/value", {"text": text})

    def press(self, *keys):
        """Real key presses, wherever the focus is."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._send("POST", self.session + "/actions", {"actions": [
            {"type": "key", "id": "keyboard", "actions": actions}]})

    def text(self, selector):
        return self.js("const e = document.querySelector(arguments[0]); return e && e.innerText;",
                       selector)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._send("GET", self.session + "/screenshot")))

    def logs(self, kind):
        return self._send("POST", self.session + "/se/log", {"type": kind})

    def problems(self):
        """Errors on the console, policy violations among them."""
        return [e["message"] for e in self.logs("browser") if e["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        """The addresses that were asked for since the last call."""
        found = []
        for entry in self.logs("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def close(self):
        if hasattr(self, "session"):
            try:
                self._send("DELETE", self.session)
            except (AssertionError, OSError):
                pass
        end = time.monotonic() + 5
        while harness.descendants(self.process.pid) and time.monotonic() < end:
            time.sleep(0.05)
        harness.kill_all(self.process)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# What is wider than the window or its own box, outside what scrolls by design.
CUT = """
const wide = [], page = document.documentElement.clientWidth;
for (const e of document.querySelectorAll("body *")) {
  if (e.closest(".cut, .scroll, svg, .skip, dialog") || !e.getClientRects().length) continue;
  const r = e.getBoundingClientRect();
  if (r.right > page + 1 || r.left < -1 || (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
      && getComputedStyle(e).display !== "inline" && !["INPUT", "SELECT"].includes(e.tagName)))
    wide.push(e.tagName + "." + e.className + ": " + e.textContent.slice(0, 60));
}
return wide;
"""

# Text whose contrast with what it stands on is below WCAG's 4.5.
CONTRAST = """
const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const found = new Set();
for (const e of document.querySelectorAll("body *")) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.getClientRects().length) continue;
  if (e.closest("svg, :disabled, option, .skip")) continue;
  let ground = e, color = [0, 0, 0, 0];
  while (ground && color[3] < 1) { color = parse(getComputedStyle(ground).backgroundColor); ground = ground.parentElement; }
  const a = light(parse(getComputedStyle(e).color)), b = light(color);
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) found.add(e.tagName + "." + e.className + " " + ratio.toFixed(2) + ": " + e.textContent.slice(0, 30));
}
return [...found];
"""
