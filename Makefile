# Each target sets up all it needs: a virtual environment here, and Spark's jars in the usual Ivy cache.
PYTHON ?= python3.11
BIN := .venv/bin

LAMBDA_MODULES := __init__ errors storage bronze_names s3_objects s3_moves
LAMBDA_SOURCES := $(LAMBDA_MODULES:%=lib/vendas/%.py)

.PHONY: help install demo test golden bench clean

help:
	@echo "make demo     sample files through all layers, into the demo lake ./lago"
	@echo "make test     every test"
	@echo "make install  only the virtual environment .venv with .venv/bin/vendas"
	@echo "make golden   the golden copies in tests/golden anew, after a change that is meant"
	@echo "make bench    the figures of benchmarks/"
	@echo "make build/lambda    the folder that becomes the Lambda function"
	@echo "make clean    removes .venv and caches; lakes stay"

install: .venv/.installed

.venv/.installed: pyproject.toml
	@echo "Setting up .venv (a minute or two, once)"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

demo: install
	$(BIN)/vendas sample 2000
	$(BIN)/vendas run
	@echo "Look around: $(BIN)/vendas status, $(BIN)/vendas dw psql, $(BIN)/vendas notebook"
	@echo "In a browser: $${VENDAS_LAKE:-lago}/runs/index.html"

test: install
	$(BIN)/python -m pytest

golden: install
	$(BIN)/python tests/goldens.py

# What Lambda runs: the function, what it needs of the library, and Powertools; boto3 is in Lambda's own Python.
build/lambda: lambda/handler.py $(LAMBDA_SOURCES) .venv/.installed
	rm -rf $@
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --target $@ \
		$$(grep -o 'aws-lambda-powertools==[0-9.]*' pyproject.toml)
	mkdir $@/vendas
	cp $(LAMBDA_SOURCES) $@/vendas
	cp lambda/handler.py $@

bench: install
	$(BIN)/python benchmarks/orchestration.py

clean:
	rm -rf .venv .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
