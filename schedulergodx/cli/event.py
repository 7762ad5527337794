"""What happens to a job, on paper."""

from __future__ import annotations

from schedulergodx.core.follow import Output, StatusChange
from schedulergodx.core.view import Progress


def output_text(output: Output) -> str:
    """What was printed, with a word on what is missing before it."""
    gap = f"\n... {output.left_out} bytes left out ...\n" if output.left_out else ""
    return gap + output.text


def event_words(event: Progress | StatusChange) -> str:
    """One line."""
    if isinstance(event, Progress):
        share = "" if event.fraction is None else f"{event.fraction:.0%}"
        amount = "" if event.done is None else f"{event.done:g}"
        of = "" if event.total is None else f" of {event.total:g}"
        return " ".join(word for word in (share, f"{amount}{of}", event.note) if word)
    attempt = f", attempt {event.attempt}" if event.attempt > 1 else ""
    text = event.text.strip().partition("\n")[0]
    return f"{event.status.value}{attempt}{f': {text}' if text else ''}"
