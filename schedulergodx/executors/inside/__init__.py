"""What runs inside of a worker process, and nowhere else."""
