"""The other pages in a real browser: crash matrices, schedules, and the fix of a function."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.lab.crash_matrices import CORRECT, LEFT_LOCK, LUCKY, NO_SERVICE, UNDECIDED, UNSYNCHRONIZED, crash_matrix
from tests.report.browser import (
    assert_it_fits_and_axe_finds_nothing,
    assert_no_verdict_is_cut,
    complaints,
    open_page,
)
from tests.report.test_page import EVIL, row
from ticketlab.core.spec import Spec
from ticketlab.report.page import render
from ticketlab.scheduling.job import parse_jobs
from ticketlab.scheduling.policies import COMPARED
from ticketlab.scheduling.simulate import simulate

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = crash_matrix(CORRECT, LEFT_LOCK, UNSYNCHRONIZED, LUCKY, UNDECIDED, unsupported=(NO_SERVICE,))
    path = tmp_path_factory.mktemp("page") / "crashes.html"
    path.write_text(render(found))
    return path


@pytest.fixture(scope="module")
def schedules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    evil = "".join(each for each in EVIL if each.isprintable())  # others are refused
    jobs = parse_jobs(f"A:0:30+io2+2:p2,B:1:3:p1,{evil}:2:60")
    drawn = [simulate(jobs, Spec.parse(policy), 1) for policy in COMPARED]
    found = {
        "kind": "schedule",
        "command": "ticketlab schedule --compare",
        "jobs": [str(job) for job in jobs],
        "switch_cost": 1,
        "schedules": [each.to_json() | {"queue": each.queue_json()} for each in drawn],
    }
    path = tmp_path_factory.mktemp("page") / "schedules.html"
    path.write_text(render(found))
    return path


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fix = {"sentence": "hold one lock from shop.py:4 to shop.py:5", "lines": [f"4  {EVIL}", f"5  {'x' * 150}"]}
    path = tmp_path_factory.mktemp("page") / "fixed.html"
    path.write_text(render(row("none", valid=False, fix=fix)))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("which", ["matrix", "schedules", "fixed"])
def test_a_phone_and_a_desk_show_it_without_overflow_and_axe_finds_nothing(
    browser: Chrome, request: pytest.FixtureRequest, which: str, width: int, scheme: str
) -> None:
    open_page(browser, request.getfixturevalue(which), width=width, scheme=scheme)
    assert_it_fits_and_axe_finds_nothing(browser, width)


def test_no_verdict_is_cut_on_a_phone(browser: Chrome, matrix: Path) -> None:
    open_page(browser, matrix, width=390)
    assert_no_verdict_is_cut(browser, 390)


@pytest.mark.parametrize("which", ["matrix", "schedules"])
def test_a_number_on_a_phone_has_the_name_of_its_column(
    browser: Chrome, request: pytest.FixtureRequest, which: str
) -> None:
    open_page(browser, request.getfixturevalue(which), width=390)
    cells = "document.querySelectorAll(':is(.matrix, .comparison, .combinations) td')"
    nameless = f"return [...{cells}].filter((each) => each.textContent && !each.dataset.label).length"
    assert browser.execute_script(nameless) == 0


def test_a_crash_matrix_shows_the_evidence_of_a_cell(browser: Chrome, matrix: Path) -> None:
    complaints(browser)
    open_page(browser, matrix)
    assert complaints(browser) == []
    cells = browser.find_elements(By.CSS_SELECTOR, ".cell")
    assert [each.text[0] for each in cells] == ["✓", "✗", "✗", "✓", "?"]
    evidence = browser.find_element(By.ID, "evidence-1")
    assert not evidence.is_displayed()
    cells[1].click()
    assert evidence.is_displayed()
    assert "a sentence about lock never released" in evidence.text
    assert "corrupted file in 1, lock never released in 3" in evidence.text


def test_a_single_combination_opens_without_a_complaint(browser: Chrome, tmp_path: Path) -> None:
    path = tmp_path / "single.html"
    path.write_text(render(crash_matrix(UNSYNCHRONIZED)))
    complaints(browser)
    open_page(browser, path)
    assert complaints(browser) == []
    assert browser.find_element(By.ID, "evidence-0").is_displayed()


def test_charts_of_schedules_open_without_a_complaint(browser: Chrome, schedules: Path) -> None:
    complaints(browser)
    open_page(browser, schedules)
    assert complaints(browser) == []
    assert len(browser.find_elements(By.CSS_SELECTOR, "svg.gantt rect.switching")) > 7
    assert len(browser.find_elements(By.CSS_SELECTOR, ".pairs .comparison")) == 7


def test_a_crash_matrix_is_filtered_and_sorted(browser: Chrome, matrix: Path) -> None:
    open_page(browser, matrix)

    def shown(table: str) -> list[str]:
        rows = browser.find_elements(By.CSS_SELECTOR, f"{table} tbody tr")
        return [each.find_element(By.TAG_NAME, "th").text for each in rows if each.is_displayed()]

    everything = shown(".combinations")
    browser.find_element(By.CSS_SELECTOR, ".which option[value=wrong]").click()
    assert shown(".matrix") == shown(".combinations") == ["lock", "none"]
    assert browser.find_element(By.CSS_SELECTOR, ".filters .status").text == "2 of 5 combinations"
    browser.find_element(By.CSS_SELECTOR, ".named").send_keys("no")
    assert shown(".combinations") == ["none"]
    browser.find_element(By.CSS_SELECTOR, ".named").send_keys(Keys.BACKSPACE, Keys.BACKSPACE)
    browser.find_element(By.CSS_SELECTOR, ".which option[value='']").click()
    first = browser.find_element(By.CSS_SELECTOR, ".combinations .sort")
    first.click()
    assert shown(".combinations") == sorted(everything)
    first.click()
    assert shown(".combinations") == sorted(everything, reverse=True)
    browser.find_element(By.CSS_SELECTOR, ".combinations tr[data-name^=lock] .opens").click()
    assert browser.find_element(By.ID, "evidence-1").is_displayed()
