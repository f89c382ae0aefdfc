"""What the administering programs of the Python clients share: PROGRAM SEED PREFIX.

Each step prints its name and the code of Kafka's error, 0 for success.
"""
import sys


class Steps:
    """Runs steps; code gives the code of a library's exception."""

    def __init__(self, code):
        self.code = code

    def do(self, name, action):
        try:
            action()
            outcome = 0
        except AssertionError as wrong:
            outcome = f"unexpected: {wrong}"
        except Exception as error:
            outcome = self.code(error)
            if outcome is None:
                outcome = f"{type(error).__name__}: {error}"
        print(name, outcome, sep="\t", flush=True)


def equal(got, want):
    assert got == want, f"{got!r}, want {want!r}"


def until(look):
    """Brokers learn of a change a moment after its answer."""
    import time
    for _ in range(100):
        try:
            if look():
                return
        except Exception as error:
            last = error
        else:
            last = "not seen"
        time.sleep(0.1)
    raise AssertionError(last)


def main(administer):
    administer(*sys.argv[1:])
