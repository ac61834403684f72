# Needs a Python 2.7 with pip (see tools/find-python). Everything else is fetched into
# .venv* and .cache, which `make clean` removes.

VENV27 := .venv27
VENV3 := .venv3
OLDEST3 := .venv3-oldest
INTERPRETERS := $(or $(SSLPROTO27_CACHE),.cache)/interpreters/bin
URLLIB3 := .cache/urllib3
URLLIB3_VERSION := 1.26.20
REQUESTS := .cache/requests
REQUESTS_VERSION := 2.27.1
ASYNCIO := .cache/asyncio
TROLLIUS := .cache/trollius
TROLLIUS_VERSION := 2.2.1
TORNADO45 := .cache/tornado45
STUBS = $(wildcard sslproto27/*.pyi sslproto27/*/*.pyi)
MYPY = MYPY_CACHE_DIR=.cache/mypy PYTHONPATH=.cache/types:. $(VENV3)/bin/python -m mypy
SOURCES = $(wildcard sslproto27 contrib examples tests tools benchmarks setup.py)

# Modules of another Python would break these; virtualenv must write only here.
unexport PYTHONHOME PYTHONPATH
export VIRTUALENV_OVERRIDE_APP_DATA := $(CURDIR)/.cache/virtualenv-data
VIRTUALENV = PYTHONPATH=.cache/virtualenv "$$(cat .cache/python27)" \
    -m virtualenv -q --no-periodic-update
PIP_INSTALL = bin/python -m pip install -qq

# Both environments write the same metadata of the package.
.NOTPARALLEL:
.PHONY: help demo mutations test test-all test-pair tested test-urllib3 test-trollius test-tornado45 test-applications test-asyncio comparison lint types docs bench valgrind fuzz dist test-dist instructions interop soak diagrams bench-report accelerator coverage coverage-own test-one clean FORCE

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo: $(VENV27)/ready  ## a TLS conversation in memory, on the stock Python 2.7
	@$(VENV27)/bin/python -m sslproto27 demo

# HOLD=--hold: fail if docs/tested.md does not match this run.
# To save time, what is above or beside the engine runs with the graft; the pair gets what feeds it: the
# core, hostile peers, Trollius, Tornado and sockets. `make test-all` runs all with both. And the pair's
# own tests only need the pair.
ABOVE := aio/compat,cli,core/hostname_match,core/x509,hostile/callers_pipe,hostile/callers_sockets,hostile/callers_tornado,pep543,project,stream,tornado/compat,tornado/suite,twisted,urllib3
test: $(VENV27)/ready  ## the tests on Python 2.7, with both engines
	@$(VENV27)/bin/python tools/run_tests.py $(HOLD) \
	    $(VENV27)/bin/python::core/pair,core/engine/pair $(VENV27)/bin/python:pair:$(ABOVE)

# PYTHON may be the path of any interpreter that has the tests' requirements.
ONE = $(or $(PYTHON),$(VENV27)/bin/python)
test-one: $(VENV27)/ready $(VENV3)/ready  ## TEST=tests/core/test_pipe.py, on PYTHON=.venv3/bin/python or 2.7; ARGS='-k eof'
	@PYTHONPATH=$(CURDIR) SSLPROTO27_PKI_PYTHON=$(CURDIR)/$(VENV27)/bin/python \
	    $(ONE) -m pytest -rs $(or $(TEST),tests) $(ARGS)

# On 2.7 with both engines; the slowest comes first. TESTED: interpreters to leave out. WITHOUT: tests
# that only the newest Python 3 runs, because those of the pages and of the command line take long.
SLOW = $(filter-out $(TESTED),$(foreach one,\
    $(INTERPRETERS)/pypy $(INTERPRETERS)/python2.7-debian $(VENV27)/bin/python,$(one): $(one):pair))
EVERY = $(addsuffix :$(WITHOUT),$(SLOW)) $(VENV3)/bin/python \
    $$(cmp -s $(VENV3)/ready $(OLDEST3)/ready || echo $(OLDEST3)/bin/python::$(WITHOUT))
