"""Choice of the environment that serves a request, and end of environments."""

from adapters.sandbox.aws.lambda_.environments import EnvironmentPool, Lifetimes


def serve(pool: EnvironmentPool, start: int, end: int) -> tuple[int, bool]:
    environment, cold = pool.begin(start)
    pool.finish(environment, end)
    return environment.number, cold


def test_an_environment_ends_after_its_maximum_idle_time() -> None:
    pool = EnvironmentPool(lambda: Lifetimes(1_000, 10**9))

    assert serve(pool, 0, 100) == (1, True)
    assert serve(pool, 1_099, 1_100) == (1, False)
    assert pool.alive(2_099) == 1
    assert serve(pool, 2_100, 2_200) == (2, True)


def test_an_environment_beyond_its_age_ends_with_its_request() -> None:
    pool = EnvironmentPool(lambda: Lifetimes(10**9, 5_000))
    serve(pool, 0, 7_000)

    assert pool.alive(6_000) == 1
    assert pool.alive(7_000) == 0
    assert serve(pool, 7_000, 8_000) == (2, True)


def test_the_most_recently_used_environment_that_is_alive_is_used_first() -> None:
    lives = iter([Lifetimes(10_000, 10**9), Lifetimes(1_000, 10**9)])
    pool = EnvironmentPool(lambda: next(lives))
    first, second = pool.begin(0)[0], pool.begin(0)[0]
    pool.finish(first, 100)
    pool.finish(second, 200)

    assert pool.in_use(150) == 1
    assert serve(pool, 300, 400)[0] == 2
    assert serve(pool, 2_000, 2_100) == (1, False)
