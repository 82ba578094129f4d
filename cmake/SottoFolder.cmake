# One CMake target a folder of src/, linked only to the folders that it may use.

set(SOTTO_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False positives when optimising: std::string (GCC bug 105651) and std::vector of bytes (105329, 100366).
  list(APPEND SOTTO_WARNINGS -Wno-restrict -Wno-stringop-overread -Wno-array-bounds)
endif()
if(SOTTO_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # What it says depends on what is inlined, and on which file is the main one. Plain builds have these warnings.
  list(APPEND SOTTO_WARNINGS -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-subobject-linkage)
elseif(SOTTO_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  list(APPEND SOTTO_WARNINGS -Wno-stringop-overflow)
endif()

add_library(sotto_options INTERFACE)
target_compile_options(sotto_options INTERFACE ${SOTTO_WARNINGS})
if(SOTTO_SANITIZE)
  add_compile_options(-fsanitize=${SOTTO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SOTTO_SANITIZE})
endif()
if(SOTTO_TEST_HOOKS)
  add_compile_definitions(SOTTO_TEST_HOOKS)
endif()
if(SOTTO_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# sotto_unity(TARGET...): with SOTTO_UNITY, several of a target's sources are compiled at a time. The names that they keep
# to themselves have to differ.
function(sotto_unity)
  if(SOTTO_UNITY)
    set_target_properties(${ARGN} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  endif()
endfunction()

# sotto_precompile(TARGET header...): what nearly all of its files read first. Not where g++ 12 warns as it should: it warns
# of std::string's own code, too, when that comes from a precompiled header.
function(sotto_precompile target)
  if(SOTTO_SANITIZE OR SOTTO_UNITY)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# sotto_folder(NAME [FOLDER folder] [ONLY regex] [WITHOUT regex] [USES target...] [LIBS target...]): the target of
# src/NAME, or of a part of src/FOLDER.
function(sotto_folder name)
  cmake_parse_arguments(ARG "" "FOLDER;ONLY;WITHOUT" "USES;LIBS" ${ARGN})
  if(NOT ARG_FOLDER)
    set(ARG_FOLDER ${name})
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${ARG_FOLDER}/*.cpp)
  if(ARG_ONLY)
    list(FILTER sources INCLUDE REGEX ${ARG_ONLY})
  endif()
  if(ARG_WITHOUT)
    list(FILTER sources EXCLUDE REGEX ${ARG_WITHOUT})
  endif()
  add_library(sotto_${name} STATIC ${sources})
  target_include_directories(sotto_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  list(TRANSFORM ARG_USES PREPEND sotto_)
  target_link_libraries(sotto_${name} PUBLIC ${ARG_USES} ${ARG_LIBS} PRIVATE $<BUILD_INTERFACE:sotto_options>)
  sotto_unity(sotto_${name})
endfunction()
