"""Functions by their names: a client that has no code, and a service that allows a module.

Both are in this one program; the service has a queue of its own. Yours would be started with
`sgx service run --imports YOUR_MODULE`.
"""

import tempfile
import threading

from schedulergodx import Client, Service
from schedulergodx.errors import NotAllowed, ShipError, UnknownFunction

QUEUE = "by-name"


def main(folder: str) -> None:
    service = Service("by-name", queues=[QUEUE], db=f"sqlite:///{folder}/jobs.db", imports=["math"])
    running = threading.Thread(target=service.start)
    running.start()
    service.wait_ready(30)
    with Client("by-name", queue=QUEUE) as client:
        print("the root of 2 is", client.execute("math.sqrt", [2]).result(timeout=30))

        hypot = client.function("math.hypot", max_attempts=3)
        jobs = hypot.starmap([(3, 4), (5, 12)])
        print("hypotenuses:", [job.result(timeout=30) for job in jobs])

        for name in ("sqrt", "os.system"):
            try:
                client.execute(name, ["true"]).result(timeout=30)
            except (UnknownFunction, NotAllowed) as error:
                print(f"{type(error).__name__}: {error}")
        try:
            client.execute("math.sqrt", [{1, 2}])
        except ShipError as error:
            print(f"not sent: {error}")
        print(service.get_status(simple=False)["totals"])
    service.stop()
    running.join()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(folder)
