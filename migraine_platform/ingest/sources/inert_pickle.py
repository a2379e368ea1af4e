"""Reading a pickle as a description: what it would call, without calling anything.

A pickle is a program, and whoever loads one runs it, with whatever somebody wrote into it. Here its instructions are
listed (`pickletools.genops`) and followed on a stack of plain values: a name stays a name, a call becomes a record of
what would have been called with which arguments. Nothing is imported, nothing is executed.

    pushes a name       STACK_GLOBAL           -> Name
    calls it            REDUCE, NEWOBJ         -> Call
    gives it a state    BUILD                  -> Call.state
    everything else                            -> numbers, texts, bytes, tuples, lists, dicts

Instructions and names are few and written down; one that is not refuses the whole content. What is built is at most as
large as the content, since an instruction adds one value, and values that stand twice are shared.

Belongs here: bytes to a tree. Does not: which tree makes a table (inert_frame.py).
"""

from __future__ import annotations

import lzma
import pickletools
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from migraine_platform.errors import UserError

MOST_BYTES = 2 << 20
"""Of a content, packed or unpacked; diaries of ten thousand days take half a megabyte."""

Kind = TypeVar("Kind")

_MEMORY = 64 << 20  # what unpacking may need: a small file can demand a dictionary of gigabytes
_PUSHED = {"SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "SHORT_BINBYTES", "BYTEARRAY8"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class UnreadableError(UserError):
    """Content that is not what it should be, or demands what no table needs; nothing of it was carried out."""


@dataclass(frozen=True)
class Name:
    """What a pickle would import."""

    module: str
    name: str


@dataclass(eq=False)
class Call:
    """What a pickle would call, and never is."""

    function: Name
    arguments: tuple[object, ...]
    state: object = None
    """What the made object would be given afterwards."""


def unpacked(content: bytes) -> bytes:
    """What an xz file holds.

    Raises:
        UnreadableError: if it is none, is cut off, or holds more than MOST_BYTES.
    """
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY)
    try:
        found = unpacker.decompress(content, max_length=MOST_BYTES + 1)
    except lzma.LZMAError:
        raise UnreadableError("it cannot be unpacked; expected a whole xz file that takes little memory") from None
    if len(found) > MOST_BYTES:
        raise UnreadableError(f"unpacked it is larger than {MOST_BYTES:,} bytes; expected a table of diaries")
    if not unpacker.eof or unpacker.unused_data:
        raise UnreadableError("it is cut off, or something follows it; expected one whole xz file")
    return found


def described(content: bytes, names: Collection[Name]) -> object:
    """The tree that a pickle describes: Names, Calls, and plain values.

    Texts hold no half characters. Values that the pickle shares are shared; a list may even hold itself, so that a
    reader looks only where it expects something, and does not wander.

    Args:
        names: all that it may name.

    Raises:
        UnreadableError: if it does anything else than describe with those names, or is cut off.
    """
    if len(content) > MOST_BYTES:
        raise UnreadableError(f"it is larger than {MOST_BYTES:,} bytes; expected a table of diaries")
    machine = _Machine(frozenset(names))
    at = 0
    try:
        for operation, argument, position in pickletools.genops(content):
            at = position or 0
            if operation.name == "STOP":
                return machine.result(at + 1 == len(content))
            machine.follow(operation.name, argument)
    except _NotFollowedError as error:
        raise UnreadableError(f"byte {at:,}: {error}; nothing of it was carried out") from None
    except ValueError:  # pickletools', of bytes that are no instruction or break off within one
        pass
    raise UnreadableError(f"after byte {at:,} it cannot be read; expected a whole pickle")


class _NotFollowedError(Exception):
    """An instruction that is not followed; the message says why."""


class _Machine:
    """A stack, the stacks below the open marks, and what was noted down to be used again."""

    def __init__(self, names: frozenset[Name]) -> None:
        self._names = names
        self._stack: list[object] = []
        self._below: list[list[object]] = []
        self._noted: list[object] = []

    def result(self, whole: bool) -> object:
        """What is left at the end."""
        if not whole or self._below or len(self._stack) != 1:
            raise _NotFollowedError("the end is not the end; expected one value, and nothing after it")
        return self._stack[0]

    def follow(self, operation: str, argument: object) -> None:
        """Do on the stack what an instruction says."""
        if operation in _PUSHED:
            self._push_plain(argument)
        elif operation in _CONSTANTS:
            self._stack.append(_CONSTANTS[operation])
        elif operation in _TUPLES:
            count = _TUPLES[operation]
            self._stack.append(tuple(reversed([self._pop() for _ in range(count)])))
        else:
            self._follow_other(operation, argument)

    def _follow_other(self, operation: str, argument: object) -> None:
        match operation:
            case "PROTO" | "FRAME":
                pass  # how it is cut into pieces
            case "MARK":
                self._below.append(self._stack)
                self._stack = []
            case "TUPLE":
                marked = tuple(self._pop_marked())
                self._stack.append(marked)
            case "EMPTY_LIST":
                self._stack.append([])
            case "EMPTY_DICT":
                self._stack.append({})
            case "MEMOIZE":
                self._noted.append(self._top(object))
            case "BINGET" | "LONG_BINGET":
                self._stack.append(self._note(argument))
            case "APPEND":
                item = self._pop()
                self._top(list).append(item)
            case "APPENDS":
                items = self._pop_marked()
                self._top(list).extend(items)
            case "SETITEM":
                value, key = self._pop(), self._pop()
                self._set([key, value])
            case "SETITEMS":
                self._set(self._pop_marked())
            case "STACK_GLOBAL":
                self._push_name()
            case "REDUCE" | "NEWOBJ":
                self._push_call()
            case "BUILD":
                self._give_state()
            case _:
                raise _NotFollowedError(f"the instruction {operation} is none that a table needs")

    def _push_plain(self, value: object) -> None:
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise _NotFollowedError("a text holds half a character")
        self._stack.append(value)

    def _push_name(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str) or Name(module, name) not in self._names:
            raise _NotFollowedError("it asks for a name that no table needs")
        self._stack.append(Name(module, name))

    def _push_call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Name) or type(arguments) is not tuple:
            raise _NotFollowedError("it calls what is no name")
        self._stack.append(Call(function, arguments))

    def _give_state(self) -> None:
        state = self._pop()
        call = self._top(Call)
        if call.state is not None:
            raise _NotFollowedError("a state is given twice")
        call.state = state

    def _set(self, items: list[object]) -> None:
        entries = self._top(dict)
        if len(items) % 2:
            raise _NotFollowedError("a key has no value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str) or key in entries:
                raise _NotFollowedError("a key is no text, or stands twice")
            entries[key] = value

    def _note(self, place: object) -> object:
        if not isinstance(place, int) or place >= len(self._noted):
            raise _NotFollowedError("it looks up what was not noted down")
        return self._noted[place]

    def _pop(self) -> object:
        if not self._stack:
            raise _NotFollowedError("a value is missing")
        return self._stack.pop()

    def _pop_marked(self) -> list[object]:
        if not self._below:
            raise _NotFollowedError("a mark is missing")
        marked, self._stack = self._stack, self._below.pop()
        return marked

    def _top(self, kind: type[Kind]) -> Kind:
        if not self._stack or not isinstance(value := self._stack[-1], kind):
            raise _NotFollowedError("the value that an instruction works on is missing, or of another kind")
        return value
