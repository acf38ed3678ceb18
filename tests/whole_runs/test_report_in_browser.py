"""The HTML report in Chromium: it draws, switches and zooms, asks for nothing, and runs nothing."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_lic.baselines.history import history
from pytest_lic.report.html import html_report
from pytest_lic.report.html.history import history_page
from pytest_lic.results.worst_images import MOST
from pytest_lic.timing.stages import REST
from tests.helpers.hostile_results import HOSTILE, hostile
from tests.helpers.made_results import KODAK, crop, passing, regressing
from tests.helpers.made_times import compared, timings
from tests.helpers.places import BENCHMARKS
from tests.helpers.recordings import record
from tests.helpers.toy_project import Project
from tests.results.test_results import BROKEN

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.helpers.ab_project import AbProject

sys.path.append(str(BENCHMARKS))
report_size = importlib.import_module("report_size")

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(PROGRAMS)} is installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def opened(browser: Browser, text: str, folder: Path, **settings: Any) -> Iterator[Page]:
    """The page in a tab of its own; fails on whatever it complains of, asks for or pops up."""
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | settings)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("dialog", lambda dialog: heard.append(f"dialog: {dialog.message}"))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url == path.as_uri() or asked.url.startswith("data:")
            else heard.append(f"request: {asked.url}")
        ),
    )
    page.goto(path.as_uri(), wait_until="load")
    try:
        yield page
    finally:
        page.wait_for_timeout(50)
        context.close()
    assert heard == []


# Until what a click or a scroll has set off is drawn, however busy the machine is.
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_regression_is_the_first_thing_seen(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, html_report({"": regressing()}), tmp_path) as page:
        for words in ("Failed: 1 of 4 points regressed", "toy-q3-photos-native-b1-cpu", "two.png"):
            box = page.get_by_text(words).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 900, f"{words} is below the first screen"


def test_a_run_with_one_spoilt_image_shows_where(
    browser: Browser, recorded: Project, tmp_path: Path
) -> None:
    assert recorded.run("-m", "rd", cached=True).ret == 0
    recorded.write_codec(BROKEN, codec="Broken", fingerprint="lambda quality: 'broken'")
    assert recorded.run("-m", "rd", "--lic-html=spoilt.html", cached=True).ret == 1
    with opened(browser, (recorded.path / "spoilt.html").read_text(), tmp_path) as page:
        assert page.locator("h1").inner_text().startswith("Failed: 1 of 5 points")
        assert "toy-q3-images-native-b1-cpu" in page.locator("h3").first.inner_text()
        assert "image photo3.png" in page.locator(".failure").first.inner_text()
        assert page.locator("figcaption").inner_text().startswith("photo3.png")
        assert page.locator(".pane img").count() == 3, "the baseline's reconstruction is at hand"
        page.get_by_role("button", name="MS-SSIM").click()
        page.get_by_role("button", name="4×").first.click()


def test_the_history_tells_commits_and_steps(
    browser: Browser, repository: AbProject, tmp_path: Path
) -> None:
    commits = [record(repository, percent, f"by {percent}") for percent in (0, 0.01, 0, 5, 5.01)]
    page_text = history_page(history(repository.path / "baselines", ["toy"]))
    for scheme in ("light", "dark"):
        with opened(browser, page_text, tmp_path, color_scheme=scheme) as page:
            page.locator("#plot .ring").hover(force=True)
            told = page.locator("#plot .tip").inner_text().splitlines()
            assert told[0] == "toy"
            assert told[1].startswith(commits[3][:10])
            assert told[2:4] == ["by 5", "BD-rate %: 5.00"]
            assert told[-1] == "step: another level begins here"
            page.get_by_role("button", name="PSNR dB").click()
            assert page.locator("#plot .axis").all_text_contents()[1] == "PSNR dB"


def test_the_curve_switches_metric_on_a_click(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, html_report({"": regressing()}), tmp_path) as page:
        axes = page.locator("#plot .axis")
        assert axes.all_text_contents() == ["rate (bits per pixel)", "PSNR (dB)"]
        before = page.locator("#plot .measured .line").get_attribute("d")
        assert page.get_by_text("BD-rate by PSNR").is_visible()
        page.get_by_role("button", name="MS-SSIM").click()
        assert axes.all_text_contents()[1] == "MS-SSIM (dB)"
        assert page.locator("#plot .measured .line").get_attribute("d") != before
        assert page.get_by_text("BD-rate by MS-SSIM").is_visible()
        assert not page.get_by_text("BD-rate by PSNR").is_visible()
        assert page.get_by_role("button", name="LPIPS").is_disabled(), "it was not measured"
        page.get_by_label("log rate").check()
        assert axes.all_text_contents()[0] == "rate (bits per pixel, logarithmic)"


def test_points_tell_their_values_and_the_regressed_one_is_marked(
    browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, html_report({"": regressing()}), tmp_path) as page:
        page.locator("#plot .ring").hover(force=True)
        told = page.locator("#plot .tip").inner_text().splitlines()
        assert told[:2] == ["toy", "quality 3, λ = 0.005"]
        assert told[2:5] == ["2.6400 bpp", "PSNR 37.50 dB", "MS-SSIM 13.98 dB"]
        assert told[-1] == "regressed"
        page.mouse.move(5, 5)
        assert not page.locator("#plot .tip").is_visible()


def test_baselines_families_and_anchors_can_be_hidden(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, html_report({"": passing(digest=KODAK)}), tmp_path) as page:
        lines = page.locator("#plot .line")
        assert lines.count() == 6, "the codec, its baseline, four published curves"
        assert page.locator("#plot .baseline .line").evaluate(
            "line => getComputedStyle(line).strokeDasharray"
        ) not in ("none", "")
        page.get_by_label("baselines (dashed)").uncheck()
        assert lines.count() == 5
        page.get_by_role("button", name="vtm", exact=True).click()
        assert lines.count() == 4
        page.get_by_text("more anchors").click()
        page.get_by_role("button", name="hm", exact=True).click()
        assert lines.count() == 5
        page.get_by_role("button", name="toy", exact=True).click()
        assert lines.count() == 4


def test_the_crop_viewer_zooms_all_three_and_amplifies(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, html_report({"": regressing()}), tmp_path) as page:
        width = "each => each.map(one => one.getBoundingClientRect().width)"
        images = page.locator(".pane img, .pane canvas")
        page.get_by_role("button", name="4×").click()
        assert images.evaluate_all(width) == [256, 256, 256], "64 px, four times"
        page.get_by_role("button", name="8×").click()
        page.evaluate(TWO_FRAMES)
        page.locator(".pane").first.evaluate("pane => pane.scrollLeft = 40")
        page.evaluate(TWO_FRAMES)
        scrolled = "panes => panes.map(pane => pane.scrollLeft)"
        assert page.locator(".pane").evaluate_all(scrolled) == [40, 40, 40]
        corner = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data]"
        page.get_by_role("button", name="× 4").click()
        assert page.locator("canvas").evaluate(corner) == [36, 36, 36, 255], "9 levels, × 4"
        assert "full brightness is 63 of 255 levels or more" in page.locator(".scale").inner_text()
        page.get_by_role("button", name="× 16").click()
        assert page.locator("canvas").evaluate(corner) == [144, 144, 144, 255]


def test_the_baseline_s_reconstruction_is_shown_where_it_is_at_hand(
    browser: Browser, tmp_path: Path
) -> None:
    results = regressing()
    shown = tuple(crop(each.subject, at_hand=True) for each in results.crops)
    with opened(browser, html_report({"": replace(results, crops=shown)}), tmp_path) as page:
        captions = page.locator(".panes p").all_inner_texts()
        assert captions[:3] == ["original", "the baseline’s reconstruction", "reconstruction, now"]
        assert "where its error grew most" in page.locator("figcaption").inner_text()
        scale = page.locator(".scale")
        assert "difference to the baseline × 16" in scale.inner_text()
        assert "the largest here is 7" in scale.inner_text()
        page.get_by_role("button", name="original", exact=True).click()
        assert "difference to the original × 16" in scale.inner_text()
        assert "the largest here is 9" in scale.inner_text()
        corner = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data]"
        assert page.locator("canvas").evaluate(corner) == [144, 144, 144, 255]


def test_it_follows_the_reader_s_colours_and_the_button(browser: Browser, tmp_path: Path) -> None:
    text = html_report({"": regressing()})
    found = {}
    for scheme in ("light", "dark"):
        with opened(browser, text, tmp_path, color_scheme=scheme) as page:
            found[scheme] = background(page)
            page.locator("#theme").click()
            found[f"{scheme} switched"] = background(page)
    assert found["light"] == found["dark switched"] == "rgb(246, 247, 249)"
    assert found["dark"] == found["light switched"] == "rgb(20, 23, 27)"


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_the_screen(browser: Browser, tmp_path: Path, width: int) -> None:
    viewport = {"width": width, "height": 800}
    told = replace(regressing(), remarks=("word " * 200, "x" * 400))
    worst = told.points[2]
    long = replace(worst.comparison, reason="y" * 500)
    points = (replace(worst, comparison=long),)
    text = html_report({"": replace(told, points=points)})
    with opened(browser, text, tmp_path, viewport=viewport) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(each => each.textContent.trim() && "
            "parseFloat(getComputedStyle(each).fontSize) < 12).map(each => each.outerHTML)"
        )
        assert small == [], "text that is too small to read"


def test_nothing_from_outside_runs(browser: Browser, tmp_path: Path) -> None:
    slower = compared(1.1, name=HOSTILE, family=HOSTILE)
    with opened(browser, html_report({"": hostile()}, [slower]), tmp_path) as page:
        page.get_by_role("button", name="MS-SSIM").click()
        for chart in ("#plot", "#latency", "#throughput"):
            page.locator(f"{chart} .mark").last.hover(force=True)
        for closed in page.locator("details").all():
            closed.evaluate("details => details.open = true")
        assert page.get_by_text("<script>alert(1)</script>").count() > 5


def test_a_script_that_slips_in_is_refused(browser: Browser, tmp_path: Path) -> None:
    """What the page's policy is for: were a text not escaped, it would do nothing all the same."""
    text = html_report({"": passing()})
    slipped = text.replace("</main>", "<script>document.title = 'taken'</script></main>")
    assert slipped != text
    with (
        pytest.raises(AssertionError, match="Content Security Policy"),
        opened(browser, slipped, tmp_path) as page,
    ):
        assert page.title().startswith("passed: ")


