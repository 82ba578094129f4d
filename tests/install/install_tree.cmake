# A fresh install, with the first file of each kind looked for.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
foreach(pattern include/sotto/client.h include/sotto/error_codes.def lib*/libsotto.so lib*/libsotto.a
    lib*/cmake/sotto/sotto-config.cmake lib*/pkgconfig/sotto.pc share/doc/sotto/LICENSE)
  file(GLOB found ${PREFIX}/${pattern} ${PREFIX}/lib/*/${pattern})
  if(NOT found)
    message(FATAL_ERROR "${pattern} was not installed")
  endif()
endforeach()
file(GLOB strangers RELATIVE ${PREFIX}/include ${PREFIX}/include/*)
if(NOT strangers STREQUAL "sotto")
  message(FATAL_ERROR "more than sotto/ in include: ${strangers}")
endif()
