"""`python -m heavylift`: the command line."""

import sys

from heavylift.cli.main import main

sys.exit(main())
