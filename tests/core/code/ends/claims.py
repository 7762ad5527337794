"""Runs the claims of a project, functions that take a `Remote`, and prints how each ended."""

import importlib
import json
import sys
import traceback

from remote import Remote


def outcomes(names):
    """None for a claim that holds, else why not, by "module.claim"."""
    remote = Remote()
    for name in names:
        module = importlib.import_module(name)
        for claim in list(vars(module).values()):
            if getattr(claim, "is_claim", False):
                try:
                    claim(remote)
                    yield f"{name}.{claim.__name__}", None
                except BaseException:
                    yield f"{name}.{claim.__name__}", traceback.format_exc()
    remote.close()


if __name__ == "__main__":
    print(json.dumps(dict(outcomes(sys.argv[1:]))))