test-all: $(VENV27)/ready $(VENV3)/ready $(OLDEST3)/ready  ## also OpenSSL 1.1.1, PyPy, the newest and the oldest Python 3
	@$(VENV3)/bin/python tools/get_interpreters.py
	@SSLPROTO27_THOROUGH=1 $(VENV27)/bin/python tools/run_tests.py $(HOLD) $(EVERY)

test-pair: $(VENV27)/ready  ## the tests on Python 2.7 with the pair engine, which only needs ssl
	@$(VENV27)/bin/python tools/run_tests.py $(VENV27)/bin/python:pair

tested: $(VENV27)/ready $(VENV3)/ready $(OLDEST3)/ready  ## write docs/tested.md from test-all's runs
	@$(VENV3)/bin/python tools/get_interpreters.py
	@$(VENV27)/bin/python tools/run_tests.py --write $(EVERY)

test-urllib3: $(URLLIB3)/ready  ## urllib3's own tests, with sslproto27 injected
	@cd $(URLLIB3)/urllib3-$(URLLIB3_VERSION) && CI=1 PYTHONPATH=$(CURDIR)/tools:$(CURDIR) \
	    ../env/bin/python -m pytest -q -rs --timeout 120 -p no:cacheprovider -p urllib3_injected \
	    test/test_ssltransport.py $(addprefix test/with_dummyserver/,test_proxy_poolmanager.py \
	    test_https.py test_socketlevel.py)

test-trollius: $(TROLLIUS)/ready  ## Trollius' own tests, on our loops
	@cd $(TROLLIUS)/trollius-$(TROLLIUS_VERSION) && PYTHONPATH=$(CURDIR)/tools:$(CURDIR):tests \
	    ../env/bin/python -m pytest -q -rs -c tox.ini --timeout 120 -p no:cacheprovider \
	    -p trollius_injected --ignore tests/test_asyncio.py tests

# LIBRARY=/usr/lib/python3.8: the tests of another Python 3, from 3.8 on.
test-asyncio: $(TROLLIUS)/ready  ## CPython's own tests of asyncio's TLS, translated, on our loops
	@rm -rf $(ASYNCIO) && mkdir -p $(ASYNCIO)
	@$(VENV3)/bin/python tools/asyncio_suite/translate.py $(ASYNCIO) $(LIBRARY)
	@cd $(ASYNCIO) && PYTHONPATH=$(CURDIR)/tools/asyncio_suite:$(CURDIR) \
	    $(CURDIR)/$(TROLLIUS)/env/bin/python -W ignore -m pytest -q -rs --timeout 120 \
	    -p no:cacheprovider -p asyncio_on_trollius.plugin -o filterwarnings=ignore

test-applications: $(REQUESTS)/ready  ## applications and requests' own tests: as on stock Python?
	@PYTHONPATH=$(CURDIR) SSLPROTO27_REQUESTS=$(CURDIR)/$(REQUESTS)/requests-$(REQUESTS_VERSION) \
	    $(REQUESTS)/env/bin/python -m pytest -q -rs --timeout 120 tests/applications/check_*.py

test-tornado45: $(TORNADO45)/ready  ## the tests of Tornado, ours and its own, with 4.5.3
	@PYTHONPATH=$(CURDIR) $(TORNADO45)/bin/python -m pytest -q -rs -p no:cacheprovider tests/tornado \
	    tests/hostile/test_callers_tornado.py

comparison: .cache/comparison/ready  ## check the README's comparison with other TLS libraries
	@PYTHONPATH=$(CURDIR) .cache/comparison/bin/python -m pytest -q -rs tests/comparison/check_*.py

lint: $(VENV27)/ready $(VENV3)/ready  ## flake8, and Python 2.7's own parser
	@$(VENV3)/$(PIP_INSTALL) flake8
	@$(VENV3)/bin/python -m flake8 $(SOURCES)
	@find $(SOURCES) -name '*.py' ! -path tools/types/program.py -exec $(VENV27)/bin/python -c \
	    'import sys; [compile(open(name).read(), name, "exec") for name in sys.argv[1:]]' {} +

