"""The settings of a job that every test of the training entry takes, to be added to."""

SETTINGS = {
    "DEVICE": "cpu",
    "DATA_DIR": "data",
    "DATA_MEMORY": "0",
    "DATA_WORKERS": "0",
    "MICRO_BATCH": "0",
    "DOWNLOAD": "n",
    "DEBUG_CHECKS": "n",
}
