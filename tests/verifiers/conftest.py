"""The contract suite is part of the package; its failures are to show their values as those of a test do."""

import pytest

pytest.register_assert_rewrite("modulo.verifiers.contract")
