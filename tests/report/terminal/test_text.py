"""Lines and tables for a terminal: what rich must not do to them."""

from __future__ import annotations

from pytest_lic.report.terminal.text import folded, grid, terminal_text


def test_brackets_in_a_line_are_no_markup_and_blanks_at_its_end_go() -> None:
    assert terminal_text(["[bold]a[/] ", "", "b"], 80) == "[bold]a[/]\n\nb\n"


def test_a_long_line_is_cut_into_several_unless_the_terminal_does_that() -> None:
    line = "word " * 10 + "end"
    assert terminal_text([line], 20).count("\n") > 1
    assert terminal_text([line], 20, soft_wrap=True) == f"{line}\n"


def test_numbers_are_flush_right() -> None:
    table = grid(("name", "value"), (1,))
    table.add_row("a", "1")
    table.add_row("longer", "22")
    assert terminal_text([table], 80) == "name    value\na           1\nlonger     22\n"


def test_colours_are_for_terminals_alone() -> None:
    table = grid(("name",), ())
    table.add_row("[red]a[/]")
    assert "\x1b[31ma" in terminal_text([table], 80, color=True)
    assert terminal_text([table], 80) == "name\na\n"


def test_columns_that_do_not_fit_go_below_with_the_first_again() -> None:
    columns = ("name", "one", "two", "three", "verdict")
    rows = [("a", "1", "22", "3.5", "[red]worse[/]"), ("b", "", "2", "3", "same")]
    (whole,) = folded(columns, rows, 80, title="of toy")
    assert terminal_text([whole], 80) == (
        "of toy\n"
        "name  one  two  three  verdict\n"
        "a       1   22    3.5  worse\n"
        "b            2      3  same\n"
    )
    parts = list(folded(columns, rows, 20, title="of toy"))
    assert terminal_text(parts, 20) == (
        "of toy\nname  one  two\na       1   22\nb            2\n"
        "name  three  verdict\na       3.5  worse\nb         3  same\n"
    )


def test_a_column_that_never_fits_has_a_table_of_its_own() -> None:
    tables = list(folded(("name", "a long heading", "b"), [("x", "1", "2")], 8, title=None))
    assert [len(table.columns) for table in tables] == [2, 2]
