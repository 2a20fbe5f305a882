import pytest

from blobtransfer.specs.checks import escape_control_characters, join, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("+12", 12),
        ("-3", -3),
        ("9" * 400, int("9" * 400)),
        ("9" * 401, None),
        ("1.0", None),
        ("1_000", None),
        ("٣", None),  # a digit to Python, not to people who write 3
        (" 3", None),
        ("", None),
    ],
)
def test_a_whole_number_is_read_in_plain_digits_alone(text, number):
    assert read_number(text, int) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.25", 0.25),
        (".5", 0.5),
        ("1e-2", 0.01),
        ("2E3", 2000.0),
        ("5.", 5.0),
        ("1e999", None),  # more than a float can hold
        ("nan", None),
        ("inf", None),
        ("0x10", None),
        ("1,5", None),
    ],
)
def test_a_real_number_is_read_where_it_is_finite(text, number):
    assert read_number(text) == number


def test_what_a_terminal_would_act_on_is_written_out():
    assert escape_control_characters("a\n\x1b[31mü\u202e") == "a\\n\\x1b[31mü\\u202e"


def test_several_values_are_written_as_they_are_typed():
    assert join((5, 5)) == "5 5"
    assert join(()) == ""
