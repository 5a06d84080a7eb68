"""What the library says, in Python's logging."""

import logging
from typing import Callable

_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


def log_to(logger: logging.Logger) -> Callable[[int, str], None]:
    """A function for the library's log lines, which have the numbers of rf_log_level."""

    def log(level: int, message: str) -> None:
        logger.log(_LEVELS[level], "%s", message)

    return log
