# tests/integration: the real programs, real sockets. One test a line: several
# of us add here.
integration_tests =
integration_tests += tests/integration/t-sum.sh
integration_tests += tests/integration/t-unit.sh
dist_check_SCRIPTS += $(integration_tests)
TESTS += $(integration_tests)
