"""Steps that take what others return, one of them for each item of a list that is not known yet."""

from schedulergodx import Client, Job, Workflow, values

client = Client("workflow")


@client.task
def words(text: str) -> list[str]:
    return text.split()


@client.task
def measure(word: str) -> int:
    return len(word)


@client.task
def longest(lengths: list[int]) -> int:
    return max(lengths)


@client.task
def compare(numbers: list[int]) -> str:
    return f"the longest words have {' and '.join(map(str, numbers))} letters"


if __name__ == "__main__":
    texts = ["the quick brown fox", "jumps over the lazy aardvark"]
    branches = [measure.step_for_each(words.step(text).value).then(longest) for text in texts]
    end = compare.step(values(branches))
    flow = Workflow("longest words")
    flow.add(end)
    print(f"submitted {len(flow.submit_all(client))} jobs")
    print(end.result(timeout=60))

    report = Job("report", lambda parent_results: sorted(parent_results.values()))
    print("asked for:", client.submit(report.after(*branches)))
    print("by hand:", report.result(timeout=60))
    print("its name:", client.get_status(report)["name"])
    client.close()
