# Every target works from a bare clone with Python 3.11 or newer and make. README.md explains them.
#
# ARGS is passed on: make test ARGS="tests/runtime -k adopt"

MATRICULA_DEMO ?= 1
BIN := .venv/bin
# Typing annotations, layers and sizes are checked over these; migrations are generated.
CODE := src sandbox tests bench scripts
OLDEST := $(addprefix tests/,kernel accounts catalog seats enrollments flows api races properties)
HISTORIES := $(addprefix tests/properties/test_,seats.py refunds.py waitlists.py line.py)

.PHONY: words serve test test-oldest chaos histories check bench screenshots lighthouse setup lock clean
.DEFAULT_GOAL := serve

serve:
	@sh scripts/setup.sh runtime
	@MATRICULA_DEMO=$(MATRICULA_DEMO) exec $(BIN)/matricula serve --stop-with-parent

test:
	@sh scripts/setup.sh dev
	@sh scripts/browser.sh
	@exec $(BIN)/python scripts/run_tests.py $(ARGS)

# The rooms and their races once more, on the oldest PostgreSQL supported.
test-oldest:
	@sh scripts/setup.sh dev
	@sh scripts/oldest.sh -q $(OLDEST) $(ARGS)

# Paid enrollments by the thousand with every fault at once, and processes killed all the while.
chaos:
	@sh scripts/setup.sh dev
	@MATRICULA_CHAOS_BUYERS=$${MATRICULA_CHAOS_BUYERS:-2000} exec $(BIN)/pytest -n0 -s tests/chaos $(ARGS)

# Random histories of seats, of the money of a cart, of a waitlist and of a line, by the thousand.
histories:
	@sh scripts/setup.sh dev
	@MATRICULA_HISTORIES=$${MATRICULA_HISTORIES:-3000} exec $(BIN)/pytest $(HISTORIES) $(ARGS)

check:
	@sh scripts/setup.sh dev
	$(BIN)/ruff format --check --quiet $(CODE)
	$(BIN)/ruff check --quiet $(CODE)
	@# The Django plugin loads the settings, which want an installation to speak of.
	MATRICULA_DEMO=1 MATRICULA_HOME=.mypy_cache/home $(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_sizes.py
	$(BIN)/python scripts/check_migrations.py
	$(BIN)/python scripts/words.py check
	@sh scripts/script_types.sh

bench:
	@sh scripts/setup.sh dev
	@exec $(BIN)/python -m bench $(ARGS)

# Brings the translations in step with the texts, and compiles them.
words:
	@sh scripts/setup.sh dev
	@exec $(BIN)/python scripts/words.py

# A picture of every page in every state into build/screenshots; ARGS="FOLDER --only course --language ar".
screenshots:
	@sh scripts/setup.sh dev
	@sh scripts/browser.sh
	@exec $(BIN)/python -m tests.gallery $(ARGS)

# What Lighthouse says of the catalog, a course and a status page; reports in build/lighthouse.
lighthouse:
	@sh scripts/setup.sh dev
	@sh scripts/browser.sh
	@sh scripts/lighthouse.sh

# What `test`, `check` and `bench` need, without running them.
setup:
	@sh scripts/setup.sh dev

# Brings both lock files up to date; LOCK_ARGS=--upgrade moves every package to its newest version.
lock:
	@sh scripts/setup.sh dev
	@sh scripts/lock.sh $(LOCK_ARGS)

# Leaves var/, which holds the database, alone.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build
	find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +
	find src -name '*.egg-info' -type d -prune -exec rm -rf {} +
