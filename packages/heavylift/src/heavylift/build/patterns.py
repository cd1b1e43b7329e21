"""The table of regular expressions that a code package holds compiled (`heavylift.runtime.patterns`).

Which ones, a recorded start tells; the target's own Python compiles them. A pattern that holds the value of a variable, or a path
of this machine, belongs to neither the recording, which others read, nor a start elsewhere.
"""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.build.clean import run_clean
from heavylift.runtime.patterns import TABLE_NAME, patterns_of

if TYPE_CHECKING:
    from heavylift.runtime.patterns import Source

SECONDS = 120

# Of a process that records a start: note what is compiled from here on, and tell what a table may hold of it.
NOTE = """
from heavylift.runtime import patterns
compiled, compile = [], patterns.compiler.compile
patterns.read_table = lambda code: {}  # what comes out of a table is not compiled

def noting(pattern, flags=0):
    made = compile(pattern, flags)
    compiled.append((pattern, flags))
    return made

def spoken(pattern):
    import re
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    values = [value for value in (*os.environ.values(), code, sys.base_prefix) if len(value) >= 8]
    return not any(value in text or re.escape(value) in text for value in values)

def compiled_patterns():
    patterns.compiler.compile = compile
    plain = [each for each in compiled if type(each[0]) in (str, bytes) and type(each[1]) is int]
    return [
        f"{flags} {pattern!a}"
        for pattern, flags in dict.fromkeys(plain)
        if spoken(pattern) and patterns.compile_pattern(pattern, flags)
    ]

patterns.compiler.compile = noting
"""

_COMPILE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ast import literal_eval
from heavylift.runtime.patterns import dump_table
words = (word.partition(" ") for word in json.load(sys.stdin))
print(dump_table((literal_eval(pattern), int(flags)) for flags, _, pattern in words).hex())
"""


def write_pattern(source: Source) -> str:
    """Return a pattern as a recording names it: its flags, and its literal in ASCII."""
    pattern, flags = source
    return f"{flags} {pattern!a}"


def parse_pattern(word: str) -> Source:
    """Return the pattern that a recording names.

    Raises:
        ValueError: it is none.
    """
    flags, _, literal = word.partition(" ")
    try:
        pattern = ast.literal_eval(literal)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        pattern = None
    if not isinstance(pattern, (str, bytes)) or not flags.isdecimal():
        raise ValueError(f"{word!r:.60} is not the flags and the literal of a pattern")
    return pattern, int(flags)


def patterns_table(patterns: Collection[Source], code: Path, interpreter: Path | None) -> bytes | None:
    """Return the table of a code package; None where it can have none.

    Args:
        patterns: as `re.compile` was given them.
        code: the code package. The table that it has stays, if it holds the same.
        interpreter: a Python of the target's version; None where there is none.
    """
    if not patterns or interpreter is None:
        return None
    with suppress(FileNotFoundError, ValueError):
        table = (code / TABLE_NAME).read_bytes()
        if patterns_of(table) == set(patterns):
            return table
    words = json.dumps([write_pattern(each) for each in patterns])
    try:
        done = run_clean(interpreter, _COMPILE, [str(code.resolve())], read=words, seconds=SECONDS)
        done.check_returncode()
        return bytes.fromhex(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None  # a start without is slower, and no more
