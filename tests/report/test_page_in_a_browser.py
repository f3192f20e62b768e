"""The page in a real browser: it opens from a disk, asks nobody, and works by mouse and by keyboard.

Run with `pytest -m browser`. Without a Chromium these tests fail; they are deselected, not skipped, by default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from tests.report.browser import (
    assert_it_fits_and_axe_finds_nothing,
    assert_no_verdict_is_cut,
    complaints,
    open_page,
    requests,
    until,
)
from tests.report.test_page import EVIL, row, tour
from ticketlab.core.timeline import Interleaving, LaneState, Marker, Move, Span, StateChange, StateKind, Timeline
from ticketlab.report.page import render

pytestmark = pytest.mark.browser

MS = 1_000_000


def race(lanes: int = 12, orders: int = 20) -> Timeline:
    """Return a race in which buyers wait and are critical by turns, with three violations."""
    spans = []
    for lane in range(lanes):
        for order in range(orders):
            at = (order * lanes + lane) * MS
            label = f"buy 1 -> ticket {order}"
            spans.append(Span(lane, at, at + MS // 2, LaneState.BLOCKED, label, "acquire lock"))
            spans.append(
                Span(lane, at + MS // 2, at + MS, LaneState.CRITICAL, label, f"read inventory.json: {order} left")
            )
    marks = [Marker(lane, (lane * lanes + lane + 1) * MS, "oversold", f"{EVIL} {lane}") for lane in (3, 5, 9)]
    faults = [Marker(2, 5 * MS, "kill", "before read inventory.json")]
    retries = [Marker(4, 7 * MS, "retry", EVIL)]
    names = [f"buyer {lane + 1}" for lane in range(lanes)]
    return Timeline("none on json", names, spans, marks, row=1, faults=faults, retries=retries)


def locked() -> Timeline:
    """Return a race of two buyers whose critical sections overlap for a while, and the lane of a lock above them."""
    spans = [
        Span(0, 0, 4 * MS, LaneState.CRITICAL, "held by buyer 1", "1 asking for it"),
        Span(0, 4 * MS, 6 * MS, LaneState.OVERLAPPING, "held by buyer 1 and buyer 2"),
        Span(1, 0, 4 * MS, LaneState.CRITICAL, "buy 1 -> ticket 1"),
        Span(1, 4 * MS, 6 * MS, LaneState.OVERLAPPING, "buy 1 -> ticket 1"),
        Span(2, 0, 4 * MS, LaneState.BLOCKED, "buy 1 -> ticket 1"),
        Span(2, 4 * MS, 6 * MS, LaneState.OVERLAPPING, "buy 1 -> ticket 1"),
        Span(2, 6 * MS, 10 * MS, LaneState.READY),
    ]
    return Timeline("lock on json", ["lock: lock", "buyer 1", "buyer 2"], spans, locks=1)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [row(), row("none", valid=False), row(EVIL, "sqlite"), row(buyers=100), row("none", buyers=100, valid=False)]
    unsupported = [{"store": "sqlite", "strategy": "lock", "reason": "made up"}]
    recommendations = [
        {"store": "json", "buyers": 8, "pick": "fastest", "strategy": "lock", "sales_per_s": 12.0, "p99_ms": 4.1}
    ]
    result = tour(
        *rows,
        environment={"python": "3.11", "processor": EVIL},
        unsupported=unsupported,
        recommendations=recommendations,
    )
    moves = [
        Move(
            number % 2,
            "read",
            "inventory.json",
            f"{number} left",
            number == 2,
            number + 1,
            state=(
                StateChange(StateKind.HOLDS, "inventory.json", f"{number} left"),
                StateChange(StateKind.TAKEN, "lock", "" if number % 2 else "buyer 1"),
                StateChange(StateKind.REMEMBERS, "buyer 1", f"{EVIL}; old since step 3"),
            ),
            old="now acts on an old value" if number == 3 else "",
        )
        for number in range(5)
    ]
    case = Interleaving("none on json", ["buyer 1", "buyer 2"], moves)
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(
        render(
            result,
            [race(), Timeline("lock on json", ["buyer 1"], [Span(0, 0, MS, LaneState.RUNNING)]), case, locked()],
        )
    )
    return path


@pytest.fixture
def opened(browser: Chrome, page: Path) -> Chrome:
    open_page(browser, page)
    return browser


def window(browser: Chrome) -> tuple[float, float]:
    found = browser.execute_script("const d = document.querySelector('#timeline').dataset; return [+d.from, +d.to]")
    return found[0], found[1]


def changed(browser: Chrome, before: tuple[float, float]) -> tuple[float, float]:
    """Wait until the window is another one, and return that."""
    data = "const {from, to} = document.querySelector('#timeline').dataset;"
    until(browser, f"{data} return +from != arguments[0] || +to != arguments[1]", *before)
    return window(browser)


def stage(browser: Chrome) -> Any:
    return browser.find_element(By.CSS_SELECTOR, ".stage")


def press(browser: Chrome, *keys: str) -> None:
    stage(browser).send_keys(*keys)


def mark(browser: Chrome) -> str:
    found: str = browser.execute_script("return document.querySelector('#timeline').dataset.mark")
    return found


def test_it_opens_from_a_disk_without_a_complaint_and_asks_nobody(browser: Chrome, page: Path) -> None:
    requests(browser), complaints(browser)
    open_page(browser, page)
    assert complaints(browser) == []
    assert {each.partition(":")[0] for each in requests(browser)} <= {"file", "data"}
    assert [each for each in requests(browser) if each.startswith("file:")] in ([], [page.as_uri()])


def test_verdict_matrix_table_and_curves_are_there(opened: Chrome) -> None:
    assert opened.find_element(By.TAG_NAME, "h1").text == "2 of 5 races went wrong"
    assert len(opened.find_elements(By.CSS_SELECTOR, ".comparison tbody tr")) == 5
    assert [each.text for each in opened.find_elements(By.CSS_SELECTOR, ".matrix thead th")][:2] == ["strategy", "json"]
    assert until(opened, "return document.querySelectorAll('.uplot canvas').length") == 4


def test_names_ran_no_script(opened: Chrome) -> None:
    assert EVIL[:30] in opened.find_element(By.CSS_SELECTOR, ".environment").text


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_cell_shows_its_evidence_and_hides_it_again(opened: Chrome, way: str) -> None:
    cell = opened.find_element(By.CSS_SELECTOR, ".cell.wrong")
    evidence = opened.find_element(By.ID, "evidence-1")
    assert not evidence.is_displayed()
    cell.click() if way == "mouse" else cell.send_keys(Keys.ENTER)
    assert evidence.is_displayed()
    assert "2 of 1 are sold" in evidence.text
    assert "read: 5 left at 1.00 ms" in evidence.text
    cell.click() if way == "mouse" else cell.send_keys(Keys.ENTER)
    assert not evidence.is_displayed()


def test_it_opens_on_the_first_violation_with_a_window_around_it(opened: Chrome) -> None:
    start, end = window(opened)
    assert start < 40 * MS < end < 240 * MS
    assert mark(opened) == "0"
    assert "oversold, buyer 4" in opened.find_element(By.CSS_SELECTOR, "#timeline .saying").text


def test_the_next_violation_by_mouse_and_by_keyboard(opened: Chrome) -> None:
    before = window(opened)
    button = opened.find_element(By.CSS_SELECTOR, "button.next")
    assert button.text == "⊗ 3 violations: next"
    button.click()
    start, end = changed(opened, before)
    assert mark(opened) == "1"
    assert start < 66 * MS < end
    press(opened, "n")
    changed(opened, (start, end))
    assert mark(opened) == "2"
    press(opened, "p")
    until(opened, "return document.querySelector('#timeline').dataset.mark == '1'")


def test_zoom_and_pan_by_keyboard(opened: Chrome) -> None:
    whole = (0, 240 * MS)
    press(opened, "0")
    until(
        opened,
        "const d = document.querySelector('#timeline').dataset; return d.from == 0 && d.to == arguments[0]",
        whole[1],
    )
    press(opened, "+")
    zoomed = changed(opened, whole)
    assert zoomed[1] - zoomed[0] == pytest.approx(0.6 * whole[1])
    press(opened, Keys.ARROW_RIGHT)
    panned = changed(opened, zoomed)
    assert panned[0] > zoomed[0]
    assert panned[1] - panned[0] == pytest.approx(zoomed[1] - zoomed[0])
    press(opened, "-")
    wider = changed(opened, panned)
    assert wider[1] - wider[0] > panned[1] - panned[0]


def test_zoom_pan_and_reset_by_mouse(opened: Chrome) -> None:
    canvas = opened.find_element(By.CSS_SELECTOR, ".lanes")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    before = window(opened)
    turn = "{deltaY: arguments[1], clientX: 600, clientY: 500, cancelable: true}"
    wheel = f"arguments[0].dispatchEvent(new WheelEvent('wheel', {turn}))"
    opened.execute_script(wheel, canvas, -300)
    zoomed = changed(opened, before)
    assert zoomed[1] - zoomed[0] < before[1] - before[0]
    ActionChains(opened).drag_and_drop_by_offset(canvas, 150, 0).perform()
    dragged = changed(opened, zoomed)
    assert dragged[0] < zoomed[0]
    ActionChains(opened).double_click(canvas).perform()
    assert changed(opened, dragged) == (0, 240 * MS)


def test_the_minimap_moves_the_window(opened: Chrome) -> None:
    before = window(opened)
    minimap = opened.find_element(By.CSS_SELECTOR, ".minimap")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", minimap)
    ActionChains(opened).move_to_element_with_offset(minimap, 300, 0).click().perform()
    assert changed(opened, before)[0] > before[0]


def test_a_span_tells_what_was_read_to_mouse_and_keyboard(opened: Chrome) -> None:
    canvas = opened.find_element(By.CSS_SELECTOR, ".lanes")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    tip = opened.find_element(By.CSS_SELECTOR, ".tip")
    press(opened, "0")
    press(opened, Keys.ARROW_DOWN, ".")
    until(opened, "return !document.querySelector('.tip').hidden")
    assert "buyer 5" in tip.text  # the lane below the marked one
    assert "buy 1 -> ticket" in tip.text
    said = opened.find_element(By.CSS_SELECTOR, "#timeline .saying").text
    assert said.startswith("buyer 5: ")
    press(opened, Keys.ESCAPE)
    assert not tip.is_displayed()
    ActionChains(opened).move_to_element_with_offset(canvas, 0, -100).perform()
    for _ in range(200):
        if tip.is_displayed():
            break
        ActionChains(opened).move_by_offset(1, 0).perform()
    assert "left" in tip.text or "acquire lock" in tip.text


def test_the_window_is_a_table_too(opened: Chrome) -> None:
    opened.execute_script("document.querySelector('.window').open = true")
    rows = until(opened, "return document.querySelectorAll('.window tbody tr').length")
    assert rows > 2
    assert "buy 1 -> ticket" in opened.find_element(By.CSS_SELECTOR, ".window tbody").text


def test_another_race_is_chosen_from_the_list_or_its_evidence(opened: Chrome) -> None:
    opened.find_element(By.CSS_SELECTOR, ".choose option:nth-child(2)").click()
    until(opened, "return document.querySelector('.which').textContent == 'lock on json'")
    assert not opened.find_element(By.CSS_SELECTOR, "button.next").is_displayed()
    opened.find_element(By.CSS_SELECTOR, ".cell.wrong").click()
    opened.find_element(By.CSS_SELECTOR, "#evidence-1 [data-timeline]").click()
    until(opened, "return document.querySelector('.which').textContent == 'none on json'")


def test_a_case_is_walked_forward_and_back(opened: Chrome) -> None:
    section = opened.find_element(By.CSS_SELECTOR, ".interleaving")
    forward, back = (
        section.find_element(By.CSS_SELECTOR, "[data-step='1']"),
        section.find_element(By.CSS_SELECTOR, "[data-step='-1']"),
    )
    said = section.find_element(By.CSS_SELECTOR, ".saying")
    forward.click()
    assert said.text == "step 1: buyer 1, read inventory.json: 0 left"
    forward.send_keys(Keys.ARROW_RIGHT)
    assert said.text.startswith("step 2: buyer 2")
    back.click()
    assert said.text.startswith("step 1")
    section.find_element(By.CSS_SELECTOR, "[data-step='mark']").click()
    assert said.text.startswith("step 3")


def test_a_case_shows_what_is_shared_after_each_step(opened: Chrome) -> None:
    shared = opened.find_element(By.CSS_SELECTOR, ".interleaving .shared")
    forward = opened.find_element(By.CSS_SELECTOR, ".interleaving [data-step='1']")
    forward.click()
    lines = shared.text.splitlines()
    assert lines[:5] == [
        "After step 1",
        "What is stored",
        "inventory.json holds 0 left",
        "Locks taken, and not given back",
        "lock taken by buyer 1",
    ]
    assert lines[-1].endswith("; old since step 3")
    forward.click()
    assert "lock taken by" not in shared.text
    assert "inventory.json holds 1 left" in shared.text
    forward.send_keys(Keys.END)
    assert shared.text.startswith("After step 5")
    forward.send_keys(Keys.HOME)
    assert shared.text == "Before the first step"


def test_a_case_plays_by_itself_until_it_is_paused_or_over(opened: Chrome) -> None:
    section = opened.find_element(By.CSS_SELECTOR, ".interleaving")
    play = section.find_element(By.CSS_SELECTOR, ".play")
    play.click()
    assert play.text == "❚❚ pause"
    until(opened, "return document.querySelector('.interleaving .status').textContent == '2 of 5'")
    section.find_element(By.CSS_SELECTOR, ".scroll").send_keys(Keys.SPACE)
    assert play.text == "▶ play"
    play.click()
    until(opened, "return document.querySelector('.interleaving .status').textContent == '5 of 5'")
    assert play.text == "▶ play"
    assert play.get_attribute("aria-pressed") == "false"


def counts(browser: Chrome, section: str) -> str:
    found: str = browser.find_element(By.CSS_SELECTOR, f"{section} .moment").text
    return found.partition(": ")[2]


def test_two_races_stand_side_by_side_each_with_its_states(opened: Chrome) -> None:
    opened.find_element(By.CSS_SELECTOR, ".other option:nth-child(4)").click()
    until(opened, "return 'from' in document.querySelector('#timeline-beside').dataset")
    second = opened.find_element(By.ID, "timeline-beside")
    assert second.is_displayed()
    assert "lock on json" in second.text
    places = [opened.find_element(By.ID, each).location for each in ("timeline", "timeline-beside")]
    assert places[0]["y"] == places[1]["y"]
    # In the middle both are critical at once; the lane of the lock is no participant.
    assert counts(opened, "#timeline-beside") == (
        "0 new, 0 ready, 0 running, 2 critical, of which 2 overlap, 0 blocked, 0 ended"
    )
    stage_beside = second.find_element(By.CSS_SELECTOR, ".stage")
    stage_beside.send_keys("+", Keys.END)
    until(opened, "return document.querySelector('#timeline-beside .moment').textContent.includes('1 ready')")
    assert counts(opened, "#timeline-beside") == "0 new, 1 ready, 0 running, 0 critical, 0 blocked, 1 ended"
    opened.find_element(By.CSS_SELECTOR, ".other option:nth-child(1)").click()
    assert not second.is_displayed()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_a_phone_and_a_desk_show_it_without_overflow_and_axe_finds_nothing(
    browser: Chrome, page: Path, width: int, scheme: str
) -> None:
    open_page(browser, page, width=width, scheme=scheme)
    assert_it_fits_and_axe_finds_nothing(browser, width)


def test_no_verdict_is_cut_on_a_phone(browser: Chrome, page: Path) -> None:
    open_page(browser, page, width=390)
    assert_no_verdict_is_cut(browser, 390)


def test_the_theme_can_be_switched(opened: Chrome) -> None:
    colour = "return getComputedStyle(document.body).backgroundColor"
    before = opened.execute_script(colour)
    opened.find_element(By.ID, "theme").click()
    assert opened.execute_script(colour) != before


def test_the_legend_has_what_the_timeline_shows_and_nothing_else(opened: Chrome) -> None:
    def legend() -> str:
        chips = opened.find_elements(By.CSS_SELECTOR, "#timeline .tools > .chip")
        return ", ".join(chip.text for chip in chips if chip.is_displayed())

    assert legend() == "blocked, critical, † fault injected, ↻ refused, tries again, ⊗ 3 violations: next"
    assert "kill" in opened.execute_script("return document.querySelector('.injected tbody').textContent")
    choose = opened.find_element(By.CSS_SELECTOR, "#timeline .choose")
    choose.send_keys(Keys.ARROW_DOWN)
    until(opened, "return document.querySelector('#timeline .which').textContent == 'lock on json'")
    assert legend() == "running"
