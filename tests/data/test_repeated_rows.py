from localft.data.repeated_rows import RowIndex


def index_of(rows):
    index = RowIndex()
    for line, row in enumerate(rows, start=1):
        index.add(row, line)
    return index


def test_repeated_rows_are_counted_and_the_first_is_named():
    found = index_of([b"a", b"b", b"c", b"b", b"a", b"b"]).repeated()
    assert (found.rows, found.line, found.repeats) == (3, 4, 2)


def test_different_rows_do_not_repeat():
    assert index_of([b"a", b"b"]).repeated().rows == 0
    assert index_of([]).repeated().rows == 0


def test_rows_shared_by_two_files_are_counted_and_the_first_is_named():
    training, validation = index_of([b"a", b"b", b"b"]), index_of([b"x", b"b", b"a", b"b"])
    found = validation.shared_with(training)
    assert (found.rows, found.line, found.repeats) == (3, 2, 2)


def test_rows_on_disk_are_compared_as_those_in_memory():
    count = 600_000
    index = index_of(b"%d" % (i % (count - 5)) for i in range(count))
    assert any(index._spilled), "the test is about rows that no longer fit the buffers"
    found = index.repeated()
    assert (found.rows, found.line, found.repeats) == (5, count - 4, 1)
