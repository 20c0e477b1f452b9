"""Pages in a real browser: Chromium, if this machine has it."""

import json
import shutil
from pathlib import Path

import pytest
from selenium import webdriver

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no Chromium here; get it with: apt-get install chromium chromium-driver"
)

WIDTHS = {"desktop": 1280, "phone": 390}
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]


class Browser:
    """Chromium, with its requests and log messages since the last page was opened."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        for option in OPTIONS:
            options.add_argument(option)
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))

    def open(self, page, width=WIDTHS["desktop"]):
        """Open a file or a URL."""
        self.driver.get_log("performance"), self.driver.get_log("browser")
        screen = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == WIDTHS["phone"]}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        self.driver.get(page.resolve().as_uri() if isinstance(page, Path) else page)

    @property
    def text(self):
        """The visible text."""
        return " ".join(self.driver.find_element("tag name", "body").text.split())

    def links(self):
        return [link.get_attribute("href") for link in self.driver.find_elements("css selector", "a")]

    def requests(self):
        """Map each requested URL, except data: URLs, to why the browser blocked the request, or None."""
        messages = [json.loads(line["message"])["message"] for line in self.driver.get_log("performance")]
        sent = {m["params"]["requestId"]: m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"}
        failed = {m["params"]["requestId"]: m["params"] for m in messages if m["method"] == "Network.loadingFailed"}
        asked = {asked["request"]["url"]: failed.get(number) for number, asked in sent.items()}
        return {url: why and why.get("blockedReason") for url, why in asked.items() if not url.startswith("data:")}

    def complaints(self):
        return [line["message"] for line in self.driver.get_log("browser")]

    def measure(self, script):
        return self.driver.execute_script(f"return {script}")