def test_without_scripts_it_still_tells(browser: Browser, tmp_path: Path) -> None:
    text = html_report({"": regressing()})
    with opened(browser, text, tmp_path, java_script_enabled=False) as page:
        assert page.get_by_text("their values stand in").is_visible()
        assert page.get_by_text("PSNR, image two.png").is_visible()
        assert page.get_by_role("button").count() == 0


def test_rows_can_be_searched(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, html_report({"": regressing()}), tmp_path) as page:
        page.locator("#filter").fill("regressed")
        rows = page.locator("#points tbody tr:visible")
        assert rows.count() == 2, "the title of the group, and the point"
        page.locator("#filter").fill("nothing like it")
        assert rows.count() == 0


def test_crops_of_noise_and_a_thousand_cells_stay_small_and_quick(
    browser: Browser, tmp_path: Path
) -> None:
    results = report_size.made_up(1000)
    text = html_report({"": results})
    assert len(results.points) == 1000
    assert len(results.crops) == MOST
    assert all(crop.baseline for crop in results.crops)
    assert len(text.encode()) < 10e6
    with opened(browser, text, tmp_path) as page:
        taken = []
        for _ in range(3):  # the machine may be busy with something else
            page.reload(wait_until="load")
            navigation = "performance.getEntriesByType('navigation')[0].loadEventEnd"
            taken.append(page.evaluate(navigation))
        assert min(taken) < 2000, f"loaded after {min(taken):.0f} ms"
        page.wait_for_selector("#plot .line")


