"""A job that waits is kept by the service: it can be looked at, moved and called off."""

from schedulergodx import Client

client = Client("changing-plans")


@client.task
def remind(text: str) -> str:
    return f"do not forget: {text}"


if __name__ == "__main__":
    birthday = remind.options(delay="90 d").launch("flowers")
    print(f"in 90 days: {birthday.status()}")

    birthday.change(delay="1 s", priority=10)
    print(birthday.result(timeout=30))

    party = remind.options(delay="30 d").launch("balloons")
    print(f"cancel() said: {party.cancel()}; the job is {party.status()}")
    print(f"and again: {party.cancel()}")
    client.close()
