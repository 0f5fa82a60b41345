"""The contract suite ships with the package; this is its old name here."""

from modulo.verifiers.contract import Case as Case
from modulo.verifiers.contract import NoSandbox as NoSandbox
from modulo.verifiers.contract import VerifierContract as VerifierContract