def test_crops_of_several_images_each_have_a_viewer(browser: Browser, tmp_path: Path) -> None:
    found = regressing()
    subject = found.points[2].comparison.subject
    both = (crop(subject), replace(crop(subject), image="one.png"))
    with opened(browser, html_report({"": replace(found, crops=both)}), tmp_path) as page:
        page.get_by_role("button", name="2×").nth(1).click()
        widths = [page.locator("canvas").nth(place).bounding_box() for place in (0, 1)]
        assert [box and box["width"] for box in widths] == [64, 128]


def test_times_are_drawn_and_follow_the_choices(browser: Browser, tmp_path: Path) -> None:
    gpu = timings("fast", device="cuda", device_name="a GPU")
    times = (*timings("fast", "slow"), *gpu)
    with opened(browser, html_report({"": replace(passing(), times=times)}), tmp_path) as page:
        latency, throughput = page.locator("#latency"), page.locator("#throughput")
        assert latency.locator(".axis").all_text_contents() == [
            "resolution (pixels a side)",
            "latency (ms)",
        ]
        assert throughput.locator(".axis").all_text_contents() == [
            "batch (images coded at once)",
            "images per second",
        ]
        assert latency.locator(".line").count() == throughput.locator(".line").count() == 2
        assert page.locator("#latency-title").inner_text() == "Latency, batch of 1"
        assert page.locator("#throughput-title").inner_text() == "Throughput, 512 × 512 px"
        latency.locator(".mark").first.hover(force=True)
        assert latency.locator(".tip").inner_text().splitlines() == [
            "fast q3",
            "encode, 256 × 256 px, batch of 1",
            "16.0 ms (median)",
            "0.800 ms interquartile range",
            "62.5 images per second",
        ]
        page.get_by_role("button", name="decode").click()
        latency.locator(".mark").first.hover(force=True)
        assert "32.0 ms (median)" in latency.locator(".tip").inner_text()
        page.get_by_role("combobox", name="resolution").select_option("256")
        assert page.locator("#throughput-title").inner_text() == "Throughput, 256 × 256 px"
        page.locator("#time-legend").get_by_role("button", name="slow q3").click()
        assert latency.locator(".line").count() == 1
        page.get_by_role("combobox", name="device").select_option(index=1)
        assert page.locator("#time-legend button").all_text_contents() == ["fast q3"]


