"""How stores, strategies, launchers and policies are named: `name`, `name:variant`, `name:variant,option=value`.

A value may be any text, such as the address of a database; a comma in it is written twice. A password in an address is
never shown (see `secrets`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.secrets import concealed

_MOST_DIGITS: Final = 9
_COMMA: Final = "\0"  # stands for two commas while a text is split at single ones


@dataclass(frozen=True, slots=True)
class Spec:
    """A choice as its user writes it: `sqlite:journal=delete` or `pool:8`."""

    name: str
    variant: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read `name[:variant][,option=value ...]`; two commas stand for one comma in a value.

        Raises:
            UsageError: the text has no name, an empty part, or a second variant.
        """
        name, _, rest = text.strip().partition(":")
        if "," in name or "=" in name:
            raise UsageError(f"{text!r} is not of the form name:variant,option=value (a colon follows the name)")
        variant, options = "", []
        for part in rest.replace(",,", _COMMA).split(",") if rest else []:
            key, equals, value = part.partition("=")
            if equals and key and value:
                options.append((key, concealed(value.replace(_COMMA, ","))))
            elif part and not equals and not variant and _COMMA not in part:
                variant = part
            else:
                found = part.replace(_COMMA, ",,")
                raise UsageError(f"{text!r} is not of the form name:variant,option=value (at {found!r})")
        if not name:
            raise UsageError(f"{text!r} has no name; a name comes first, as in 'json' or 'filelock:soft'")
        return cls(name, variant, tuple(options))

    def __str__(self) -> str:
        parts = [self.variant] if self.variant else []
        parts += [f"{key}={value.replace(',', ',,')}" for key, value in self.options]
        return f"{self.name}:{','.join(parts)}" if parts else self.name


@dataclass(frozen=True, slots=True)
class Option:
    """A named setting of a kind: its default, and what it does.

    A value is one of the `choices`, or any text if `text` is set, or else a whole number of at least 1. If `variant`
    names a variant of the kind, no other variant has the option.
    """

    default: str
    help: str
    choices: tuple[str, ...] = ()
    variant: str = ""
    text: bool = False


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What can be chosen by name: its variants (the first is the default) and options, each with a line of help.

    If `number` is set, the variant is a number, and this is its meaning (the workers of `pool:8`). `slows_forks` says
    that the libraries of the kind make each later fork slower, so that it is better raced last.
    """

    name: str
    summary: str
    variants: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    number: str = ""
    slows_forks: bool = False

    def variant(self, spec: Spec) -> str:
        """Return the spec's variant, or the default one if it names none."""
        return spec.variant or next(iter(self.variants), "")

    def settings(self, spec: Spec) -> dict[str, str]:
        """Check a spec against this kind and return every option's value, the defaults included.

        Raises:
            UsageError: the spec has a variant, an option or a value that this kind does not know.
        """
        if self.number:
            if not _is_count(spec.variant):
                raise UsageError(f"{self.name} needs its {self.number}: write {self.name}:N with a whole number N >= 1")
        elif spec.variant and spec.variant not in self.variants:
            if spec.variant in self.options:
                raise UsageError(f"{spec.variant} of {self.name} needs a value: write {spec.variant}=VALUE")
            if not self.variants:
                raise UsageError(f"{self.name} has no variants, but {str(spec)!r} names {spec.variant!r}")
            raise unknown_name(f"variant of {self.name}", spec.variant, self.variants)
        for key, value in spec.options:
            self._check(spec, key, value)
        return {key: option.default for key, option in self.options.items()} | dict(spec.options)

    def _check(self, spec: Spec, key: str, value: str) -> None:
        if key not in self.options:
            if not self.options:
                raise UsageError(f"{self.name} has no options, but {str(spec)!r} sets {key!r}")
            raise unknown_name(f"option of {self.name}", key, self.options)
        owner, choices = self.options[key].variant, self.options[key].choices
        if owner and self.variant(spec) != owner:
            raise UsageError(f"{key} is an option of {self.name}:{owner}, and {str(spec)!r} is another variant")
        if choices and value not in choices:
            raise unknown_name(f"{key} of {self.name}", value, choices)
        if not (choices or self.options[key].text or _is_count(value)):
            raise UsageError(f"{key} of {self.name} is {value!r}: a whole number of at least 1 is needed")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) >= 1
