"""`python -m schedulergodx` is `sgx`."""

from schedulergodx.cli import main

main()
