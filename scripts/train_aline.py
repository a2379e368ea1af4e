"""The same as `migraine train`, under the specification's name for it."""

import sys

from migraine_platform.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
