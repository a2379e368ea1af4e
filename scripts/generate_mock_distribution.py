"""The same as `migraine mock`, under the specification's name for it."""

import sys

from migraine_platform.cli import main

if __name__ == "__main__":
    main(["mock", *sys.argv[1:]])
