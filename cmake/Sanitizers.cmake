# -DXSG_SANITIZE=address (with undefined) or =thread.
set(XSG_SANITIZE "" CACHE STRING "address, thread or empty")
set_property(CACHE XSG_SANITIZE PROPERTY STRINGS "" address thread)
if(XSG_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(XSG_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(XSG_SANITIZE)
  message(FATAL_ERROR "XSG_SANITIZE is '${XSG_SANITIZE}': expected address, thread or nothing")
endif()

# -DXSG_FUZZ=ON: the rooms are built for libFuzzer, with address and undefined checks (tests/fuzz).
option(XSG_FUZZ "build the fuzz targets with libFuzzer" OFF)
if(XSG_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "XSG_FUZZ needs clang: add -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
