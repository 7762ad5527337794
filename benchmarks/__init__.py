"""How fast this is, and what it costs: the product, a bare prototype as the yardstick, the peers.

`python -m benchmarks` measures; docs/performance.md says how, and what came out.
"""
