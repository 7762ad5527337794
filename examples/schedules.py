"""Schedules: rules that make jobs, kept by the service; looked at, run, changed, and ended."""

import time
from typing import Any

from schedulergodx import Client
from schedulergodx.args import Session

client = Client("schedules")


@client.task
def measure(place: str) -> str:
    return f"it is warm in the {place}"


@client.task
def stop_all(session: Any = Session()) -> str:
    for schedule in session:
        schedule.pause()
    return f"paused {len(session)} schedules"


if __name__ == "__main__":
    often = measure.schedule("every 0.5 seconds", args=("kitchen",))
    daily = measure.schedule("daily at 08:00", name="daily", zone="Europe/Berlin", args=("cellar",))

    print("the next two mornings:", *(f"{at:%H:%M}" for at in daily.next(2)))
    print(daily.run("attic").result(timeout=30))  # by hand, with other arguments

    then = stop_all.schedule("after task 'measure'", start="next", max_runs=1)
    while not any(fire.status == "completed" for fire in then.history()):
        time.sleep(0.1)
    print(f"{often.name} is {often.view().state}: it fired {often.view().fires > 0}")

    print(f"version {daily.update('weekly on Mon 08:00')} of {daily.name}")
    for change in daily.changes():
        print(f"  {change.who}: {change.what}")
    for schedule in client.session:
        schedule.delete()
    print(f"{len(client.session)} schedules are left")
    client.close()
