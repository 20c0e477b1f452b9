# Each target sets up all it needs: a virtual environment here; the tests put Spark's jars into the user's cache.
PYTHON ?= python3.11
PYTHON_OF_GLUE6 ?= python3.13
BIN := .venv/bin

LAMBDA_MODULES := __init__ errors storage tuning landing/__init__ landing/bronze_names landing/s3_objects landing/s3_claims landing/s3_moves
LAMBDA_SOURCES := $(LAMBDA_MODULES:%=lib/vendas/%.py)

# Virtual environments are made side by side; in each, a module is compiled when it is first imported, as most never are.
MAKEFLAGS += --jobs=3
PIP_INSTALL := pip install --quiet --disable-pip-version-check --no-compile

# Afresh, because one that another Python made cannot be made over. With a newer pip than Python brings, which takes three
# times as long to find out what to install.
define make_venv
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/$(PIP_INSTALL) pip==26.3
endef

# The tests start hundreds of processes: without bytecode, each would compile the library, and rewrite assertions, again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install declared demo check test test-glue6 golden sql docs environment bench year deploy preflight undeploy clean

help:
	@echo "make demo     sample files through all layers, into the demo lake ./lago"
	@echo "make check    while you work: style, imports, and the quick tests that need neither a JVM nor PostgreSQL"
	@echo "make test     every test; names at its end those it skipped, and why"
	@echo "make test-glue6  every test that can run there, on Spark 4.1 and Python 3.13, as AWS Glue 6.0 has them"
	@echo "make install  only the virtual environment .venv with .venv/bin/vendas"
	@echo "make golden   the golden copies in tests/golden anew, after a change that is meant"
	@echo "make sql docs    what follows from lib/vendas/declaration.py in sql/ and docs/ anew, after a change of it"
	@echo "make environment  environment.yml anew, after a change of pins in pyproject.toml"
	@echo "make bench [ROWS=5000000]  benchmarks/RESULTS.md: against dlt and dbt, DuckDB, a script, COPY; a million rows"
	@echo "make year     benchmarks/YEAR.md: a chain of 300 shops, measured to 100,000 files, and its year from that"
	@echo "make build/lambda    the folder that becomes the Lambda function"
	@echo "make deploy STACK=name BUCKET=bucket [PARAMS='Name=value …']  the stack of workflow/template.yaml, on AWS"
	@echo "make preflight STACK=name  looks whether that stack will work: a table of what is ok, and what to do"
	@echo "make undeploy STACK=name  takes it down; data stays"
	@echo "make clean    removes .venv* and caches; lakes stay"
	@echo "With PYTHON=/path/to/python, if python3.11 is not the name of a Python 3.11"

install: .venv/.installed

.venv/.installed: pyproject.toml
	@echo "Setting up .venv (a minute or two, once)"
	$(make_venv)
	$(BIN)/$(PIP_INSTALL) --editable '.[test]'
	touch $@

demo: install
	$(BIN)/vendas sample 2000
	$(BIN)/vendas run
	@echo "Look around: $(BIN)/vendas status, $(BIN)/vendas dw psql, $(BIN)/vendas notebook"
	@echo "In a browser: $${VENDAS_LAKE:-lago}/runs/index.html"

# What is wrong in style or imports is told first.
check: install
	$(BIN)/python -m pytest -q -n auto -m "not engine and not slow" tests/test_project.py tests

# Apart from .venv, because it pins much that would not go with the project's own.
.venv-checkov/.installed: Makefile
	@echo "Setting up .venv-checkov (a minute, once)"
	$(make_venv)
	.venv-checkov/bin/$(PIP_INSTALL) checkov==3.3.30
	touch $@

# Three at a time: on two processors one of them mostly waits. Each has a JVM of its own, and the files of tests that take
# longest come first.
test: install .venv-checkov/.installed .venv-dbt/.installed
	CHECKOV=.venv-checkov/bin/checkov $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# The same pins, but for those that pyproject.toml gives Python 3.13; and this machine's Java, for there is none by pip.
