"""An invitation for one guest: its file is looked for, then removed."""

from pathlib import Path


def bad(who: int) -> None:
    if Path("invite").exists():
        Path(f"member.{who}").touch()
        Path("invite").unlink(missing_ok=True)


def good(who: int) -> None:
    try:
        Path("invite").unlink()
    except FileNotFoundError:
        return
    Path(f"member.{who}").touch()


def reset(folder: Path) -> None:
    (folder / "invite").touch()


def invariant(folder: Path) -> None:
    assert len(list(folder.glob("member.*"))) == 1
