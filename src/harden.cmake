# What makes a crafted file's bug a crash instead of a way in. Sanitizers and coverage bring their
# own checks, and FORTIFY needs an optimiser.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

if(CREDENCE_HARDEN AND NOT CREDENCE_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  include(CheckCCompilerFlag)
  check_c_compiler_flag(-fstack-protector-strong CREDENCE_HAS_STACK_PROTECTOR)
  check_c_compiler_flag(-fcf-protection CREDENCE_HAS_CF_PROTECTION)
  check_c_compiler_flag(-fstack-clash-protection CREDENCE_HAS_STACK_CLASH)
  target_compile_options(credence_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
      $<$<BOOL:${CREDENCE_HAS_STACK_PROTECTOR}>:-fstack-protector-strong>
      $<$<BOOL:${CREDENCE_HAS_CF_PROTECTION}>:-fcf-protection>
      $<$<BOOL:${CREDENCE_HAS_STACK_CLASH}>:-fstack-clash-protection>)
  target_link_options(credence_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
