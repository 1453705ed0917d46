"""The Dagster UI as a person uses it: pages to open, texts to see, buttons to click."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from channels_assets_tests.browser.png import with_palette

ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
VIEWPORT = (1500, 1700)
"""High enough to see a whole page."""
MARGIN = 10
PATIENCE = 30_000
"""How long to wait for something to show, in milliseconds."""


@contextmanager
def chromium() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


class Ui:
    """One tab of the browser."""

    def __init__(self, browser: Browser, url: str) -> None:
        width, height = VIEWPORT
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": height}, device_scale_factor=1
        )
        self.page.set_default_timeout(PATIENCE)
        self._url = url

    def open(self, path: str) -> None:
        self.page.goto(self._url + path)

    def asset(self, name: str, view: str = "overview") -> None:
        self.open(f"/assets/{name}?view={view}")

    def partition(self, asset: str, key: str) -> None:
        self.asset(asset, f"partitions&partition={quote(key)}")

    def check(self, asset: str, name: str) -> None:
        self.asset(asset, f"checks&checkDetail={name}")

    def text(self, text: str, *, exact: bool = False) -> Locator:
        return self.page.get_by_text(text, exact=exact).filter(visible=True).first

    def sees(self, text: str, *, exact: bool = False) -> None:
        """Waits until it shows."""
        expect(self.text(text, exact=exact)).to_be_visible(timeout=PATIENCE)

    def sees_times(self, text: str, times: int) -> None:
        shown = self.page.get_by_text(text, exact=True).filter(visible=True)
        expect(shown).to_have_count(times, timeout=PATIENCE)

    def comes_to_see(self, text: str, seconds: float = 120) -> None:
        """Waits until it shows, and reloads the page as an impatient person does."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                expect(self.text(text)).to_be_visible(timeout=5_000)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                self.page.reload()
            else:
                return

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def expand_graph(self) -> None:
        self.open("/asset-groups")
        self.node("wechat_api").wait_for()
        width, height = VIEWPORT
        self.page.mouse.click(width * 2 // 3, height // 10, button="right")  # empty there
        self.page.get_by_role("menuitem", name="Expand all groups").click()

    def node(self, name: str) -> Locator:
        """An asset or a group in the graph, which shortens long names."""
        shown = name if len(name) <= 18 else f"{name[:8]}…{name[-9:]}"
        return self.page.locator("foreignObject").get_by_text(shown, exact=True).first

    def metadata(self, name: str) -> Locator:
        """The row of a metadata table."""
        label = self.page.get_by_role("cell", name=name, exact=True)
        return self.page.get_by_role("row").filter(has=label).first

    def materialize(self, asset: str, key: str) -> None:
        """Clicks a run of one partition together; does not wait for it."""
        self.asset(asset)
        self.button("Materialize…").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text("Select a partition or create one").click()
        self.page.get_by_role("textbox", name="Filter partitions").fill(key)
        self.page.get_by_role("menuitem", name=key).click()
        self.page.keyboard.press("Escape")
        self.button("Launch 1 run").click()
        expect(dialog).to_have_count(0, timeout=PATIENCE)

    def switches(self) -> dict[str, Locator]:
        """The schedules and sensors of the Automation page, each with its switch."""
        self.open("/automation")
        rows = self.page.get_by_role("link").filter(has_text="_")
        rows.first.wait_for()
        following = "xpath=following::input[@type='checkbox'][1]"
        return {row.inner_text().split("\n")[0]: row.locator(following) for row in rows.all()}

    def picture(self, name: str, *parts: Locator) -> None:
        """Writes the part of the page that holds these into the folder $SCREENSHOTS, if set."""
        folder = os.environ.get("SCREENSHOTS")
        if not folder:
            return
        self.page.mouse.move(0, 0)
        boxes = [box for part in parts if (box := part.bounding_box())]
        left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
        right = max(box["x"] + box["width"] for box in boxes)
        bottom = max(box["y"] + box["height"] for box in boxes)
        picture = self.page.screenshot(
            clip={
                "x": left - MARGIN,
                "y": top - MARGIN,
                "width": right - left + 2 * MARGIN,
                "height": bottom - top + 2 * MARGIN,
            },
            animations="disabled",
        )
        (Path(folder) / f"{name}.png").write_bytes(with_palette(picture))
