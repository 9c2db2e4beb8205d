"""The names that the search guide imports: `from hyperparameter_search import ...`."""

from espalier.search.search_results import SearchResult, load_results
from espalier.search.searcher import HyperparameterSearcher

__all__ = ["HyperparameterSearcher", "SearchResult", "load_results"]
