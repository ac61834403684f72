"""Coroutines in Trollius' style on asyncio: what they yield, return, raise, and how they end."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.memory import PY2, raised

if PY2:
    pytest.skip('Trollius has its own', allow_module_level=True)

import asyncio  # noqa: E402

from sslproto27._aio.generators import From, Return, coroutine  # noqa: E402


@coroutine
def add(one, other):
    """Return the sum of a future's result and a number."""
    result = yield From(one)
    raise Return(result + other)


@pytest.fixture
def loop():
    """A new event loop of asyncio's."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def run(loop):
    """A function that runs an awaitable to its end."""
    return loop.run_until_complete


def answer():
    """Return what asyncio itself awaits 41 from, after a turn of the loop."""
    return asyncio.sleep(0, 41)


def test_result_of_what_is_yielded(run):
    """What is yielded is awaited, and its result is what the yield returns."""
    assert 42 == run(add(answer(), 1))


def test_nested(run):
    """A coroutine awaits another one of the same kind."""
    assert 43 == run(add(add(answer(), 1), 1))


@pytest.mark.parametrize('values, expected', [((), None), ((1,), 1), ((1, 2), (1, 2))])
def test_return(run, values, expected):
    """Return has no value, one, or a tuple of several."""
    @coroutine
    def returning():
        yield From(answer())
        raise Return(*values)
    assert expected == run(returning())


def test_turn_of_the_loop(loop, run):
    """None that is yielded lets the loop take a turn."""
    events = []

    @coroutine
    def waiting():
        loop.call_soon(events.append, 'turn')
        yield None
        events.append('after')
    run(waiting())
    assert ['turn', 'after'] == events


def test_exception_of_what_is_yielded(run):
    """An exception of what is awaited arises where it was yielded, and can be caught there."""
    @coroutine
    def failing():
        yield From(answer())
        raise KeyError('x')

    @coroutine
    def catching():
        try:
            yield From(failing())
        except KeyError as error:
            raise Return(error.args)
    assert ('x',) == run(catching())


def test_cancelled(loop, run):
    """A task that is cancelled cancels what its coroutine waits for, and ends it."""
    ended = []

    @coroutine
    def waiting(future):
        try:
            yield From(future)
        finally:
            ended.append(future.cancelled())

    future = loop.create_future()
    task = loop.create_task(waiting(future))
    run(asyncio.sleep(0))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        run(task)
    assert [True] == ended


def test_closed_before_it_began():
    """A coroutine that is closed runs no line of it."""
    started = add(None, 1)
    started.close()
    assert StopIteration is type(raised(next, iter(started)))


def test_closed_while_it_waits():
    """A coroutine that is closed while it waits closes what it waits for, and then itself."""
    ended = []

    @coroutine
    def awaited():
        try:
            yield None
        finally:
            ended.append('awaited')

    @coroutine
    def waiting():
        try:
            yield From(awaited())
        finally:
            ended.append('waiting')
    started = waiting()
    next(started)
    started.close()
    assert ['awaited', 'waiting'] == ended


def test_no_generator():
    """What is no generator function is refused at once."""
    assert TypeError is type(raised(coroutine, len))
