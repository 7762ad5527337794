"""A service as a program of your own. Ctrl+C lets the jobs that run end, then ends it."""

import logging

from schedulergodx import Service

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    Service(workers=2).start()
