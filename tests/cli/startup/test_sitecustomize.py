"""The sitecustomize that starts ``run``'s programs."""
from __future__ import absolute_import, division, print_function

import os

from tests.support.commands import run, starts_programs
from tests.support.memory import only_python2
from tests.support.programs import environment

pytestmark = starts_programs


@only_python2
def test_sitecustomize(program, tmpdir):
    """The interpreter's own sitecustomize is there as without us."""
    tmpdir.join('sitecustomize.py').write('print("customized")\n')
    env = environment()
    env['PYTHONPATH'] += os.pathsep + str(tmpdir)
    path = program('import sitecustomize\nprint(sitecustomize.__file__)\n')
    status, stdout, _ = run(path, env=env)
    assert 0 == status
    # Once by the interpreter of the launcher, once by the program's.
    assert ['customized', 'customized', str(tmpdir.join('sitecustomize.py'))] == [
        line.replace('.pyc', '.py') for line in stdout.splitlines()]
