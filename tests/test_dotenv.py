"""Files of variables are read as people write them, and a line that is none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedulergodx.dotenv import read_env_file
from schedulergodx.errors import ConfigError


def read(tmp_path: Path, text: str, prefix: str = "") -> dict[str, str]:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    return read_env_file(path, prefix)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("A = 1 ", "1"),
        ("  export A=1", "1"),
        ("A=", ""),
        ("A=b=c==", "b=c=="),
        ("A=amqp://me:p%40ss@host/?a=b", "amqp://me:p%40ss@host/?a=b"),
        ("A=1 # one", "1"),
        ("A=a#b", "a#b"),
        ("A=#b", "#b"),
        ("A= # nothing", ""),
        ("A='a # b'", "a # b"),
        ("A='a\\nb'", "a\\nb"),
        ('A="a # b" # c', "a # b"),
        ('A="a\\nb\\t\\"c\\" \\\\ \\$"', 'a\nb\t"c" \\ $'),
        ('A="first\nsecond"', "first\nsecond"),
        ("A='first\nsecond'", "first\nsecond"),
        ('A=""', ""),
        ("A=it's", "it's"),
        ("A=${B}", "${B}"),
        ("A=grüße", "grüße"),
        ("\ufeffA=1", "1"),
        ("# A=0\n\n   \nA=1\r\nB=2", "1"),
        ("A=0\nA=1", "1"),
    ],
)
def test_a_value_is_read_as_it_is_meant(tmp_path: Path, line: str, value: str) -> None:
    """D2: a file of variables, with blanks, comments, quotes and `=` in values."""
    assert read(tmp_path, line)["A"] == value


@pytest.mark.parametrize(
    "line", ["just words", "A", "=1", "1A=2", "A-B=1", 'A="open', "A='open", 'A="a" b']
)
def test_a_line_that_is_no_assignment_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"\.env can't be read: line 3 is not NAME=value"):
        read(tmp_path, f"# comment\nB=1\n{line}\nC=2\n")


def test_lines_of_other_programs_are_passed_over(tmp_path: Path) -> None:
    text = "if [ -f x ]; then\nOUR_A=1\n  OTHER=2\nfi\nOUR_B=2\n"
    assert read(tmp_path, text, "OUR_") == {"OUR_A": "1", "OUR_B": "2"}
    with pytest.raises(ConfigError, match="line 1"):
        read(tmp_path, "OUR_A 1\n", "OUR_")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    with pytest.raises(ConfigError, match=r"\.env can't be read"):
        read_env_file(tmp_path / ".env")
