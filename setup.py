"""Packaging of sslproto27; versions of tools bounded where Python 2.7 stopped."""
import io
import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*path):
    with io.open(os.path.join(HERE, *path), encoding='utf-8') as source:
        return source.read()


# Read, not imported: building must not need the package's dependencies.
VERSION = re.search(r'^__version__ = [\'"]([^\'"]+)[\'"]',
                    read('sslproto27', '__init__.py'), re.MULTILINE).group(1)

PY2, PY3 = '; python_version < "3"', '; python_version >= "3"'
TROLLIUS = 'trollius>=2.1' + PY2
# The last for 2.7. Python 3.10 cannot import it, 3.12 not even install it.
TORNADO = 'tornado>=4.5,<6; python_version < "3.10"'
# The last for 2.7; without [tls], which is pyOpenSSL.
# Automat's later versions say that they are for 2.7, which cannot import them.
TWISTED = ['Twisted>=20.3,<21' + PY2, 'Automat<21' + PY2, 'Twisted>=20.3' + PY3]
PY2_NOT_PYPY = PY2 + ' and platform_python_implementation != "PyPy"'
ENUM = 'enum34>=1.1' + PY2
# The last release with wheels for 2.7; PyPy's own gevent has to be compiled.
GEVENT = 'gevent>=21.1.2,<21.2' + PY2 + ' and platform_python_implementation != "PyPy"'
# Needs cryptography, of which PyPy 2.7 has none that builds.
PYOPENSSL = ['pyOpenSSL>=21,<22' + PY2 + ' and platform_python_implementation != "PyPy"',
             'pyOpenSSL>=24.3' + PY3]

setup(
    name='sslproto27',
    version=VERSION,
    description='TLS in memory for Python 2.7: memory BIOs for the stock ssl '
                'module, and TLS for Trollius, Tornado, Twisted and requests',
    long_description=read('README.md'),
    long_description_content_type='text/markdown',
    author='the sslproto27 authors',
    license='MIT',
    # The last has what Twisted's plugin system finds, and no __init__.py, as it wants it.
    packages=find_packages(include=['sslproto27', 'sslproto27.*']) + ['twisted.plugins'],
    package_dir={'twisted.plugins': 'contrib/twisted/plugins'},
    package_data={'': ['py.typed', '*.pyi']},
    python_requires='>=2.7.5, !=3.0.*, !=3.1.*, !=3.2.*, !=3.3.*, !=3.4.*, !=3.5.*, !=3.6.*',
    entry_points={'console_scripts': ['sslproto27 = sslproto27.__main__:main']},
    # Above the core, which is vendored without. 1.16 is the first that Python 3.12 can import from.
    install_requires=['six>=1.16'],
    extras_require={
        'trollius': [TROLLIUS],
        'tornado': [TORNADO],
        'twisted': TWISTED,
        # 1.26 is the last for Python 2; it verifies addresses by ipaddress unless sslproto27
        # is injected.
        'requests': ['requests', 'urllib3>=1.26,<2', 'ipaddress' + PY2],
        'pep543': [ENUM],
        'pyopenssl': [ENUM] + PYOPENSSL,
        'test': [
            'pytest>=4.6,<5' + PY2,
            'pytest>=6' + PY3,
            # Its cryptography no longer builds on PyPy 2.7; the tests borrow
            # certificates from another interpreter there.
            'trustme>=0.9,<1' + PY2 + ' and platform_python_implementation != "PyPy"',
            'trustme>=0.9' + PY3,
            # An application to try; the last for 2.7 and Trollius. It needs cryptography, too.
            'autobahn==19.11.2' + PY2 + ' and platform_python_implementation != "PyPy"',
            TROLLIUS,
            'hypothesis>=4.57.1,<5' + PY2,  # the last for 2.7
            'hypothesis>=6' + PY3,
            TORNADO,
            GEVENT,
            'mock<4' + PY2,  # some of Tornado's own tests want it
            'treq<21' + PY2_NOT_PYPY, 'klein<21' + PY2_NOT_PYPY,
            # Where pyOpenSSL is, as here, Twisted itself wants it.
            'service-identity<22' + PY2_NOT_PYPY, 'service-identity' + PY3,
            ENUM,
        ] + PYOPENSSL,
        'bench': ['pyOpenSSL<22' + PY2, 'Twisted[tls]>=20.3,<21' + PY2, TROLLIUS, TORNADO],
        # What the README compares itself with.
        'comparison': ['Twisted[tls]>=20.3,<21' + PY2, GEVENT, 'oscrypto==1.3.0' + PY2,
                       'tlslite-ng>=0.8.2,<0.9' + PY2],
        # To be tried: the last of each for 2.7, but for gevent, of which 22 needs a compiler.
        'applications': [name + PY2 for name in (
            'autobahn==19.11.2', 'eventlet==0.33.3', 'gevent==21.1.2', 'greenlet==1.1.3.post0',
            'gunicorn==19.10.0', 'httpbin==0.7.0', 'maproxy==0.0.12', 'mock==3.0.5',
            'pytest-httpbin==1.0.2', 'pytest-mock==2.0.0', 'pytest-timeout==1.4.2',
            'PySocks==1.7.1', 'requests==2.27.1',
            'requests-toolbelt==1.0.0', 'sockjs-tornado==1.0.7', 'websocket-client==0.59.0')],
        'docs': ['sphinx' + PY3, 'myst-parser' + PY3, 'furo' + PY3, 'sphinx-copybutton' + PY3],
        'report': ['pygal>=3,<4' + PY3],  # draws what the benchmark has measured
        'lint': ['flake8' + PY3],
        'types': ['mypy' + PY3, 'tornado>=6' + PY3],
    },
    zip_safe=True,
    classifiers=[
        'Development Status :: 4 - Beta',
        'Framework :: AsyncIO',
        'Framework :: Twisted',
        'Intended Audience :: Developers',
        'License :: OSI Approved :: MIT License',
        'Operating System :: POSIX',
        'Programming Language :: Python',
        'Programming Language :: Python :: 2',
        'Programming Language :: Python :: 2.7',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.7',
        'Programming Language :: Python :: 3.13',
        'Programming Language :: Python :: Implementation :: CPython',
        'Programming Language :: Python :: Implementation :: PyPy',
        'Topic :: Internet',
        'Topic :: Security :: Cryptography',
        'Typing :: Typed',
    ],
)
