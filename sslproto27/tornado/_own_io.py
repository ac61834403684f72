"""
Finds out whether a subclass of Tornado's SSLIOStream does its own input or output.

Such a class expects a socket that does TLS, so it cannot run on our streams. We inspect its code,
which is never certain. In doubt the answer is yes: the class then stays as it is.
"""
from __future__ import absolute_import, division, print_function

import dis
import types

from .._core.compat import PY2
from ._socket import MEMBERS

__all__ = ['own_io']

#: A subclass may extend these methods, but must call the stream's own.
_IO_METHODS = frozenset([
    '_add_io_state', '_do_ssl_handshake', '_handle_connect', '_handle_events', '_handle_read',
    '_handle_write', '_read_to_buffer', 'close_fd', 'connect', 'read_from_fd', 'wait_for_handshake',
    'write_to_fd'])

#: Of these, those that our streams have from Tornado's plain streams, or can do without.
_PLAIN = frozenset(['_add_io_state', '_handle_events', 'connect'])

#: Our streams never call this: they check the name in the handshake.
_UNUSED = '_verify_cert'

# What an instruction puts on the stack, if it matters; or ("value", object), ("super", class)
_SELF, _SOCKET, _OTHER = ('self', None), ('socket', None), ('other', None)

_ATTRIBUTE = frozenset(['LOAD_ATTR', 'LOAD_METHOD', 'LOOKUP_METHOD'])  # CPython, 3.7, PyPy
_VARIABLE = frozenset(['LOAD_FAST', 'LOAD_DEREF', 'LOAD_GLOBAL'])

#: After the socket these only look whether there is one.
_TESTS = ('POP_JUMP_IF', 'JUMP_IF', 'UNARY_NOT', 'POP_TOP')


def own_io(cls, stock):
    """
    Return why a class needs a socket that does TLS.

    Args:
        cls (type): a subclass of *stock*.
        stock (type): Tornado's SSLIOStream.

    Returns:
        str or None: a clause for the log; None if the class does not need one.
    """
    for one in cls.__mro__:
        if one in stock.__mro__:
            continue
        for name, value in sorted(vars(one).items()):
            method = _Method(value, stock)
            if name == _UNUSED or name in _IO_METHODS and name not in method.calls:
                return 'its %s() replaces that of Tornado' % name
            if method.finding:
                return 'its %s() %s' % (name, method.finding)
    return None


class _Method(object):
    """
    What the code of a function, method or property does, with all that is within it.

    Attributes:
        calls (set of str): the methods that it takes from a base class.
        finding (str or None): its own I/O.
    """

    def __init__(self, value, stock):
        self.calls, self.finding = set(), None
        self._bases = stock.__mro__[:-1]
        seen, todo = [], [value]
        while todo:
            one = todo.pop()
            if any(one is other for other in seen):
                continue
            seen.append(one)
            if isinstance(one, types.FunctionType):
                variables = _variables(one)
                todo += [variables[name] for name in one.__code__.co_freevars
                         if name in variables]  # decorators
                self._inspect(one.__code__, variables, one.__code__.co_varnames[:1])
            else:
                todo += [getattr(one, name) for name in ('__func__', 'fget', 'fset')
                         if hasattr(one, name)]

    def _inspect(self, code, variables, own):
        stack = [_OTHER] * 3  # the end of it
        for operation, argument in _instructions(code):
            top = stack[-1]
            if top is _SOCKET:
                self._use_socket(operation, argument)
            if operation in _ATTRIBUTE:
                self._look_up(top, argument)
                stack[-1] = _attribute(top, argument)
                continue
            if operation == 'STORE_ATTR' and argument in _IO_METHODS:
                self._find('sets %s' % argument)
            value = _OTHER
            if operation in _VARIABLE:
                value = ('value', variables[argument]) if argument in variables else _OTHER
                if argument in own and operation != 'LOAD_GLOBAL':
                    value = _SELF
            elif operation.startswith('CALL') and [
                    ('value', super), _SELF] == [stack[-3], top] and stack[-2][0] == 'value':
                value = ('super', stack[-2][1])
            elif operation == 'LOAD_CONST' and isinstance(argument, types.CodeType):
                self._inspect(argument, variables, own)
            elif (operation == 'LOAD_CONST' and argument in _IO_METHODS
                    and 'setattr' in code.co_names):
                self._find('sets %s' % argument)
            stack = stack[1:] + [value]

    def _look_up(self, owner, name):
        """Note that the code gets the attribute *name* of *owner*."""
        if owner is _SELF or name not in _IO_METHODS:
            return
        kind, base = owner
        # What is super() of Tornado's SSLIOStream has no TLS, as its bases have none.
        if name not in _PLAIN and base in self._bases and (kind, base) != ('value', self._bases[0]):
            self._find('calls %s() of a plain stream' % name)
        self.calls.add(name)

    def _use_socket(self, operation, argument):
        if operation in _ATTRIBUTE:
            if argument not in MEMBERS:
                self._find('calls %s() of the socket' % argument)
        elif not operation.startswith(_TESTS) and (operation, argument) != ('LOAD_CONST', None):
            self._find('passes the socket on')

    def _find(self, finding):
        self.finding = self.finding or finding


def _attribute(owner, name):
    """Return what the attribute *name* of *owner* is."""
    kind, value = owner
    if kind == 'value' and isinstance(value, types.ModuleType):
        return 'value', getattr(value, name, None)
    return _SOCKET if name == 'socket' else _OTHER


def _variables(function):
    """Return the values of the variables around *function* (dict)."""
    variables = dict(super=super)
    variables.update(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            variables[name] = cell.cell_contents
        except ValueError:  # the cell is still empty
            pass
    return variables


def _instructions(code):
    """Return the instructions of *code*: pairs of a name, and an argument or None."""
    if not PY2:  # not measured: Tornado 5.1 is for Python 3.9 and older
        return [(one.opname, one.argval) for one in dis.get_instructions(code)]
    found, numbers, extended = [], iter(bytearray(code.co_code)), 0
    for number in numbers:
        argument = None
        if number >= dis.HAVE_ARGUMENT:
            index = extended + next(numbers) + 256 * next(numbers)
            extended = index * 65536 if number == dis.EXTENDED_ARG else 0
            for numbers_of_kind, values in (
                    (dis.hasname, code.co_names), (dis.haslocal, code.co_varnames),
                    (dis.hasfree, code.co_cellvars + code.co_freevars),
                    (dis.hasconst, code.co_consts)):
                if number in numbers_of_kind:
                    argument = values[index]
        found.append((dis.opname[number], argument))
    return found
