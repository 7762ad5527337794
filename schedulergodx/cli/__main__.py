"""`python -m schedulergodx.cli` is `sgx`."""

from schedulergodx.cli import main

main()
