"""Lists: a read shows everything that was appended before, in its order.

So the longest read of a key is the order of its versions, and every other read must be a beginning of it. What was
appended by transactions that happened, and no read has, came after the longest read (Kingsbury and Alvaro, *Elle*,
VLDB 2020). Only the order of several such elements remains open, and nobody saw it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Any

from ticketlab.checker.columns import MalformedHistory
from ticketlab.checker.transactions.accesses import ExternalRead
from ticketlab.checker.transactions.graph import RW, WR, WW
from ticketlab.checker.transactions.history import FAIL, INFO, OK, TransactionHistory
from ticketlab.checker.transactions.levels import READ_COMMITTED, READ_UNCOMMITTED
from ticketlab.checker.transactions.sentences import FoundAnomaly, key_text, value_text, wrote
from ticketlab.checker.transactions.versions import INITIAL, Versions
from ticketlab.core.strict_json import brief


class ListVersions(Versions):
    """The versions of lists."""

    def __init__(self, history: TransactionHistory) -> None:
        super().__init__(history)
        self._writer: dict[Hashable, dict[Any, int]] = defaultdict(dict)
        self._longest: dict[Hashable, ExternalRead] = {}
        self._unseen: dict[Hashable, list[tuple[int, Any]]] = defaultdict(list)
        self._note_writers()
        by_key: dict[Hashable, list[ExternalRead]] = defaultdict(list)
        for read in self.accesses.reads:
            by_key[read.key].append(read)
        for key, reads in by_key.items():
            self._longest[key] = max(reads, key=lambda read: len(read.whole))
        sound = [key for key, reads in by_key.items() if self._is_sound(key, reads)]
        self._note_unseen()
        for key in sound:
            self._order(key, by_key[key])

    def _note_writers(self) -> None:
        every = self.history.transactions
        for number, writes in enumerate(self.accesses.writes):
            for key, elements in writes.items():
                known = self._writer[key]
                for element in elements:
                    if element in known:
                        where, place = every[known[element]].number, self.history.place
                        raise MalformedHistory(
                            f"{place} {every[number].number}: {brief(element)} is appended to {brief(key)} a second "
                            f"time, after {place} {where}: each element of a list needs a value of its own"
                        )
                    known[element] = number

    def _is_sound(self, key: Hashable, reads: list[ExternalRead]) -> bool:
        """Whether the reads of a key show one order; note who happened, and what the reads cannot have seen."""
        longest = self._longest[key].whole
        stray = next((read for read in reads if longest[: len(read.whole)] != read.whole), None)
        doubtful = [self._longest[key]] if stray is None else reads
        known, every = self._writer[key], self.history.transactions
        for read in doubtful:
            for element in read.whole:
                if element in known and every[known[element]].status == INFO:
                    self.committed[known[element]] = True
        repeated = any(len(set(read.whole)) < len(read.whole) for read in doubtful)
        if repeated or not all(known.keys() >= set(read.whole) for read in doubtful):
            self.findings.extend(self._impossible(key, reads))
        turned = [] if repeated else [finding for read in doubtful for finding in self._turned(key, read)]
        self.findings.extend(turned[:1])
        self.findings.extend(self._aborted(key, reads))
        self.findings.extend(self._intermediate(key, reads))
        if stray is None:
            return not repeated and not turned
        one, other = (every[read.reader] for read in (self._longest[key], stray))
        sentence = (
            f"{one.name} read {key_text(key)} as {value_text(longest)}, and {other.name} as "
            f"{value_text(stray.whole)}: neither is a beginning of the other"
        )
        members = sorted({self._longest[key].reader, stray.reader})
        self.findings.append(FoundAnomaly("incompatible order", (READ_COMMITTED,), sentence, members))
        self.unordered = f"reads of {key_text(key)} disagree about its order"
        return False

    def _turned(self, key: Hashable, read: ExternalRead) -> Iterator[FoundAnomaly]:
        """Yield elements that one transaction appended in another order than a read has them."""
        every, known = self.history.transactions, self._writer[key]
        count: dict[int, int] = defaultdict(int)
        for element in read.whole:
            writer = known.get(element, INITIAL)
            mine = self.accesses.writes[writer].get(key, ()) if writer != INITIAL else ()
            if len(mine) > 1:
                before = mine[count[writer]]
                if before != element:
                    sentence = (
                        f"{every[read.reader].name} read {key_text(key)} as {value_text(read.whole)}; "
                        f"{wrote(every[writer], before, key)} before it appended {value_text(element)}"
                    )
                    yield FoundAnomaly(
                        "incompatible order", (READ_UNCOMMITTED,), sentence, sorted({writer, read.reader})
                    )
                    return
                count[writer] += 1

    def _impossible(self, key: Hashable, reads: list[ExternalRead]) -> Iterator[FoundAnomaly]:
        """Yield elements that nobody appended, and those that a list has twice, each once."""
        told: set[Any] = set()
        for read in reads:
            reader, known = self.history.transactions[read.reader], self._writer[key]
            said = f"{reader.name} read {key_text(key)} as {value_text(read.whole)}"
            if len(set(read.whole)) < len(read.whole):
                twice = next(each for each in read.whole if read.whole.count(each) > 1)
                if ("twice", twice) not in told:
                    told.add(("twice", twice))
                    sentence = f"{said}, which has {value_text(twice)} {read.whole.count(twice)} times"
                    yield FoundAnomaly("duplicate element", (READ_UNCOMMITTED,), sentence, (read.reader,))
            if not known.keys() >= set(read.whole):
                for element in read.whole:
                    if element not in known and element not in told:
                        told.add(element)
                        sentence = f"{said}, and no transaction of this history appended {value_text(element)}"
                        yield FoundAnomaly("unwritten value", (READ_UNCOMMITTED,), sentence, (read.reader,))

    def _aborted(self, key: Hashable, reads: list[ExternalRead]) -> Iterator[FoundAnomaly]:
        """Yield the first read of each element of a failed transaction, and the first append on top of it."""
        every, known = self.history.transactions, self._writer[key]
        failed = {element: writer for element, writer in known.items() if every[writer].status == FAIL}
        if not failed:
            return
        told: set[Any] = set()
        for read in reads:
            for place, element in enumerate(read.whole):
                if element not in failed or element in told:
                    continue
                told.add(element)
                writer = failed[element]
                sentence = (
                    f"{every[read.reader].name} read {key_text(key)} as {value_text(read.whole)}; "
                    f"{wrote(every[writer], element, key)}, and failed"
                )
                yield FoundAnomaly("G1a", (READ_COMMITTED,), sentence, (writer, read.reader))
                yield from self._dirty_update(key, (writer, element), self._longest[key].whole, place)

    def _dirty_update(
        self, key: Hashable, below: tuple[int, Any], order: list[Any], place: int
    ) -> Iterator[FoundAnomaly]:
        every, known = self.history.transactions, self._writer[key]
        for element in order[place + 1 :] if order[place : place + 1] == [below[1]] else ():
            writer = known.get(element, INITIAL)
            if writer >= 0 and self.committed[writer]:
                sentence = (
                    f"{wrote(every[writer], element, key)} after {value_text(below[1])}, as "
                    f"{every[self._longest[key].reader].name} read {value_text(order)}; "
                    f"{every[below[0]].name} had appended that, and failed"
                )
                yield FoundAnomaly("dirty update", (READ_COMMITTED,), sentence, (below[0], writer))
                return

    def _intermediate(self, key: Hashable, reads: list[ExternalRead]) -> Iterator[FoundAnomaly]:
        """Yield the first read of each version that its writer itself appended more to."""
        every, told = self.history.transactions, set()
        for read in reads:
            element = read.value[-1] if read.value else None
            writer = self._writer[key].get(element, INITIAL)
            if writer in (INITIAL, read.reader) or every[writer].status == FAIL or element in told:
                continue
            last = self.accesses.installed(writer, key)
            if last != element:
                told.add(element)
                sentence = (
                    f"{every[read.reader].name} read {key_text(key)} as {value_text(read.value)}; "
                    f"{wrote(every[writer], element, key)}, and then {value_text(last)}"
                )
                yield FoundAnomaly("G1b", (READ_COMMITTED,), sentence, (writer, read.reader))

    def _note_unseen(self) -> None:
        """Note what was appended by transactions that happened, and that no read has; an element for each."""
        seen = {key: set(read.whole) for key, read in self._longest.items()}
        for number, writes in enumerate(self.accesses.writes):
            if self.committed[number]:
                for key, elements in writes.items():
                    unseen = [each for each in elements if each not in seen.get(key, ())]
                    if unseen:
                        self._unseen[key].append((number, unseen[0]))

    def _order(self, key: Hashable, reads: list[ExternalRead]) -> None:
        """Add the dependencies of one key, whose reads show one order."""
        graph, committed, known = self.graph, self.committed, self._writer[key]
        readers: dict[int, list[int]] = defaultdict(list)
        for read in reads:
            source = known.get(read.value[-1], INITIAL) if read.value else INITIAL
            if source not in (INITIAL, read.reader) and self.accesses.installed(source, key) != read.value[-1]:
                continue  # an intermediate read, which is told by itself
            readers[len(read.value)].append(read.reader)
            self.note_update(len(read.value), read)
            if source == INITIAL or committed[source]:
                self.sources.append((read.reader, key, source))
            if source != INITIAL and committed[source]:
                graph.add(source, read.reader, WR, key)
        waiting: list[int] = []  # readers of what the next version overwrites
        last = certain = INITIAL
        for place, element in enumerate(self._longest[key].whole):
            waiting += readers.get(place, ())
            writer = known.get(element, INITIAL)
            if writer == INITIAL or not committed[writer]:
                continue
            for reader in waiting:
                graph.add(reader, writer, RW, key)
            waiting = []
            last, certain = self._follow(key, writer, last, certain)
        waiting += readers.get(len(self._longest[key].whole), ())
        unseen = list(dict.fromkeys(writer for writer, _ in self._unseen[key]))
        graph.add_overwritten(waiting, unseen, key)
        for writer in unseen:
            self._follow(key, writer, last, certain)

    def _follow(self, key: Hashable, writer: int, last: int, certain: int) -> tuple[int, int]:
        """Add that a writer's version follows those of the last writer, and of the last that is certain (it is ok)."""
        sure = self.history.transactions[writer].status == OK
        if last != INITIAL:
            self.graph.add(last, writer, WW, key)
        if sure and certain not in (INITIAL, last):
            self.graph.add(certain, writer, WW, key)
        return writer, writer if sure else certain

    def ww(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction appended after another."""
        one, other = self.history.transactions[source], self.history.transactions[target]
        read, known = self._longest[key], self._writer[key]
        reader, order = self.history.transactions[read.reader], read.whole
        first = before = None
        for element in order:
            writer = known.get(element, INITIAL)
            if writer == target and before is not None:
                first = element
                break
            before = element if writer == source else before
        shown = f"{reader.name} read {key_text(key)} as {value_text(order)}"
        if first is None:
            late = next(element for writer, element in self._unseen[key] if writer == target)
            return (
                f"{wrote(one, before, key)}, and {other.name} appended {value_text(late)} later: {shown}, with "
                f"{value_text(before)} and without {value_text(late)}"
            )
        return f"{wrote(one, before, key)}, and {other.name} appended {value_text(first)} after that: {shown}"

    def wr(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction read what another appended last."""
        one, other = self.history.transactions[source], self.history.transactions[target]
        read = next(
            read
            for read in self.reads_of(target, key)
            if read.value and self._writer[key].get(read.value[-1]) == source
        )
        return f"{other.name} read {_read_text(read)}, of which {one.name} appended {value_text(read.value[-1])}"

    def rw(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction appended what another's read does not have."""
        one, other = self.history.transactions[source], self.history.transactions[target]
        mine = self.accesses.writes[target][key]
        read, element = next(
            (read, element) for read in self.reads_of(source, key) for element in mine if element not in set(read.whole)
        )
        return f"{one.name} read {_read_text(read)}, without {value_text(element)}, which {other.name} appended"


def _read_text(read: ExternalRead) -> str:
    own = len(read.whole) - len(read.value)
    aside = f" (and {value_text(read.whole[-own:])} of its own)" if own else ""
    return f"{key_text(read.key)} as {value_text(read.value)}{aside}"
