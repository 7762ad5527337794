"""A service as a program of your own: `python service/main.py`; `sgx service run` is the same."""

from schedulergodx.cli import main

if __name__ == "__main__":
    main(["service", "run"])
