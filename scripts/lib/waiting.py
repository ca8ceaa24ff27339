"""Waiting for conditions: nothing here sleeps for a guessed time and hopes."""

import time


class Timeout(Exception):
    """A condition did not come true in time."""


def wait_until(condition, what, timeout=30.0, interval=0.02):
    """Polls `condition` until it returns something true, and returns that. `what` names it in the error."""
    deadline = time.monotonic() + timeout
    last_error = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last_error = None
        except Timeout:
            raise
        except Exception as error:  # a server that is not up yet answers with an error
            last_error = error
        if time.monotonic() >= deadline:
            suffix = f" (last error: {last_error})" if last_error else ""
            raise Timeout(f"not within {timeout:g} s: {what}{suffix}")
        time.sleep(interval)
