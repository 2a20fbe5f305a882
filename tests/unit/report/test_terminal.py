"""Tables on terminals of every width: never a number cut; and the small box plot."""

import io
import re
from dataclasses import replace

import pytest
from helpers.engines import PlannedEngine
from helpers.running import compare
from helpers.specs import VARIANTS, spec_of, varied
from helpers.texts import says_in_order

from blobtransfer.report.kinds import VIEWS
from blobtransfer.report.render.terminal import box_plot, new_console, print_tables, to_text


@pytest.fixture(scope="module")
def results():
    spec = spec_of(8, questions=("one", "fresh"), variants=VARIANTS, speed=True)
    return compare(spec, None, PlannedEngine(varied))


@pytest.fixture(scope="module")
def nested():
    spec = spec_of(8, questions=("one", "fresh"), nested=(4, 2))
    return compare(spec, None, PlannedEngine(lambda key, *_: key % 100 / 100))


@pytest.fixture
def on_terminal(monkeypatch):
    """Print tables on a terminal of some width."""

    def show(tables, width, encoding="utf-8"):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        print_tables(tables, new_console(file))
        file.flush()
        return file.buffer.getvalue().decode(encoding)

    return show


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140, 300])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_narrow_terminal_drops_columns_and_cuts_no_number(results, on_terminal, width, encoding):
    tables = list(VIEWS["compare"].tables(results))
    text = on_terminal(tables, width, encoding)
    number = re.compile(r"(?<![\d.])[+-]?\d+\.\d+(?![\d.])")
    ends = [end for one in results.cell.summary for end in (one.min, one.max)]
    ends.append(results.cell.measured.ceiling)
    whole = to_text(tables) + " ".join(f"{100 * end:.1f}" for end in ends)
    if width >= 40:  # below, long notes break
        assert set(number.findall(text)) <= set(number.findall(whole))
    if width >= 80:
        assert all(len(line) <= width for line in text.splitlines())
    for summary in results.cell.summary:
        assert summary.label in text or width < 40


@pytest.mark.parametrize("width", [60, 80, 160])
def test_a_table_that_is_too_wide_continues_below_with_its_keys(nested, on_terminal, width):
    table, *_ = VIEWS["compare"].tables(nested)
    bare = replace(table, title="", notes=(), sentence=None, summaries=())
    text = "\n" + on_terminal([bare], width)
    for head in table.columns[1:]:
        assert len(re.findall(rf"  {re.escape(head)}(?=  |\n)", text)) == 1
    labels = [row[0] for row in table.rows]
    n_parts = text.count("\nvariant ")
    assert (n_parts == 1) == (width == 160)
    assert all(text.count(f"\n{label} ") == n_parts for label in labels)


def test_a_table_that_fits_in_no_parts_is_printed_row_by_row(nested, on_terminal):
    table, *_ = VIEWS["compare"].tables(nested)
    text = on_terminal([table], 20)
    lines = [f"mean: {row[1]}" for row in table.rows]
    assert says_in_order(" ".join(text.split()), "variant: standalone", *lines)


def test_a_terminal_wide_enough_shows_every_cell(nested, on_terminal):
    table, *_ = list(VIEWS["compare"].tables(nested))
    text = on_terminal([table], 200)
    for row in (table.columns, *table.rows):
        assert all(cell in text for cell in row)
    assert table.sentence in text
    assert all(note in text for note in table.notes)


def test_the_terminal_shows_a_small_box_plot_and_a_pipe_does_not(nested, on_terminal):
    tables = list(VIEWS["compare"].tables(nested))
    assert "lowest, quartiles, median, highest" in on_terminal(tables, 100)
    assert "├─█╋█─┤" in on_terminal(tables, 100)
    assert "|-=#=-|" in on_terminal(tables, 100, "ascii")
    assert "lowest, quartiles" not in to_text(tables)


# ---------------------------------------------------------------- the box plot


@pytest.fixture(scope="module")
def summaries():
    results = compare(spec_of(5, fixed=(0,)), None, PlannedEngine(lambda *_: 0.5, 5))
    a, b = results.cell.summary
    return [
        replace(a, min=0.0, q1=0.2, median=0.3, q3=0.4, max=0.9),
        replace(b, min=0.5, q1=0.6, median=0.7, q3=0.7, max=0.7),
    ]


def without_runs(summary):
    return replace(summary, min=None, q1=None, median=None, q3=None, max=None)


def test_the_boxes_stand_at_their_places_under_one_scale(summaries):
    # 47 letters less 17 of labels less 1: 29 columns over 0 to 0.9, so 28 / 0.9 = 31.1 a unit.
    # standalone: 0, 6, 9, 12, 28; transfer: 16, 19, 22, 22, 22; ceiling 0.8 at 25.
    assert box_plot(summaries, 0.8, 47, "ascii") == [
        "standalone       |-----===#===---------------|",
        "transfer fixed=0                 |--===#  :",
        "                 0.0 %                  90.0 %",
        "|-=#=-| lowest, quartiles, median, highest; : best possible",
    ]


def test_without_a_ceiling_the_plot_has_none(summaries):
    assert box_plot(summaries, None, 47, "ascii") == [
        "standalone       |-----===#===---------------|",
        "transfer fixed=0                 |--===#",
        "                 0.0 %                  90.0 %",
        "|-=#=-| lowest, quartiles, median, highest",
    ]


@pytest.mark.parametrize(
    ("encoding", "box"),
    [("utf-8", "█"), ("ascii", "="), ("latin-1", "="), ("cp437", "="), ("none such", "=")],
)
def test_letters_fall_back_to_ascii_where_the_terminal_lacks_one(summaries, encoding, box):
    lines = box_plot(summaries, 0.8, 60, encoding)
    assert box in lines[0]
    if encoding != "none such":
        "\n".join(lines).encode(encoding)


@pytest.mark.parametrize("width", [20, 28, 29, 60, 200])
def test_no_line_of_the_plot_is_wider_than_the_terminal(summaries, width):
    lines = box_plot(summaries, 0.8, width, "utf-8")
    assert all(len(line) <= width for line in lines[:-1])
    assert bool(lines) == (width >= 30)


def test_a_variant_without_a_run_has_an_empty_row_and_equal_runs_have_a_point(summaries):
    point = replace(summaries[1], min=0.5, q1=0.5, median=0.5, q3=0.5, max=0.5)
    lines = box_plot([without_runs(summaries[0]), point], 0.5, 40, "ascii")
    assert lines[0].split() == ["standalone", ":"]
    assert lines[1].split() == ["transfer", "fixed=0", "#"]


def test_nothing_to_draw_gives_no_lines(summaries):
    assert box_plot([without_runs(summaries[0])], 0.5, 60, "utf-8") == []
    assert box_plot([], 0.5, 60, "utf-8") == []
