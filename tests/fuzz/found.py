"""Programs on which the lab was wrong: the smallest of each class that the fuzzer found.

    uv run python -m tests.fuzz.found

runs them all, and prints which of them the lab is still wrong on. `mended` says that the lab is right by now; those are
part of `tests/explorer/test_against_independent_explorer.py`, and so is what is right of each: `explore(program)`.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from .explorer_judge import Disagreement, disagreements, unexplained
from .independent_programs import Program
from .random_programs import Drawn


class Found(NamedTuple):
    """A program, what the lab said of it, and what is right."""

    name: str
    program: Program
    said: str
    right: str
    fault: str = ""
    mended: bool = False
    documented: bool = False  # what the lab does not find of it is the limit that docs name


_TWO_TRIES = ("retry", 2, "a", 1, 1, (("read", "a", "x"),), "")
_THREE_TRIES = ("retry", 3, "a", 1, 1, (("read", "a", "x"),), "")
_TWO_NOTED = ("retry", 2, "a", 1, 1, (("read", "a", "x"),), "retry")
_THREE_NOTED = ("retry", 3, "a", 1, 1, (("read", "a", "x"),), "retry")
_THREE_NOTED_LOOKS = ("retry", 3, "a", 2, 1, (("read", "a", "x"), ("read", "a", "x")), "retry")
_FOR_A_SECOND = ("within", 4, "a", 1, 1, (("read", "a", "y"),), "retry")

FOUND = (
    Found(
        "three tries in vain",
        ((_THREE_TRIES,), (("write", "x", 1),)),
        "dfs and dpor: exhausted, and the first participant always reads 1 in the end",
        "it may have given up before the other moved: registers 0, x = 1",
        mended=True,
    ),
    Found(
        "two tries in vain, then something else",
        ((_TWO_TRIES, ("cas", "a", "x", 0, 1)), (("write", "x", 1),)),
        "dfs and dpor: exhausted, and the cas is never made before the other's write",
        "after two tries it may go on at once: the cas succeeds, a = 1",
        mended=True,
    ),
    Found(
        "three tries of a lock",
        ((("with", "m0", ()),), (("retry", 3, "a", 1, 1, (("try", "a", "m0", ()),), ""),)),
        "dfs and dpor: exhausted, and the lock is always had at last",
        "all three tries may fail while the other is inside: a = 0",
        mended=True,
    ),
    Found(
        "a deadlock behind tries in vain",
        ((("write", "x", 1), ("receive", "a", "q0")), (_THREE_TRIES,)),
        "dfs and dpor: exhausted; of the deadlock only the form in which the other read 1",
        "the other may have given up too: registers 0, and the first waits for ever",
        mended=True,
    ),
    Found(
        "dfs and dpor cut differently",
        (
            (("cas", "a", "y", 0, 1), ("read", "a", "x")),
            (_TWO_TRIES, ("cas", "a", "y", 0, 1), ("write", "x", 1)),
        ),
        "both exhausted, with different outcomes",
        "one set of outcomes, which both find",
        mended=True,
    ),
    Found(
        "two noted tries, alone",
        ((_TWO_NOTED,),),
        "dfs and dpor: exhausted, and the only execution is stuck after one try",
        "it tries twice and is done; docs say that a loop that gives up in the end is no deadlock",
        mended=True,
    ),
    Found(
        "two noted tries beside another",
        ((("write", "x", 2),), (_TWO_NOTED,)),
        "dfs and dpor: stuck although the loop gives up after its second try",
        "always completed, with a = 0 or 2",
        mended=True,
        documented=True,
    ),
    Found(
        "a fault in the second of two noted tries",
        ((_TWO_NOTED,),),
        "dfs and dpor: exhausted, and no fault ever strikes before the second try",
        "it strikes there as well, and before the answer",
        fault="terminate",
        mended=True,
    ),
    Found(
        "two loops of noted tries, alone",
        ((_THREE_NOTED_LOOKS, _THREE_NOTED),),
        "dfs and dpor: stuck in the second loop, since the tries of both were counted together",
        "it tries six times and is done",
        mended=True,
    ),
    Found(
        "noted tries within tries",
        ((("retry", 3, "a", 1, 1, (_THREE_NOTED,), ""),),),
        "dfs and dpor: stuck in the third round, since the tries of all rounds were counted together",
        "it tries nine times and is done",
        mended=True,
    ),
    Found(
        "a poll that looks at two cells",
        ((("retry", 0, "a", 1, 1, (("read", "b", "y"), ("read", "a", "x")), "retry"),), (("write", "x", 1),)),
        "dfs and dpor: a livelock",
        "none: the write ends the poll, whenever it comes",
        mended=True,
    ),
    Found(
        "two who wait for different values of a cell",
        ((("until", "x", 2),), (("write", "x", 1), ("until", "x", 1), ("write", "x", 2))),
        "dpor: exhausted, and the only execution is a deadlock before the second write; dfs: completed",
        "always completed, x = 2: once the second participant has seen 1 it can write",
        mended=True,
    ),
    Found(
        "two who wait for different values, one of them for ever",
        (
            (("cas", "a", "x", 0, 1), ("until", "x", 1), ("write", "x", 1)),
            (("with", "m0", (("until", "x", 2),)),),
        ),
        "dfs: in one execution the first is stuck too, just before its write",
        "only the second waits for ever",
        mended=True,
    ),
    Found(
        "a poll that is let go on by a cell that it reads later",
        (
            (("write", "y", 1),),
            (("retry", 0, "a", 2, 1, (("read", "a", "x"), ("read", "a", "y")), "retry"),),
            (("read", "a", "y"),),
        ),
        "dpor: exhausted, and the third participant always reads 1",
        "it may read y first: a = 0",
        mended=True,
    ),
    Found(
        "a writer that a reader keeps out",
        (
            (("shared", "w0", (("until", "y", 1), ("read", "a", "x"))),),
            (("with", "w0", (("read", "b", "y"), ("write", "x", 1))),),
            (("read", "c", "x"), ("write", "y", 1)),
        ),
        "dfs and dpor: exhausted, and the writer never comes before the reader, since it failed after it",
        "the writer may come first: a = 1",
        mended=True,
    ),
    Found(
        "a poll that writes",
        ((("retry", 0, "a", 1, 1, (("write", "y", 1), ("read", "a", "x")), ""),), (("write", "x", 1),)),
        "dfs and dpor: an endless execution, by never letting the other move",
        "no livelock: from every state both come to their end as soon as the other moves",
        mended=True,
    ),
    Found(
        "a sleep takes time",
        ((("mark", "x"), ("sleep", 1), ("elapsed", "a", "x")),),
        "dfs and dpor: exhausted, and the clock shows the same before and after",
        "a quarter of a second passed: a = 1",
        mended=True,
    ),
    Found(
        "two sleeps take the time of both",
        ((("mark", "x"), ("sleep", 1), ("read", "b", "x"), ("sleep", 2), ("elapsed", "a", "x")),),
        "dfs and dpor: exhausted, and the clock shows too little",
        "a = 3",
        mended=True,
    ),
    Found(
        "a sleeper that outlasts the wait of another",
        (
            (("sleep", 1), ("sleep", 1)),
            (("mark", "x"), ("within", 1, "a", 2, 1, (("read", "a", "x"),), "retry"), ("elapsed", "a", "x")),
        ),
        "dfs and dpor: exhausted, and half a second always passed",
        "a quarter, if the second participant wakes when its time has come: a = 1",
        mended=True,
    ),
    Found(
        "a pause beside a sleeper",
        ((("sleep", 1),), (("mark", "x"), ("elapsed", "a", "x"))),
        "dfs and dpor: exhausted, and the pause began when the other's sleep had ended",
        "the pause is all that passed by the second participant's clock: a = 4",
        fault="pause:1s",
        mended=True,
    ),
    Found(
        "a sleeper that is put off",
        (
            (("write", "x", 1),),
            (("mark", "x"), ("read", "b", "x"), ("within", 2, "c", 1, 1, (("read", "a", "x"),), "")),
        ),
        "dfs and dpor: the sleep after which the write let it go on took no time, so it read six times",
        "it reads at most five times, the last one half a second after the first",
        fault="pause:1s",
        mended=True,
    ),
    Found(
        "a pause after a sleep",
        ((("mark", "x"), ("sleep", 1), ("elapsed", "a", "x")),),
        "dfs and dpor: exhausted, and the pause began before the sleep ended",
        "the pause comes on top of the sleep: a = 5",
        fault="pause:1s",
        mended=True,
    ),
    Found(
        "a write until a time is over",
        ((("mark", "x"), ("within", 1, "a", 1, 1, (("write", "y", 1),), "")),),
        "dfs and dpor: endless",
        "over after the second write: y = 1",
        mended=True,
    ),
    Found(
        "a race with who waits for a time inside a lock",
        (
            (("read", "b", "z"), ("with", "m0", (("read", "a", "x"),))),
            (("with", "m0", (("mark", "y"), _FOR_A_SECOND, ("write", "x", 1))),),
        ),
        "dpor: exhausted, and the first always reads 1; dfs finds 0 too",
        "0 where the first takes the lock first",
        mended=True,
    ),
    Found(
        "a promised loop after one whose tries look alike",
        (
            (
                ("retry", 3, "a", 1, 1, (("read", "a", "x"),), "retry"),
                ("retry", 4, "a", 2, 1, (("read", "a", "x"),), "retry"),
            ),
            (("cas", "a", "x", 0, 2), ("write", "x", 1)),
        ),
        "dfs and dpor: the second loop waits for ever after its third try",
        "it gives up after its fourth: registers 1",
        mended=True,
    ),
    Found(
        "the first schedule again, with two who poll",
        (
            (("retry", 0, "a", 2, 1, (("read", "a", "x"),), ""),),
            (("mark", "x"), ("retry", 3, "a", 1, 1, (("read", "a", "x"),), ""), ("until", "x", 1)),
        ),
        "dfs and dpor: an error, since the replay of the first schedule stops where time passed",
        "nobody ever writes x: both wait for ever",
        mended=True,
    ),
    Found(
        "a pause before the first look at the clock",
        (
            (("mark", "x"), ("within", 4, "a", 2, 3, (("read", "a", "x"),), ""), ("write", "y", 1)),
            (("mark", "x"), ("elapsed", "a", "y")),
        ),
        "dfs and dpor: half a second, or one and a half, may go by between the second participant's two looks",
        "the lab is right, and the independent explorer had everybody stand still during a pause",
        "pause:1s",
        mended=True,
    ),
    Found(
        "a writer between two readers",
        (
            (("read", "a", "y"), ("shared", "w0", (("write", "x", 1),))),
            (("shared", "w0", (("cas", "a", "y", 0, 1),)),),
            (("with", "w0", (("read", "b", "y"),)), ("read", "a", "x")),
        ),
        "dpor: exhausted; where the second participant keeps the writer out, the writer never comes before the first",
        "it may come after the second and before the first: y = 1 to it, x = 0, and y was 0 to the first",
        mended=True,
    ),
    Found(
        "a re-entrant lock that was had by a try",
        (
            (("try", "a", "r1", (("cas", "a", "x", 0, 1), ("with", "r1", ()))),),
            (("try", "a", "r1", (("write", "x", 1),)),),
            (("with", "r1", (("read", "a", "x"),)),),
        ),
        "dpor: exhausted; the first two never both have the lock before the third, whose failed attempt was taken "
        "for the first's own on the lock that it holds",
        "both tries may succeed, and the third comes last: a = 1 to all three",
        mended=True,
    ),
    Found(
        "a fault far behind a loop without a bound",
        (
            (
                ("peek", "a", "q0"),
                ("retry", 0, "a", 1, 1, (("cas", "a", "x", 0, 1),), ""),
                (
                    "shared",
                    "w0",
                    (
                        ("with", "m0", (("read", "a", "x"),)),
                        ("retry", 4, "b", 1, 1, (("read", "a", "x"),), ""),
                    ),
                ),
                ("add", "x", 1),
            ),
        ),
        "dpor: x = 2 and no answer, which the judge took for impossible",
        "the lab is right: the judge looked at fewer points than it did",
        "terminate",
        mended=True,
    ),
)


def wrong_on(one: Found) -> list[Disagreement]:
    """Return what the lab is wrong on."""
    look = unexplained if one.documented else disagreements
    return look(Drawn("found", one.program, one.fault))


def main() -> int:
    """Print what became of each."""
    wrong = 0
    for one in FOUND:
        shown = wrong_on(one)
        wrong += bool(shown)
        print(f"{'wrong' if shown else 'right'}: {one.name}{f' ({one.fault})' if one.fault else ''}")
        print(f"    {one.program}")
        for each in shown:
            print(f"    {each.policy}: {each.kind}: {each.outcome} {each.schedule[:120]}")
    print(f"wrong on {wrong} of {len(FOUND)}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
