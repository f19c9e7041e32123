"""What a unit's log tells."""

from __future__ import annotations

import pytest

from generator.node.causes import read_cause


@pytest.mark.parametrize(
    ("unit", "line"),
    [
        ("patroni", "2026-11-23 04:36:{second},447 INFO: waiting for leader to bootstrap"),
        ("consul", '2026-11-23T04:14:{second}.247Z [ERROR] agent: error="No cluster leader"'),
    ],
)
def test_a_line_that_is_logged_again_is_no_news(unit: str, line: str) -> None:
    """A waiting stage says it once, not every ten seconds for minutes."""
    first, second = (read_cause(unit, line.format(second=second)) for second in ("11", "21"))
    assert first is not None
    assert first == second
    assert "2026" not in first[1]


BEGUN = "2026-11-25 10:00:00,001 INFO: trying to bootstrap a new cluster"
ENDED = (
    "2026-11-25 10:00:09,001 INFO: removing initialize key after failed attempt to bootstrap the cluster\n"
    "2026-11-25 10:00:10,001 INFO: renaming data directory to /pgdata/16/data.failed\n"
    "patroni.exceptions.PatroniFatalException: Failed to bootstrap cluster"
)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ('initdb: error: invalid locale name "ru_RU.KOI"', 'initdb: error: invalid locale name "ru_RU.KOI"'),
        (
            (
                "2026-11-25 10:00:03.5 MSK [41] FATAL:  the database system is starting up\n"
                "2026-11-25 10:00:05.5 MSK [40] ERROR:  canceling statement due to statement timeout\n"
                "2026-11-25 10:00:06,1 ERROR: post_bootstrap\nTraceback (most recent call last):\n"
                '  File "bootstrap.py", line 440, in post_bootstrap\n'
                "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout"
            ),
            "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout",
        ),
        (
            "2026-11-25 10:00:05.5 MSK [40] FATAL:  could not map anonymous shared memory",
            "could not map anonymous shared memory",
        ),
        (
            "2026-11-25 10:00:05,5 ERROR: Cancelling bootstrap because watchdog activation failed",
            "watchdog activation failed",
        ),
        (
            (
                'psql:/etc/patroni/roles.sql:9: ERROR:  could not extend file "base/1/2"\n'
                "2026-11-25 10:00:05,5 ERROR: post_init script psql returned non-zero code 3"
            ),
            "could not extend file",
        ),
        ("no words at all", "Failed to bootstrap cluster"),
    ],
)
def test_a_failed_bootstrap_is_told_in_the_words_of_who_failed(log: str, words: str) -> None:
    """Not in the words of who cleaned up after it."""
    whole = f"{BEGUN}\nan older line\n{ENDED}\n{BEGUN}\n{log}\n{ENDED}\nINFO: waiting for leader to bootstrap"
    cause = read_cause("patroni", whole)
    assert cause is not None
    assert cause[0] == "patroni-bootstrap-failed"
    assert words in cause[1]


def test_a_failure_before_a_good_bootstrap_is_over() -> None:
    """What the member waits for later is something else."""
    log = f"{BEGUN}\n{ENDED}\n{BEGUN}\nINFO: initialized a new cluster"
    assert read_cause("patroni", log) is None
    later = read_cause("patroni", f"{log}\nINFO: waiting on consul")
    assert later is not None
    assert later[0] == "patroni-waits-for-consul"
