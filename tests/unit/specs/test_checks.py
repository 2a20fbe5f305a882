import pytest

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import escape_control_characters, join, parse_number, read_number


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


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("1,000", int, 1000),
        ("1_000", int, 1000),
        ("1e3", int, 1000),
        ("1.5e3", int, 1500),
        (" +5", int, 5),
        ("1,000,000.5", float, 1_000_000.5),
        ("2E-3", float, 0.002),
        (".5", float, 0.5),
        ("-0", float, 0.0),
    ],
)
def test_a_number_is_accepted_as_people_write_it(text, kind, number):
    parsed = parse_number("setting", text, kind)
    assert (parsed, type(parsed)) == (number, kind)


@pytest.mark.parametrize(
    ("text", "share"),
    [("0.05", 0.05), ("5%", 0.05), ("5 %", 0.05), ("1pt", 0.01), ("0.7 pts", 0.007), ("1e1%", 0.1)],
)
def test_a_share_is_accepted_in_points(text, share):
    assert parse_number("setting", text, is_share=True) == share


@pytest.mark.parametrize(
    ("text", "kind", "is_share", "problem"),
    [
        ("0,01", float, False, "use a decimal point: 0.01"),
        ("1,5", float, False, "use a decimal point: 1.5"),
        ("0,001", float, False, "use a decimal point: 0.001"),
        ("1.234,5", float, False, "use a decimal point: 1234.5"),
        ("2,5 %", float, True, "use a decimal point: 2.5 %"),
        ("1,5", int, False, "use one whole number"),
        ("1.0", int, False, "use a whole number"),
        ("1e-3", int, False, "use a whole number"),
        ("1__0", int, False, "use a whole number"),
        ("10%", int, False, "use a whole number without %"),
        ("5%", float, False, "use a number without %"),
        ("%", float, True, "use a share such as 0.05, or 5%"),
        ("1e999", float, False, "use a finite number"),
        ("1e999999999", int, False, "use a whole number"),  # 1 GB of digits
        ("nan", float, False, "use a finite number"),
        ("٣", int, False, "use a whole number"),
        ("", int, False, "use a whole number"),
    ],
)
def test_what_is_not_a_number_is_rejected_with_advice(text, kind, is_share, problem):
    with pytest.raises(SettingError) as caught:
        parse_number("setting", text, kind, is_share=is_share)
    assert (caught.value.setting, caught.value.value) == ("setting", text)
    assert caught.value.problem == problem


def test_what_a_terminal_would_act_on_is_written_out():
    assert escape_control_characters("a\n\x1b[31mü\u202e") == "a\\n\\x1b[31mü\\u202e"


def test_several_values_are_written_as_they_are_typed():
    assert join((5, 5)) == "5 5"
    assert join(()) == ""
