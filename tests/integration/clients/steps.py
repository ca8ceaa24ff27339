"""What the Python programs of the client matrix share: the steps' order, the words of clients_test.py, the statements.

A program prints "ok STEP" for each step that worked, "lacks STEP: why" for what its client does not have, and ends at the
first "FAILED STEP: reason" with status 1.
"""

import sys
import time

UNICODE = "žluťoučký kůň, 漢字, العربية, 🐘"
BYTES = bytes(range(256)) * 40
LINES = "".join(f"{number}\tline {number}\n" for number in range(1000, 2000))

COUNT = "/* pgweir: primary */ SELECT count(*) FROM matrix"  # a replica may be a moment behind
COPY_IN = "COPY matrix (id, note) FROM STDIN"
COPY_OUT = "COPY (SELECT n, 'line ' || n FROM generate_series(1000, 1999) n) TO STDOUT"
SLEEP = "/* pgweir: primary */ SELECT pg_sleep(60)"
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '% pg_sleep(60)'"
NOTICE = "DO $$ BEGIN RAISE NOTICE 'a notice: %', 6 * 7; END $$"
LARGE = "SELECT n, repeat('x', 1000) FROM generate_series(1, 10000) n"


def equal(seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{seen!r:.300} instead of {wanted!r:.300}")


def until(condition, what, seconds=30):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def lacks(step, why):
    print(f"lacks {step}: {why}", flush=True)


def failed(step, error):
    reason = f"{type(error).__name__} {error}".replace("\n", " ")
    sys.exit(print(f"FAILED {step}: {reason:.600}", flush=True) or 1)


def run(*steps):
    """Each step is a function; its name is the step's."""
    for step in steps:
        try:
            step()
        except Exception as error:  # whatever the client raises
            failed(step.__name__, error)
        print(f"ok {step.__name__}", flush=True)


async def run_async(*steps):
    for step in steps:
        try:
            await step()
        except Exception as error:
            failed(step.__name__, error)
        print(f"ok {step.__name__}", flush=True)
