# Every target is one line of work. `make help` prints the `##` lines of this file, in their order.
# The configuration is never included here: its strings could run code. Python reads it.
MAKEFLAGS += -rR --no-print-directory
.DEFAULT_GOAL := all
.SUFFIXES:
unexport PYTHONPATH PYTHONHOME CONFIG_

# What a user gives is text: make does not expand it and no recipe spells it out. It reaches the
# commands through the environment, as $$NAME in double quotes where a recipe needs it.
GIVEN := RANGE_CONFIG PARALLEL PACK PRIORITY BUDGET_MINUTES AROUND REGION RANK_BY BASELINE BEST_PER DETECT \
	SCENARIO DATASET BUDGET GROWTH BENCH SAMPLER SAMPLER_TRIALS SAMPLER_SEED MAX_TRIALS ALPHA MARGIN \
	MAX_SEEDS NEW REUSE HOLD EXECUTOR RAY_ADDRESS GPU_SHARE FROM TO KCONFIG_CONFIG EXTERNAL \
	KCONFIG_SEED PYTHON UPGRADE V
as-text = $(if $(filter environment command,$(firstword $(origin $(1)))),\
	$(eval override $(1) := $$(value $(1)))$(eval export $(1)))
COMMAND_LINE := $(foreach name,$(.VARIABLES),$(if \
	$(filter command,$(firstword $(origin $(name)))),$(name)))
$(foreach name,$(sort $(GIVEN) $(COMMAND_LINE)),$(call as-text,$(name)))
# What many shells hold under these names is none of ours.
$(foreach name,$(filter-out $(COMMAND_LINE),DIR TRIALS STATUS OUT FORMAT A B WHERE SWEEP JSON \
	SET NAME NOTE TAGS Q TOP WAIT KIND STYLE BY X Y TITLE LABELS SIZE DPI \
	SCRIPT ALLOW),\
	$(eval unexport $(name)))

# A verb refuses what it has no use for: a misspelt name is no silence.
export MAKE_VARIABLES := $(COMMAND_LINE)
export MAKE_GOAL := $(if $(filter 1,$(words $(or $(MAKECMDGOALS),all))),$(or $(MAKECMDGOALS),all))

V ?= 0
QUIET := $(if $(filter-out 0,$(V)),,@)
KCONFIG_CONFIG ?= .config
export KCONFIG_CONFIG

