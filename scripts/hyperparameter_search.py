"""The names that the search guide imports: `from hyperparameter_search import ...`.

A program that imports this ends with one line where it gets bad input or has no data.
"""

from espalier.search import api_words
from espalier.search.search_results import SearchResult, load_results
from espalier.search.searcher import HyperparameterSearcher

__all__ = ["HyperparameterSearcher", "SearchResult", "load_results"]

api_words.report_in_one_line()
