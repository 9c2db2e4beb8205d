"""What the README shows of a sweep's output."""

from __future__ import annotations

import quick_start

SAID = """note: trials run one at a time
[ 1/36] config_001 passed
[ 2/36] config_002 passed
[36/36] config_036 passed
Best of 12 configurations: config_022
2. config_007
36 trials: 36 passed
page: /somewhere/results/report.html
report: /somewhere/results/sweep_analysis.txt
next: more seeds
"""
SHOWN = """```text
[ 1/36] config_001 passed
...
[36/36] config_036 passed
Best of 12 configurations: config_022
2. config_007
36 trials: 36 passed
page: test_matrix_results/sweep_YYYYMMDD_HHMMSS/report.html
report: test_matrix_results/sweep_YYYYMMDD_HHMMSS/sweep_analysis.txt
next: more seeds
```"""


def test_a_trial_and_the_end_are_shown_and_the_folder_is_that_of_make():
    assert quick_start.excerpt(SAID) == SHOWN
