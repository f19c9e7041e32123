"""Have every rendered file read back by the program that will consume it.

In: an output folder and the outside tools.  Out: a VerifyReport.  Changes nothing.
"""

from generator.verify.report import CheckResult, Verdict, VerifyReport
from generator.verify.runner import verify_output

__all__ = ["CheckResult", "Verdict", "VerifyReport", "verify_output"]
