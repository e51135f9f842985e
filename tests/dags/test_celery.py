"""The DAGs on two Celery workers over PostgreSQL, Redis and a real S3 server, one of which is killed in the middle."""

import pytest

from benchmarks.workers import ARTICLES, crawl_round
from tests.ceph import Ceph
from tests.dags.cluster import missing

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.ceph,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is there"),
]


def test_a_worker_that_is_killed_loses_nothing_and_doubles_nothing(ceph: Ceph) -> None:
    found = crawl_round(ceph.environment, sources=6, workers=2, kill=True)
    assert found.killed > 2, "a worker that crawled was killed with all that it had started"
    assert max(found.tries) >= 2, "what it had begun was begun again by the other"
    assert (found.articles, found.lost, found.twice, found.twice_at_once) == (6 * ARTICLES, 0, 0, 0)
