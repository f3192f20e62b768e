"""What is read from the metadata on disk is what `importlib.metadata` says."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from ticketlab.lab.plugins import entry_points


def test_entry_points_and_versions_are_those_of_importlib() -> None:
    points = importlib.metadata.entry_points()
    for group in points.groups:
        assert entry_points.entry_points()[group] == {point.name: point.value for point in points.select(group=group)}
    for name, package in entry_points.packages().items():
        assert package.version == importlib.metadata.version(name)


def test_of_two_versions_the_one_that_would_be_imported_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("2.0", "1.0"):
        info = tmp_path / version / f"Shop_Kit-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(f"[ticketlab.stores]\nshop = shop_kit.v{version[0]} : KIND\n")
        monkeypatch.syspath_prepend(str(tmp_path / version))
    entry_points.packages.cache_clear()
    entry_points.entry_points.cache_clear()
    try:
        assert entry_points.packages()["shop_kit"].version == "1.0"
        assert entry_points.entry_points()["ticketlab.stores"]["shop"] == "shop_kit.v1 : KIND"
    finally:
        entry_points.packages.cache_clear()
        entry_points.entry_points.cache_clear()
