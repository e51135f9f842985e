"""`python -m crawlers.launch DESCRIPTOR PARENT`: the nursery of a launch; nothing to be started by hand."""

import sys

from crawlers.launch.child import prepare
from crawlers.launch.nursery import serve

if __name__ == "__main__":
    sys.exit(serve(int(sys.argv[1]), int(sys.argv[2]), prepare))