coverage: $(VENV27)/coverage $(VENV3)/coverage  ## what the tests cover, branches too, on both Pythons; fails below 95 %
	@$(VENV27)/bin/python tools/measure_coverage.py \
	    $$(ls $(VENV27)/bin/python $(VENV3)/bin/python 2>/dev/null)

coverage-own: $(VENV27)/coverage $(VENV3)/coverage  ## each module by its own test files, and its layer's; 95 % of each; OF=_core.pipe,_core.socket for some
	@$(VENV27)/bin/python tools/measure_coverage.py --own=$(OF) \
	    $$(ls $(VENV27)/bin/python $(VENV3)/bin/python 2>/dev/null)

$(VENV27)/coverage $(VENV3)/coverage: $(VENV27)/ready $(VENV3)/ready
	@[ ! -x $(@D)/bin/python ] || $(@D)/$(PIP_INSTALL) coverage
	@touch $@

types: $(VENV3)/ready .cache/types/ready  ## mypy: the stubs, a program that uses them, and the package against the stubs
	@$(MYPY) $(STUBS) tools/types/program.py
	@$(MYPY).stubtest --concise --mypy-config-file tools/types/stubtest.ini \
	    --allowlist tools/types/allowlist sslproto27

docs: $(VENV3)/ready  ## the documentation as HTML; warnings are errors
	@$(VENV3)/$(PIP_INSTALL) -e '.[docs]'
	@$(VENV3)/bin/python -m sphinx -q -W --keep-going -E docs build/docs && \
	    echo 'built build/docs/index.html'

diagrams: $(VENV3)/ready  ## draw docs/images from the imports and the tables of states
	@command -v dot >/dev/null || { echo 'Graphviz (dot) is not here: install it first' >&2; exit 1; }
	@$(VENV3)/bin/python tools/draw_diagrams.py

bench: $(VENV27)/ready $(VENV3)/ready .cache/bench/pump .cache/bench/load  ## measure, side by side; BENCH='--quick ...' are options
	@$(VENV27)/$(PIP_INSTALL) -e '.[bench]'
	@$(VENV3)/bin/python benchmarks/bench.py $(BENCH)

bench-report: $(VENV27)/ready $(VENV3)/ready  ## draw the charts in docs/performance, of RESULTS=FILE.json or a new run
	@$(VENV3)/$(PIP_INSTALL) -e '.[report]'
	@$(if $(RESULTS),,mkdir -p build && $(MAKE) --no-print-directory bench BENCH='$(BENCH) --json build/bench.json')
	@$(VENV3)/bin/python benchmarks/report.py $(or $(RESULTS),build/bench.json) docs/performance

.cache/bench/%: benchmarks/%.c
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Wextra -o $@ $< -lssl -lcrypto || \
	    { echo 'make bench needs a C compiler and the headers of OpenSSL (libssl-dev)' >&2; exit 1; }

accelerator: .cache/bench/accelerator.so  ## build the prototype in C; later runs of `make bench` include it

.cache/bench/accelerator.so: benchmarks/accelerator.c $(VENV27)/ready
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -Wextra -Wno-unused-parameter -fno-strict-aliasing -fPIC -shared -o $@ $< \
	    -I"$$($(VENV27)/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["include"])')" -ldl

instructions: $(VENV27)/ready  ## an echo's instructions, layer by layer; AGAINST=REVISION compares
	@command -v valgrind >/dev/null || { echo 'valgrind is not here: install it first' >&2; exit 1; }
	@$(VENV27)/bin/python benchmarks/instructions.py $(if $(AGAINST),--against $(AGAINST))

