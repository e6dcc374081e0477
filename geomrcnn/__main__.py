"""`python -m geomrcnn` is the command `geomrcnn`."""

import sys

from geomrcnn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
