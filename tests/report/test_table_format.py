from espalier.report.table_format import plain_table


def test_columns_line_up() -> None:
    assert plain_table([["a", "bb"], ["ccc", "d"]]) == "a    bb\nccc  d"
