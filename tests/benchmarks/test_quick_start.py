"""What the README shows of a sweep's output."""

from __future__ import annotations

import quick_start

SAID = """note: trials run one at a time
[ 1/36] config_001 passed
[ 2/36] config_002 passed
[36/36] config_036 passed
Hyperparameter Sweep Analysis
TOP 10 CONFIGURATIONS:

1. config_007
   Val Acc: 98.46%
2. config_013
3. config_004
4. config_005
10. config_010
   Val Acc: 98.15%

FAILED TESTS: 0 of 36

HOW TO GO ON:
- More seeds.

36 trials: 36 passed
page: /somewhere/results/report.html
report: /somewhere/results/sweep_analysis.txt
"""
SHOWN = """```text
[ 1/36] config_001 passed
...
[36/36] config_036 passed
Hyperparameter Sweep Analysis
TOP 10 CONFIGURATIONS:

1. config_007
   Val Acc: 98.46%
2. config_013
...
10. config_010
   Val Acc: 98.15%
...
HOW TO GO ON:
- More seeds.

36 trials: 36 passed
page: test_matrix_results/sweep_YYYYMMDD_HHMMSS/report.html
report: test_matrix_results/sweep_YYYYMMDD_HHMMSS/sweep_analysis.txt
```"""


def test_the_middle_of_the_output_is_cut_and_its_folder_is_that_of_make():
    assert quick_start.excerpt(SAID) == SHOWN