PYTHON_ENV := .venv/bin/python -P
ESPALIER := $(PYTHON_ENV) -m espalier
SETUP := sh scripts/bootstrap
SOURCES := $(wildcard lib models scripts tests benchmarks)
PRESETS := $(filter-out Kconfig% %-range,$(notdir $(wildcard defconfigs/*)))
CONFIGURATORS := config menuconfig nconfig oldconfig olddefconfig defconfig savedefconfig \
	allnoconfig allyesconfig alldefconfig randconfig listnewconfig helpnewconfig list-defconfigs

# Environments, made on first use. Only what trains or checks needs torch.
.PHONY: setup-plan setup-train setup-dev setup-trackers setup-ray setup-samplers setup-gpu
setup-plan setup-train setup-dev setup-trackers setup-ray setup-samplers setup-gpu:
	$(QUIET)$(SETUP) $(@:setup-%=%)

## Cleaning:
##   clean              - Remove caches and generated Kconfig files
##   mrproper           - Remove all of that, the configuration and the generated sweep
##   distclean          - Remove all of that and the installed environment
##                        (none of them removes results or data)
.PHONY: clean mrproper distclean
clean:
	$(QUIET)find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
	$(QUIET)rm -rf include/generated .mypy_cache .ruff_cache .pytest_cache .hypothesis

mrproper: clean sweep-clean
	$(QUIET)rm -f .config .config.old

distclean: mrproper
	$(QUIET)rm -rf .venv .venv.log

##
## Configuration:
##   config             - Answer every question, line by line
##   menuconfig         - Change the configuration in menus (nconfig is the same)
##   oldconfig          - Answer only what the configuration leaves open
##   olddefconfig       - Give new symbols their defaults without asking
##   defconfig          - New configuration with every default (alldefconfig is the same)
##   <name>_defconfig   - New configuration from defconfigs/<name>; also defconfig-<name>
##   list-defconfigs    - List the presets and range files, a line each
##   savedefconfig      - Save what differs from the defaults to ./defconfig
##   listnewconfig      - List the symbols that the configuration leaves open
##   helpnewconfig      - The same, with their help texts
##   diffconfig         - Compare FROM=.config.old with TO=.config
##   import-config      - FROM=<preset of mcgrof/AdamWPrune> in our symbols, into OUT=<file>
##   allnoconfig        - New configuration with every option off that can be
##   allyesconfig       - New configuration with every option on that can be
##   randconfig         - New random configuration; prints the KCONFIG_SEED it used
.PHONY: $(CONFIGURATORS) diffconfig
$(CONFIGURATORS): setup-plan
	$(QUIET)$(ESPALIER) config $@

FROM ?= $(KCONFIG_CONFIG).old
TO ?= $(KCONFIG_CONFIG)
export FROM TO
diffconfig: setup-plan
	$(QUIET)$(ESPALIER) config diffconfig "$$FROM" "$$TO"

.PHONY: import-config
import-config: setup-plan
	$(QUIET)$(ESPALIER) $@ $(if $(filter file,$(origin FROM)),,"$$FROM")

# The known names are spelled out so that a shell can complete them.
.PHONY: $(PRESETS:%=%_defconfig) $(PRESETS:%=defconfig-%)
$(PRESETS:%=%_defconfig) $(PRESETS:%=defconfig-%): setup-plan
	$(QUIET)$(ESPALIER) config "$$GOAL"

%_defconfig: override export GOAL = $@
%_defconfig: setup-plan
	$(QUIET)$(ESPALIER) config "$$GOAL"

defconfig-%: override export GOAL = $@
defconfig-%: setup-plan
	$(QUIET)$(ESPALIER) config "$$GOAL"

##
## Training (results go to test_matrix_results/):
## * all                - Train the configuration: one trial or a test matrix (train is the same)
##   sweep              - sweep-generate, then sweep-run: RANGE_CONFIG=<range file>
##   sweep-generate     - Expand RANGE_CONFIG into the trials of sweep_configs/
##   sweep-estimate     - Say how many trials, how long, how much disk and what it can show
##   sweep-run          - Run the generated sweep, or continue it; DIR=<folder>: continue any
##   race               - RANGE_CONFIG=<range file>, seed by seed until the best is known
##   sweep-again        - Run trials again: TRIALS=config_003,config_007 or STATUS=failed
##   sweep-parallel     - The same as sweep with PARALLEL=<n> trials at a time
##   sweep-status       - How far the running or last sweep is
##   sweep-watch        - Show it until it ends, from any terminal; WAIT=1: the next one
##   sweep-list         - All sweeps, or Q='PRUNING_METHOD=rigl & val_acc>97'; JSON=1
##   sweep-note         - Change what is said of a sweep: NOTE="why it was run", TAGS=<tag>,...
##   sweep-leaderboard  - Its best configurations so far
##   table              - The ranking as a table: FORMAT=latex, markdown or csv, OUT=<file>
##   figures            - Pictures for papers: KIND=ladder,..., FORMAT=pdf, STYLE=column; or all
##   export             - A sweep for TO=tensorboard, mlflow, trackio, wandb-offline or csv
##   report             - Write a sweep's report.html again: DIR=<folder>, or DIR=<a>,<b> for both
##   sweep-compare      - Two sweeps side by side: A=<folder> B=<folder>
##   verdict            - Is A better than B? A="PRUNING_METHOD=state" B="PRUNING_METHOD=magnitude"
##   sweep-focus        - Plan a sweep of nearby numbers: AROUND=best, a place, or a trial
##   sweep-ladder       - Where on one swept number its results fall off, and a picture
##   sweep-rebuild      - Make a damaged sweep.db again from the files of its sweep: DIR=<folder>
##   sweep-clean        - Remove sweep_configs/ and its drafts (never results)
##   validate           - Check the configuration's model and data before trusting a sweep of it
##   seed-finder        - The smallest network that learns, of RANGE_CONFIG or of a portfolio
##   growth-chain       - Grow that network to a BUDGET of edges: seed, converge, enlarge, again
##   search             - SCENARIO=quick (or budget, compare, thorough, pareto) within BUDGET=<n>
.PHONY: all train sweep sweep-generate sweep-estimate sweep-run sweep-parallel
.PHONY: sweep-rebuild sweep-status sweep-leaderboard sweep-focus sweep-ladder sweep-clean search
.PHONY: validate seed-finder sweep-again sweep-compare verdict race table report sweep-watch
.PHONY: sweep-list sweep-note figures export growth-chain
all train: config-given
	$(QUIET)$(SETUP) train
	$(QUIET)$(ESPALIER) train

validate: config-given
	$(QUIET)$(SETUP) train
	$(QUIET)$(ESPALIER) $@

sweep sweep-parallel: range-given
	$(QUIET)[ -e .venv/train.txt ] || { $(SETUP) plan && \
		$(ESPALIER) sweep-generate "$$RANGE_CONFIG" >/dev/null; }
	$(QUIET)$(SETUP) train
	$(QUIET)DIR= $(ESPALIER) sweep "$$RANGE_CONFIG"

sweep-generate: range-given
	$(QUIET)$(SETUP) plan
	$(QUIET)$(ESPALIER) $@ "$$RANGE_CONFIG"

sweep-estimate: range-given
	$(QUIET)$(SETUP) train
	$(QUIET)$(ESPALIER) $@ "$$RANGE_CONFIG"

race: setup-train
	$(QUIET)$(ESPALIER) $@ $(if $(RANGE_CONFIG),"$$RANGE_CONFIG")

sweep-run sweep-again: setup-train
	$(QUIET)$(ESPALIER) $@

sweep-status sweep-leaderboard sweep-focus sweep-ladder sweep-rebuild sweep-compare verdict \
	table report sweep-watch sweep-list sweep-note figures: setup-plan
	$(QUIET)$(ESPALIER) $@

export: setup-plan
	$(QUIET)case "$$TO" in tensorboard|mlflow|trackio|wandb-offline) $(SETUP) trackers;; esac
	$(QUIET)$(if $(filter file,$(origin TO)),TO= )$(ESPALIER) $@

sweep-clean:
	$(QUIET)rm -rf sweep_configs .sweep_configs.*

search seed-finder growth-chain: setup-train
	$(QUIET)$(ESPALIER) $@

EXAMPLE := defconfigs/digits-adamwprune-range
.PHONY: range-given
range-given: override export GOAL = $(firstword $(MAKECMDGOALS))
range-given:
	@test -n "$$RANGE_CONFIG" || { printf '%s %s\n' "error: RANGE_CONFIG names no range file;" \
		"for example: make $$GOAL RANGE_CONFIG=$(EXAMPLE)" >&2; exit 2; }

.PHONY: config-given
config-given:
	@test -e "$$KCONFIG_CONFIG" || { printf '%s %s\n' "error: $$KCONFIG_CONFIG: no such" \
		"configuration; make menuconfig or make <name>_defconfig writes one" >&2; exit 2; }

##
## Checks:
##   check              - lint, types, test: what continuous integration runs
##   lint               - Style of the code, lint-imports, lint-figures, and the Kconfig tree
##                        against the code
##   lint-imports       - Say where an import leads from a room of lib/espalier to a later one
##   lint-figures       - Say where a page's measured numbers are not those of the records
##   types              - Static types
##   test               - Tests
##   test-nightly       - The combinations that test leaves out; half an hour
##   new                - KIND=model NAME=<name>: files of a component, in EXTERNAL=<dir> or here
##   check-external     - The contracts for what is in EXTERNAL=<dir>, and its own tests/
##   bench              - Measure everything, half an hour; writes docs/benchmarks.md
##   bench-gpu          - The measurements that need a GPU; elsewhere it says so and ends
##   docs-figures       - Write the numbers of the pages from the records of benchmarks/
##   setup-trackers     - Install what export needs; it does so itself on first use
##   setup-ray          - Install what EXECUTOR=ray needs
##   setup-samplers     - Install what SAMPLER=tpe, gp, nsga2 and cmaes need
##   setup-gpu          - Install what CONFIG_GPU_TRACE=y needs
##   docs-pictures      - Run the commands of the gallery and tutorial; writes docs/figures/
##   lock               - Pin the packages of requirements/*.in; UPGRADE=1 takes new versions
.PHONY: check lint lint-imports lint-figures types test test-nightly bench bench-gpu docs-figures lock
check: lint types test

lint: setup-dev lint-imports lint-figures
	$(QUIET)$(PYTHON_ENV) -m ruff check $(SOURCES)
	$(QUIET)$(PYTHON_ENV) -m ruff format --check $(SOURCES)
	$(QUIET)$(ESPALIER) lint

# Not the program lint-imports: its first line names the Python of the folder it was installed in.
LINT_IMPORTS := $(PYTHON_ENV) -c 'import sys; from importlinter.cli import lint_imports; \
	sys.exit(lint_imports(no_cache=True, no_logo=True))'
lint-imports: setup-dev
	$(QUIET)report=$$($(LINT_IMPORTS) 2>&1) || { printf '%s\n' "$$report" \
		"error: imports break the order of the rooms in pyproject.toml, [tool.importlinter]" >&2; \
		exit 1; }

types: setup-dev
	$(QUIET)$(PYTHON_ENV) -m mypy

PYTEST := OMP_NUM_THREADS=1 $(PYTHON_ENV) -m pytest -n 2 --dist worksteal
test: setup-dev setup-trackers setup-samplers setup-ray
	$(QUIET)$(PYTEST)

test-nightly: setup-dev setup-trackers setup-samplers setup-ray
	$(QUIET)$(PYTEST) -m nightly

.PHONY: new check-external external-given
new: setup-plan
	$(QUIET)$(ESPALIER) $@

external-given:
	@test -n "$$EXTERNAL" || { printf '%s %s\n' "error: EXTERNAL names no tree;" \
		"for example: make check-external EXTERNAL=../my-tree" >&2; exit 2; }

check-external: external-given setup-dev
	$(QUIET)$(ESPALIER) $@

# Not with -P: the programs share modules of their own folder.
BENCHMARKS := .venv/bin/python benchmarks/collect.py
bench: setup-train
	$(QUIET)$(BENCHMARKS) $(if $(BENCH),--only "$$BENCH")

bench-gpu: setup-train
	$(QUIET)$(BENCHMARKS) --gpu

FIGURES := .venv/bin/python benchmarks/page_figures.py
lint-figures: setup-dev
	$(QUIET)$(FIGURES) --check

docs-figures: setup-dev
	$(QUIET)$(FIGURES)

.PHONY: docs-pictures
docs-pictures: setup-dev
	$(QUIET).venv/bin/python benchmarks/pictures.py

LOCK := $(PYTHON_ENV) -m uv pip compile -q --universal --python-version 3.11 \
	--no-header --no-annotate $(if $(UPGRADE),--upgrade)
lock: setup-plan
	$(QUIET)$(LOCK) requirements/dev.in -o requirements/dev.txt
	$(QUIET)$(LOCK) requirements/trackers.in -o requirements/trackers.txt
	$(QUIET)for name in train plan gpu ray samplers bench; do $(LOCK) requirements/$$name.in \
		-c requirements/dev.txt -o requirements/$$name.txt || exit; done

##
## Documentation:
##   help               - This text; README.md is the guide, docs/ the detail
.PHONY: help
help:
	@sed -n 's/^## \{0,1\}//p' Makefile

##
## Variables:
##   RANGE_CONFIG=<file>    - Range file of the sweep; several are merged, the last one wins
##   SET="<symbol>=<values>" - Goes before the range file: SET="LEARNING_RATE=0.1|0.2 NUM_EPOCHS=5"
##   SCRIPT="<command>"     - Trials are this program: SCRIPT="python train.py --lr {LEARNING_RATE}"
##   ALLOW=<hash>           - Let the program of a range file run, as the refusal says
##   PARALLEL=<n>           - Trials at a time (0: one a core, or one a GPU)
##   PACK=<n>               - Trials trained as one program (0: by a probe, 1: never)
##   EXECUTOR=ray           - Run trials on a Ray cluster: docs/cluster.md (pool: this machine)
##   RAY_ADDRESS=<address>  - The cluster to join: host:port, or auto for that of this machine;
##                            without it EXECUTOR=ray starts one here
##   GPU_SHARE=0.5          - Part of a GPU of the cluster for each trial at a time (1)
##   PRIORITY=SEED          - Trials in the order of this symbol's values; <symbol>=<value> first
##   BUDGET_MINUTES=<n>     - Minutes in which all trials that begin are to end (0: no limit)
##   AROUND=<trial>         - What sweep-focus plans around: best, a place in the ranking, a trial
##   REGION=<factor>        - How far its numbers go (half-way to those that were tried)
##   HOLD=<symbol>,...      - What it keeps, beside the target sparsity; none lets that vary too
##   RANK_BY=<measure>      - Rank by it instead of validation accuracy: val_loss, my_score:max;
##                            several by commas have a front: val_acc,live_parameters
##   BASELINE=<values>      - Compare all with PRUNING_METHOD=magnitude, or with config_012
##   BEST_PER=<symbols>     - The best of each value of a symbol, at each value of a second one
##   A=<side> B=<side>      - What verdict compares: values of symbols, or config_012; or folders
##   WHERE=<values>         - Only where symbols have these values: WHERE="TARGET_SPARSITY=0.9"
##   SWEEP=<folder>,...     - The sweeps that verdict reads together, in place of the newest
##   JSON=1                 - Print JSON, for scripts
##   DETECT=<difference>    - sweep-generate, sweep-estimate: how many seeds it takes to see it
##   SCENARIO=<name>        - Search: quick, budget, compare, thorough or pareto
##   DATASET=<name>         - Data set of the search, or in place of the seed finder's (digits)
##   BUDGET=<n>             - Most parameters of a model of the search; of pareto 500,2000;
##                            live edges at which growth-chain ends
##   GROWTH=<file>          - Range file of how growth-chain grows
##   BENCH=<name>           - The one program of benchmarks/ that bench runs
##   SAMPLER=orthogonal     - Plan the rows of an orthogonal array instead of the full grid
##   SAMPLER=random         - Plan configurations drawn at random; SAMPLER=sobol: spread evenly
##   SAMPLER=tpe            - Propose them by the results of earlier ones; gp, nsga2, cmaes
##   SAMPLER_TRIALS=<n>     - How many configurations a sampler draws (50)
##   SAMPLER_SEED=<n>       - Which of them a sampler draws (0)
##   MAX_TRIALS=<n>         - Plan a sweep that is larger than CONFIG_SWEEP_MAX_TRIALS
##   ALPHA=0.05             - The chance of a wrong verdict, or to call a best configuration behind
##                            (race); sweep-estimate and DETECT: the level to look ahead for
##   MARGIN=<number>        - What counts as equal, in the measure's unit (0: nothing)
##   MAX_SEEDS=<n>          - Race: seeds of a configuration at most (40)
##   NEW=1                  - Begin new results instead of continuing a stopped sweep
##   FORMAT=<format>        - Of table: latex, markdown or csv (markdown); of figures: png, svg, pdf
##   OUT=<file>             - What import-config or table writes, in place of the terminal; the
##                            folder of figures and export
##   TO=<format>            - What export writes for: tensorboard, mlflow, trackio, wandb-offline,
##                            csv; for diffconfig a configuration
##   KIND=<names>           - Figures: which, by commas (all that the sweep has); new: model,
##                            dataset, optimizer, lr_schedule, method or sampler
##   STYLE=<size>           - Figures: for a column of a paper, a page or a talk (page)
##   SIZE=<inches>          - Figures: width and height of each, as 3.4x2.6
##   DPI=<n>                - Figures: dots per inch of a png
##   BY=<symbols>           - Figures: what tells series apart, by commas
##   X=<name> Y=<name>      - Figures: the symbols or measures of the axes
##   TOP=<n>                - Figures: how many of the best are drawn; sweep-list: shown with Q (5)
##   TITLE=<text>           - Figures: a title above each
##   LABELS=<words>         - Figures: "val_acc=Accuracy;TARGET_SPARSITY=Sparsity" on axes and keys
##   NAME=<name>            - What a new sweep is called, in its folder's name and its reports; new:
##                            the component
##   NOTE=<text>            - A line on what a sweep is for; none takes it away
##   TAGS=<tag>,...         - Words that group sweeps; none takes them away
##   Q=<query>              - What sweep-list lists: = != < <= > >= ~ & | ! and parentheses
##   WAIT=1                 - sweep-watch: wait for the next sweep to begin, unless one runs
##   REUSE=0                - Train again what earlier sweeps have, instead of taking it over
##   DIR=<folder>           - The sweep to continue (sweep-run), rebuild or speak of; report:
##                            several by commas are compared
##   TRIALS=<names>         - What sweep-again runs again, and STATUS=failed, error, passed or stopped
##   KCONFIG_CONFIG=<file>  - Configuration to read and write in place of .config
##   EXTERNAL=<dir>[:<dir>] - Trees of your own: models, methods and more in folders outside
##   KCONFIG_SEED=<n>       - Seed of randconfig
##   PYTHON=<path>          - Python (3.11 or newer) to make the environment with
##   V=1                    - Show the commands
##
