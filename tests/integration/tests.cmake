# Integration tests: each file of Python here is one ctest against a real PostgreSQL cluster of its own.
# Sanitizer builds are slow: every time limit is longer there, and the loads are shorter.

set(integration_environment "")
set(integration_timeout 300)
# What scripts/test --short leaves to the release build, label `long`: other programs more than ours, loads, much waiting.
set(integration_long clients chaos patroni explain failover shadow read_preference reload discovery session_attrs versions cancel_race pgbench replicas observe auth auth_query lessons_auth_query
    balance property leak read_only run_again causal causal_sessions catalog lessons_session lessons_server)
file(GLOB integration_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_test.py)
if(PGWEIR_SANITIZE)
  set(integration_environment
      "PGWEIR_SLOW=5;PGWEIR_PGBENCH_SECONDS=2;PGWEIR_PROPERTY_SECONDS=15;ASAN_OPTIONS=detect_leaks=1:abort_on_error=0;UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=halt_on_error=0")
  set(integration_timeout 900)
endif()

foreach(file ${integration_files})
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${name})
  add_test(NAME integration.${name} COMMAND /usr/bin/python3 ${file} $<TARGET_FILE:pgweir>)
  set(labels integration)
  if(name IN_LIST integration_long)
    list(APPEND labels long)
  endif()
  # One at a time: they measure times and count connections on a small machine.
  set_tests_properties(integration.${name} PROPERTIES LABELS "${labels}" RUN_SERIAL ON TIMEOUT ${integration_timeout}
                       ENVIRONMENT "${integration_environment}")
endforeach()
