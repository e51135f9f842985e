"""`python -m crawlers.demo`."""

import sys

from crawlers.demo.cli import main

sys.exit(main())
