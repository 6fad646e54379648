# Compiler options and the one-library-per-folder rule.
include_guard(GLOBAL)

option(NOSPOF_TESTS "build the tests" ON)
option(NOSPOF_BENCH "build the benchmarks" OFF)
option(NOSPOF_FUZZ "build the fuzz targets; needs clang++" OFF)
set(NOSPOF_SANITIZE "" CACHE STRING "value of -fsanitize=, empty for none")
option(NOSPOF_COVERAGE "instrument for gcov" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE ccache)
if(CCACHE)
  # What one clone has compiled is there for another one in another folder.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
find_program(MOLD mold)

add_library(nospof_options INTERFACE)
target_compile_options(nospof_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
# g++ 12 takes the frame allocator of Asio's coroutines for a mismatched new and delete once it inlines.
target_compile_options(nospof_options INTERFACE -Wno-mismatched-new-delete)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # g++ is whose warnings are errors; clang++ only builds what is fuzzed, and its versions differ.
  target_compile_options(nospof_options INTERFACE -Wno-error)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 takes the assignment of a literal to a std::string for an overlapping copy (GCC bug 105651).
  target_compile_options(nospof_options INTERFACE -Wno-restrict)
endif()
target_compile_definitions(nospof_options INTERFACE
  NOSPOF_VERSION="${PROJECT_VERSION}" BOOST_ASIO_NO_DEPRECATED)
target_include_directories(nospof_options INTERFACE ${CMAKE_SOURCE_DIR}/harness ${CMAKE_SOURCE_DIR})
if(MOLD)
  target_link_options(nospof_options INTERFACE -fuse-ld=mold)
endif()
if(NOSPOF_SANITIZE)
  target_compile_options(nospof_options INTERFACE
    -fsanitize=${NOSPOF_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(nospof_options INTERFACE -fsanitize=${NOSPOF_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # With sanitizers g++ 12 takes the standard library's own <regex> for uninitialized.
    target_compile_options(nospof_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(NOSPOF_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Asio has fences, which the thread sanitizer does not follow: false alarms at worst, and so far none.
    target_compile_options(nospof_options INTERFACE -Wno-tsan)
  endif()
endif()
if(NOSPOF_COVERAGE)
  target_compile_options(nospof_options INTERFACE --coverage)
  target_link_options(nospof_options INTERFACE --coverage)
endif()

# nospof_library(FOLDER LINKS ...): library nospof_<last part> from every .cpp directly in FOLDER.
function(nospof_library folder)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  get_filename_component(name ${folder} NAME)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  if(sources)
    add_library(nospof_${name} STATIC ${sources})
    target_link_libraries(nospof_${name} PUBLIC ${ARG_LINKS})
    target_link_libraries(nospof_${name} PUBLIC nospof_options)
  else()
    add_library(nospof_${name} INTERFACE)
    target_link_libraries(nospof_${name} INTERFACE ${ARG_LINKS} nospof_options)
  endif()
endfunction()
