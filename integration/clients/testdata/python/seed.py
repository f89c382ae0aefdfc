"""What the programs of the Python clients share: PROGRAM CASE SEED TOPIC NAME."""
import sys

RECORDS = 5
DEADLINE = 30  # seconds


def main(module):
    case, seed, topic, name = sys.argv[1:]
    getattr(module, case)(seed, topic, name)
    print("ok")
