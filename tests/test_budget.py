"""What a job costs in operations stays within the recorded budget."""

from __future__ import annotations

from benchmarks.check import WORKLOADS, count, excesses, read_budget


def test_no_job_costs_more_operations_than_its_budget() -> None:
    assert excesses(count(), read_budget()) == []


def test_the_budget_names_every_workload() -> None:
    assert read_budget().keys() == WORKLOADS.keys()


def test_a_cost_above_its_budget_and_one_without_are_found() -> None:
    costs = {"map": {"statements": 0.5, "commits": 0.1, "forks": 1.0}}
    budget = {"map": {"statements": 0.4, "commits": 0.1}}
    assert excesses(costs, budget) == [
        "map: 0.5 statements a job, and 0.4 are allowed",
        "map: forks has no budget: record one",
    ]
