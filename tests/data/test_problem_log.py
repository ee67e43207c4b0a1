import pickle

import pytest

from localft.data.problem_log import ProblemLog
from localft.data.problems import Problem


def problems(count):
    return [Problem(i + 1, f"messages[{i}]", "wrong_type", f"é \n {i} " + "x" * 100) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_a_log_is_the_sequence_of_what_was_appended(count):
    expected = problems(count)
    log = ProblemLog(expected)
    assert len(log) == count
    assert list(log) == expected
    assert log == expected
    assert bool(log) == bool(count)


def test_a_log_can_grow_while_it_is_read():
    log = ProblemLog(problems(3))
    reading = iter(log)
    assert next(reading).line == 1
    log.append(Problem(9, None, "too_deep", "late"))
    assert [problem.line for problem in reading][:2] == [2, 3]
    assert log[-1].line == 9


def test_two_readers_do_not_disturb_each_other():
    log = ProblemLog(problems(3000))
    assert all(one == other for one, other in zip(log, log, strict=True))


def test_entries_are_found_by_index_and_slice():
    expected = problems(10)
    log = ProblemLog(expected)
    assert (log[0], log[-1], log[2:4]) == (expected[0], expected[-1], expected[2:4])
    with pytest.raises(IndexError):
        log[10]


def test_a_log_survives_pickling():
    log = ProblemLog(problems(5))
    assert pickle.loads(pickle.dumps(log)) == log


def test_logs_of_other_problems_differ():
    assert ProblemLog(problems(2)) != ProblemLog(problems(3))
    assert ProblemLog(problems(2)) != "no sequence of problems"
