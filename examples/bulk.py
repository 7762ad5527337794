"""Thousands of jobs at once: they share envelopes, and one wait for the broker."""

import time

from schedulergodx import Client

client = Client("bulk")


@client.task
def count_primes(start: int, stop: int) -> int:
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(max(start, 2), stop))


@client.task
def square(number: int) -> int:
    return number * number


if __name__ == "__main__":
    begin = time.perf_counter()
    jobs = square.map(range(2000))
    print(f"launched {len(jobs)} jobs in {time.perf_counter() - begin:.2f} s")
    print(f"the sum of their squares is {sum(job.result(timeout=60) for job in jobs)}")

    ranges = [(start, start + 500) for start in range(0, 10_000, 500)]
    primes = sum(job.result(timeout=60) for job in count_primes.starmap(ranges))
    print(f"there are {primes} primes below 10000")

    with client.pipeline():  # different tasks, launched without waiting one by one
        mixed = [square.launch(3), count_primes.launch(0, 10), square.launch(4)]
    print(f"mixed: {[job.result(timeout=30) for job in mixed]}")
    client.close()
