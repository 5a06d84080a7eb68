"""The end of a script of unittest cases: its last line counts them, as scripts/test reads it."""
import sys
import unittest


def run(argv):
    """Runs the tests of the script, with unittest's options in argv[1:], and exits."""
    result = unittest.main(module="__main__", argv=argv, exit=False).result
    # A test with several parts may have several faults.
    failed = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed", flush=True)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
