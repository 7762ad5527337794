"""Other queues as contestants, one file each. None is a dependency: who is installed takes part.

Each file is also what that queue's workers import. Settings are the ones that its documents
recommend for speed at the same durability, and where that differs much, its defaults as well.
"""