def test_stages_are_bars_of_their_shares(browser: Browser, tmp_path: Path) -> None:
    text = html_report({"": replace(passing(), times=timings("fast", "slow"))})
    with opened(browser, text, tmp_path) as page:
        bars = page.locator("#stages .bar")
        assert [bar.inner_text().split("\n") for bar in bars.all()] == [["75 %", "25 %"]] * 2
        whole, part = (page.locator(each).first.bounding_box() for each in (".bar", ".bar span"))
        assert whole is not None
        assert part is not None
        assert part["width"] == pytest.approx(0.75 * whole["width"], abs=2)
        assert page.locator("#stages-legend span").all_text_contents() == ["analysis", REST]
        assert "512 × 512 px, batch of 1" in page.locator("#stages-title").inner_text()


def test_one_resolution_and_a_wide_range_of_times_can_be_drawn(
    browser: Browser, tmp_path: Path
) -> None:
    (slow, *_), (fast, *_) = (timings(name, resolutions=(512,)) for name in ("slow", "fast"))
    times = (slow, replace(fast, median=slow.median / 100))
    with opened(browser, html_report({"": replace(passing(), times=times)}), tmp_path) as page:
        assert page.locator("#latency .mark").count() == 2
        assert page.locator("#latency .axis").all_text_contents()[1] == "latency (ms, logarithmic)"
        page.get_by_role("button", name="decode").click()
        assert page.get_by_text("no decode time was taken").first.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_no_name_of_an_anchor_lies_over_a_curve(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    viewport = {"width": width, "height": 900}
    text = html_report({"": passing(digest=KODAK)})
    with opened(browser, text, tmp_path, viewport=viewport) as page:
        named = page.locator("#plot .name").all_text_contents()
        assert bool(named) == (width == 1280), "a phone has the legend alone"
        covered = page.evaluate(
            """() => [...document.querySelectorAll("#plot .name")].flatMap((name) => {
                const box = name.getBBox();
                return [...document.querySelectorAll("#plot .line")].filter((line) => {
                    for (let at = 0; at < line.getTotalLength(); at += 1) {
                        const { x, y } = line.getPointAtLength(at);
                        const [right, bottom] = [box.x + box.width, box.y + box.height];
                        if (x > box.x && x < right && y > box.y && y < bottom) return true;
                    }
                    return false;
                }).map(() => name.textContent);
            })"""
        )
        assert covered == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_times_and_two_commits_fit_the_screen(
    browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    found = replace(passing(), times=timings("a-codec-of-a-rather-long-name", "short"))
    text = html_report({"": found}, [compared(1.1, 0.9, 1.0)])
    settings = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with opened(browser, text, tmp_path, **settings) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        drawn = page.locator(".commits tbody svg")
        assert drawn.count() == 6
        for svg in drawn.all():
            box = svg.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        estimate = page.locator(".commits circle").first.bounding_box()
        even = page.locator(".commits .even").first.bounding_box()
        assert estimate is not None
        assert even is not None
        assert estimate["x"] > even["x"], "it is slower"