valgrind: $(VENV27)/ready  ## the engine's memory accesses, under valgrind
	@command -v valgrind >/dev/null || { echo 'valgrind is not here: install it first' >&2; exit 1; }
	@valgrind -q --tool=memcheck --leak-check=no --error-exitcode=99 \
	    --suppressions=tools/valgrind-python27.supp \
	    $(VENV27)/bin/python -m tests.support.valgrind_engine

mutations: $(VENV27)/ready  ## break each promise of SECURITY.md: do its tests fail? ONLY='words of it'
	@$(VENV27)/bin/python tools/mutate_promises.py $(if $(ONLY),'$(ONLY)')

fuzz: $(VENV27)/ready  ## feed the pipe mutated bytes for SECONDS (60); new behaviour goes into tests/corpus
	@$(VENV27)/bin/python tools/fuzz.py $(or $(SECONDS),60)

interop: $(VENV27)/ready $(VENV3)/ready .cache/interop/ready  ## other TLS stacks and STARTTLS servers, if installed; sslyze
	@SSLPROTO27_INTEROP_PYTHON=.cache/interop/python PYTHONPATH=$(CURDIR) \
	    $(VENV27)/bin/python -m pytest -rs tests/interop/check_*.py

soak: $(VENV27)/ready  ## 50,000 short connections and 2,000 at once: flat memory and descriptors?
	@$(VENV27)/bin/python tools/soak.py $(CONNECTIONS) $(AT_ONCE)

dist: $(VENV3)/ready  ## the wheel and the sdist of the last commit, the same bytes each time
	@# The newest twine needs the newest urllib3, with which our tests cannot run.
	@$(VENV3)/$(PIP_INSTALL) build twine 'urllib3<2'
	@tools/build_release $(VENV3)/bin/python

test-dist: dist $(VENV27)/ready  ## install and try them as users do, on each interpreter, also with old pips
	@$(VENV3)/bin/python tools/test_release.py

clean:  ## remove everything that the targets above made
	rm -rf .venv* .cache .pytest_cache .tox build dist *.egg-info
	find . -name '*.py[co]' -exec rm -f {} +

# Changes only if another interpreter is found or requested.
.cache/python27: FORCE
	@mkdir -p .cache
	@python=$$(tools/find-python 2.7) && \
	    { echo "$$python" | cmp -s - $@ || echo "$$python" >$@; }

.cache/virtualenv/ready: .cache/python27
	@rm -rf $(@D)
	@"$$(cat $<)" -m pip install -qq --target $(@D) 'virtualenv<20.16' && touch $@

$(VENV27)/ready: .cache/python27 .cache/virtualenv/ready setup.py
	@rm -rf $(@D)
	@echo "making $(@D) of $$(cat $<)"
	@$(VIRTUALENV) $(@D)
	@$(VENV27)/$(PIP_INSTALL) -e '.[test,tornado,twisted,requests]' && touch $@

# Not in $(VENV27): Tornado's and Autobahn's tests would use its Twisted.
.cache/comparison/ready: .cache/python27 .cache/virtualenv/ready setup.py
	@rm -rf $(@D)
	@$(VIRTUALENV) $(@D)
	@$(@D)/$(PIP_INSTALL) --only-binary gevent,zope.interface -e '.[test,tornado,requests,comparison]' && touch $@

# In its own folder: mypy uses the types of Tornado 6, which resemble those of 5.1, but the tests must
# not import it.
.cache/types/ready: $(VENV3)/ready
	@rm -rf $(@D)
	@$(VENV3)/$(PIP_INSTALL) --target $(@D) mypy 'tornado>=6' && touch $@

# In their own folder: they bring other versions of packages that the tests use. If they cannot be
# installed, the rest is tried anyway.
.cache/interop/ready: $(VENV3)/ready
	@rm -rf $(@D) && mkdir -p $(@D)
	@for name in tlslite-ng sslyze aiosmtpd; do $(VENV3)/$(PIP_INSTALL) --target $(@D) --upgrade $$name || true; done
	@printf '#!/bin/sh\nPYTHONPATH=%s exec %s "$$@"\n' \
	    '$(CURDIR)/$(@D)' '$(CURDIR)/$(VENV3)/bin/python' >$(@D)/python
	@chmod +x $(@D)/python && touch $@

