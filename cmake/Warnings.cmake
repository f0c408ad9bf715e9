# One interface library carries the warning flags, so that every target of ours has the same.
option(XSG_WERROR "treat warnings as errors" ON)
set(warnings -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef
  -Wformat=2 -Wvla)
set(warnings_c -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU") # clang also means NAN and isnan(), which are float by standard
  list(APPEND warnings -Wdouble-promotion)
else() # clang-format splits long literals, which clang takes for a forgotten comma
  list(APPEND warnings -Wno-string-concatenation)
endif()
if(XSG_WERROR)
  list(APPEND warnings -Werror)
endif()
add_library(xsg_warnings INTERFACE)
target_compile_options(xsg_warnings INTERFACE ${warnings}
  "$<$<COMPILE_LANGUAGE:C>:${warnings_c}>")
