"""The counts that `run_suites.py` reads from each runner's output."""

import io
import sys
import unittest
from contextlib import redirect_stdout
from unittest import mock

import run_suites
from run_suites import Counts, Suite


class Reading(unittest.TestCase):
    def test_cargo_sums_its_test_programs(self):
        output = (
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n"
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.10s\n"
        )
        self.assertEqual(run_suites.cargo(output), Counts(5, 1, 1))

    def test_vitest_counts_tests_and_not_files(self):
        output = " Test Files  1 failed | 4 passed (5)\n      Tests  1 failed | 30 passed | 2 skipped (33)\n"
        self.assertEqual(run_suites.vitest(output), Counts(30, 1, 2))

    def test_pytest(self):
        output = "test_a.py .s\n=== 1 failed, 3 passed, 2 skipped, 1 error in 0.12s ===\n"
        self.assertEqual(run_suites.pytest(output), Counts(3, 2, 2))

    def test_unittest(self):
        self.assertEqual(run_suites.unittest("Ran 6 tests in 0.1s\n\nOK\n"), Counts(6, 0, 0))
        self.assertEqual(
            run_suites.unittest("Ran 6 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=2)\n"), Counts(2, 2, 2)
        )


class Running(unittest.TestCase):
    def totals(self, script: str) -> tuple[int, str]:
        """Exit code and last line of a run of one suite that is `python -c script`."""
        suites = {"one": Suite([sys.executable, "-c", script], run_suites.unittest)}
        with mock.patch.object(run_suites, "SUITES", suites), redirect_stdout(io.StringIO()) as output:
            code = run_suites.main(["one"])
        return code, output.getvalue().splitlines()[-1]

    def test_what_passes(self):
        self.assertEqual(self.totals("print('Ran 2 tests in 0.1s')"), (0, "2 passed, 0 failed, 0 skipped"))

    def test_a_suite_that_runs_nothing_has_failed(self):
        self.assertEqual(self.totals("print('nothing here')"), (1, "0 passed, 1 failed, 0 skipped"))

    def test_a_suite_that_breaks_off_has_failed(self):
        script = "print('Ran 2 tests in 0.1s'); raise SystemExit(3)"
        self.assertEqual(self.totals(script), (1, "2 passed, 1 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