# Only its sdist has the tests, and pip 20.3.4 cannot download that (an AssertionError).
$(URLLIB3)/ready: .cache/virtualenv/ready $(VENV3)/ready
	@rm -rf $(@D)
	@$(VIRTUALENV) $(@D)/env
	@$(VENV3)/bin/python -m pip download -qq --no-deps --no-binary urllib3 -d $(@D) \
	    urllib3==$(URLLIB3_VERSION)
	@tar -xzf $(@D)/urllib3-$(URLLIB3_VERSION).tar.gz -C $(@D)
	@$(@D)/env/bin/python -m pip install -qq $(@D)/urllib3-$(URLLIB3_VERSION) 'tornado>=5.1,<6' \
	    'pytest>=4.6,<5' 'mock<4' PySocks 'flaky<4' 'pytest-timeout<2' 'pytest-freezegun<0.5' \
	    'trustme<1' python-dateutil && touch $@

# Like urllib3's, but in its own environment, because these packages pin versions.
$(REQUESTS)/ready: .cache/virtualenv/ready $(VENV3)/ready setup.py
	@rm -rf $(@D)
	@$(VIRTUALENV) $(@D)/env
	@$(VENV3)/bin/python -m pip download -qq --no-deps --no-binary requests -d $(@D) \
	    requests==$(REQUESTS_VERSION)
	@tar -xzf $(@D)/requests-$(REQUESTS_VERSION).tar.gz -C $(@D)
	@$(@D)/env/$(PIP_INSTALL) --only-binary gevent,greenlet,zope.interface \
	    -e '.[test,tornado,requests,applications]' && touch $@

# Like urllib3's. One of the modules is written for Python 3.
$(TROLLIUS)/ready: .cache/virtualenv/ready $(VENV3)/ready
	@rm -rf $(@D)
	@$(VIRTUALENV) $(@D)/env
	@$(VENV3)/bin/python -m pip download -qq --no-deps --no-binary trollius --ignore-requires-python \
	    -d $(@D) trollius==$(TROLLIUS_VERSION)
	@tar -xzf $(@D)/trollius-$(TROLLIUS_VERSION).tar.gz -C $(@D)
	@$(@D)/env/bin/python -m pip install -qq $(@D)/trollius-$(TROLLIUS_VERSION) 'pytest>=4.6,<5' \
	    'mock<4' unittest2 'pytest-timeout<2' 'trustme<1' && touch $@

$(TORNADO45)/ready: .cache/virtualenv/ready
	@rm -rf $(@D)
	@$(VIRTUALENV) $(@D)
	@$(@D)/bin/python -m pip install -qq -e '.[test]' && \
	    $(@D)/bin/python -m pip install -qq 'tornado==4.5.3' && touch $@

# Some distributions cut ensurepip from venv; virtualenv, before or after fetching
# newer wheels, then serves the old and the new versions of Python 3.
$(VENV3)/ready $(OLDEST3)/ready: .cache/virtualenv/ready setup.py
	@rm -rf $(@D)
	@if ! python=$$(tools/find-python $(if $(findstring oldest,$@),oldest3,newest3) 2>/dev/null); then \
	    echo 'No Python 3.7 ... 3.13 found: nothing is run on it.'; exit; fi; \
	echo "making $(@D) of $$python"; \
	{ "$$python" -m venv $(@D) >/dev/null 2>&1 || \
	  $(VIRTUALENV) --clear --download -p "$$python" $(@D) >/dev/null 2>&1 || \
	  $(VIRTUALENV) --clear -p "$$python" $(@D); } && \
	$(@D)/$(PIP_INSTALL) 'pip>=19.3' && \
	$(@D)/$(PIP_INSTALL) -e '.[test,twisted,requests]' && \
	echo "$$python" >$@