.venv-glue6/.installed: pyproject.toml
	@$(PYTHON_OF_GLUE6) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || { \
		echo "Python 3.13 is missing: install it, or say make $(MAKECMDGOALS) PYTHON_OF_GLUE6=/path/to/python3.13" >&2; \
		exit 2; }
	@"$${JAVA_HOME:-/usr}/bin/java" --list-modules | grep -q '^jdk.incubator.vector' || { \
		echo "Java 17 is missing, or not all of it: install openjdk-17-jre-headless, and set JAVA_HOME if need be" >&2; \
		exit 2; }
	@echo "Setting up .venv-glue6 (a minute or two, once)"
	$(make_venv)
	.venv-glue6/bin/$(PIP_INSTALL) --editable '.[test]'
	touch $@

.venv-glue6/.installed: PYTHON = $(PYTHON_OF_GLUE6)
test-glue6: .venv-glue6/.installed .venv-checkov/.installed
	CHECKOV=.venv-checkov/bin/checkov .venv-glue6/bin/python -m pytest

# Of a declaration that is refused, the command line tells why in words; Python alone would show a traceback.
declared: install
	@$(BIN)/vendas --help >/dev/null

golden: declared
	$(BIN)/python tests/goldens.py

sql: declared
	$(BIN)/python sql/render.py

docs: declared
	$(BIN)/python docs/render.py

environment: install
	$(BIN)/python tests/environment_yml.py

# What Lambda runs: the function, what it needs of the library, and Powertools; boto3 is in Lambda's own Python.
build/lambda: lambda/handler.py $(LAMBDA_SOURCES) .venv/.installed
	rm -rf $@
	$(BIN)/$(PIP_INSTALL) --target $@ \
		$$(grep -o 'aws-lambda-powertools==[0-9.]*' pyproject.toml)
	tar -C lib -cf - $(LAMBDA_SOURCES:lib/%=%) | tar -C $@ -xf -
	cp lambda/handler.py $@

# Peers of the benchmarks, apart as a user has them. Parts of dbt 1.12 are fetched from outside PyPI.
.venv-dbt/.installed: Makefile
	@echo "Setting up .venv-dbt (a minute, once)"
	$(make_venv)
	.venv-dbt/bin/$(PIP_INSTALL) \
		'dlt[postgres]==1.31.0' dbt-core==1.11.16 dbt-postgres==1.11.0 pyarrow==26.0.1
	touch $@

bench: install .venv-dbt/.installed
	$(BIN)/python -m benchmarks $(ROWS)

year: install
	$(BIN)/python -m benchmarks.year

# What Glue's jobs are given.
build/vendas.gluewheels.zip: pyproject.toml workflow/deploy_modules.py .venv/.installed \
		$(shell find lib notebooks sql -type f -not -name '*.pyc')
	$(BIN)/python workflow/deploy_modules.py $@

named-%:
	@test -n "$($*)" || { echo "$* is missing: say make $(MAKECMDGOALS) $*=…" >&2; exit 2; }

deploy: named-STACK named-BUCKET install build/lambda build/vendas.gluewheels.zip
	PATH="$(CURDIR)/$(BIN):$$PATH" workflow/deploy "$(STACK)" "$(BUCKET)" $(PARAMS)

# By the lake's name, which the stack tells.
preflight: named-STACK install
	lake=$$($(BIN)/aws cloudformation describe-stacks --stack-name "$(STACK)" --output text \
		--query "Stacks[0].Outputs[?OutputKey=='LakeBucket'].OutputValue") && \
	$(BIN)/vendas doctor --lake "s3://$$lake"

undeploy: named-STACK install
	PATH="$(CURDIR)/$(BIN):$$PATH" workflow/undeploy "$(STACK)"

clean:
	rm -rf .venv .venv-checkov .venv-dbt .venv-glue6 .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
