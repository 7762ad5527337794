"""Jobs on a file: no broker, no server. Yours would have `sgx worker --db jobs.db` beside it."""

import tempfile
import threading

from schedulergodx import Job, JobQueue, JobStatus, Worker


def resize(picture: str, width: int) -> str:
    if width < 1:
        raise ValueError(f"{picture} can't be {width} px wide")
    return f"{picture} at {width} px"


def main(path: str) -> None:
    with JobQueue(path) as queue:
        for width in (100, 400, 0):
            name = f"cat, {width} px"
            queue.submit(Job(name, resize, {"picture": "cat.jpg", "width": width}, max_attempts=1))
        print("waiting:", queue.stats()["pending"])

        with Worker(path, "one by one") as worker:
            while worker.process_one():
                print("processed one")

        for job in queue.list_jobs(JobStatus.COMPLETED):
            print(f"{job['name']}: {queue.get_result(job['id'])}, by {job['worker_id']}")
        [failed] = queue.list_jobs("failed")
        print("failed:", queue.get_status(failed["id"])["error"])

        worker = Worker(path, concurrency=2)
        running = threading.Thread(target=worker.start)
        running.start()
        again = Job("cat, 200 px", resize, {"picture": "cat.jpg", "width": 200})
        queue.submit(again)
        print("now:", again.result(timeout=30))
        worker.stop()
        running.join()
        print("cleared:", queue.clear_completed())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(f"{folder}/jobs.db")
