"""A task, launched at once and later; its value and its exception."""

from datetime import timedelta

from schedulergodx import Client

client = Client("quickstart")
RATES = {"EUR": 1.0, "USD": 1.1}  # a global: it travels with the function that uses it


@client.task
def convert(amount: float, currency: str) -> float:
    return round(amount * rate_of(currency), 2)


def rate_of(currency: str) -> float:
    return RATES[currency]


if __name__ == "__main__":
    job = convert.launch(20, currency="USD")
    print(f"20 EUR are {job.result(timeout=30)} USD")

    later = convert.options(delay=timedelta(seconds=1)).launch(5, "USD")
    print(f"job {later.id} is {later.status()}")
    print(f"5 EUR are {later.result(timeout=30)} USD")

    try:
        convert.launch(1, "GBP").result(timeout=30)
    except KeyError as error:
        print(f"there is no rate of {error}; over there:")
        print(error.__cause__)
    client.close()
