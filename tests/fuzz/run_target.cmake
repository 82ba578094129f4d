# cmake -DTARGET=… -DRUNS=… -DCORPUS=… -DFOUND=… -P run_target.cmake: a short run from a corpus that stays as it is. New
# inputs and a reproducer go to FOUND, which is emptied first.
file(REMOVE_RECURSE ${FOUND})
file(MAKE_DIRECTORY ${FOUND}/inputs)
execute_process(
  COMMAND ${TARGET} -seed=1 -runs=${RUNS} -max_len=4096 -rss_limit_mb=2048 -entropic=0 -artifact_prefix=${FOUND}/ -close_fd_mask=1
    ${FOUND}/inputs ${CORPUS}
  RESULT_VARIABLE outcome)
if(NOT outcome EQUAL 0)
  message(FATAL_ERROR "a finding: see ${FOUND}")
endif()
