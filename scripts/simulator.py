"""The same as `migraine simulate`, under the specification's name for it."""

import sys

from migraine_platform.cli import main

if __name__ == "__main__":
    main(["simulate", *sys.argv[1:]])
