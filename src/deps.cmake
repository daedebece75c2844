# The three small libraries, from the system or, where a cluster has them not, from unpacked
# sources below CREDENCE_DEPS (any folder names: cJSON.c, libcsv.c and xxhash.c are looked for).

# from_sources(NAME SOURCE HEADER): a static library of the one SOURCE found below
# CREDENCE_DEPS, whose HEADER stands beside it.
function(from_sources name source header)
  file(GLOB found "${CREDENCE_DEPS}/${source}" "${CREDENCE_DEPS}/*/${source}")
  list(LENGTH found number)
  if(NOT number EQUAL 1)
    message(FATAL_ERROR "CREDENCE_DEPS=${CREDENCE_DEPS}: ${number} files called ${source} in it "
                        "or in its folders, one expected: unpack the sources of cJSON, libcsv and "
                        "xxHash there")
  endif()
  get_filename_component(dir "${found}" DIRECTORY)
  if(NOT EXISTS "${dir}/${header}")
    message(FATAL_ERROR "${found} has no ${header} beside it")
  endif()
  add_library(${name} STATIC "${found}")
  target_include_directories(${name} SYSTEM PUBLIC "${dir}")
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON C_EXTENSIONS ON)
endfunction()

# from_system(NAME LIBRARY HEADER): the installed LIBRARY.
function(from_system name library header)
  find_library(${name}_LIBRARY ${library})
  find_path(${name}_INCLUDE ${header} PATH_SUFFIXES cjson)
  if(NOT ${name}_LIBRARY OR NOT ${name}_INCLUDE)
    message(FATAL_ERROR "${header} or its library lib${library} was not found. Install it "
                        "(jobs/quickstart.sh lists the packages), name its prefix in "
                        "CMAKE_PREFIX_PATH, or unpack its sources and use -DCREDENCE_DEPS=DIR")
  endif()
  add_library(${name} INTERFACE)
  target_include_directories(${name} SYSTEM INTERFACE ${${name}_INCLUDE})
  target_link_libraries(${name} INTERFACE ${${name}_LIBRARY})
endfunction()

if(CREDENCE_DEPS)
  from_sources(credence_cjson cJSON.c cJSON.h)
  from_sources(credence_csv libcsv.c csv.h)
  from_sources(credence_xxhash xxhash.c xxhash.h)
else()
  from_system(credence_cjson cjson cJSON.h)
  from_system(credence_csv csv csv.h)
  from_system(credence_xxhash xxhash xxhash.h)
endif()
